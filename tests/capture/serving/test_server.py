"""The port of a replay: what is spoken is told by its first bytes, in each of the modes."""

import http.client
import ssl
import time

import pytest

from capture.exchanges import sealed
from capture.serving.served import AUTHORITY, PATIENCE, serving, trusting
from e2e.http2_client import Client, request
from outgate.capture.serving.places import Mode

KEPT = [sealed("https://api.example/a", answer=b"a"), sealed("http://www.example/b", answer=b"b")]


def get(sock, target, host):
    sock.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    with sock.makefile("rb") as file:
        head, _, body = file.read().partition(b"\r\n\r\n")
    return int(head.split()[1]), body


@pytest.mark.parametrize("host", ["api.example", "www.example", "127.0.0.1"])
def test_tls_has_a_certificate_for_whatever_host_is_asked_for(host):
    with serving(*KEPT) as served, served.secure(host) as sock:
        assert get(sock, "/a", "api.example") == (200, b"a")


def test_tls_without_a_name_is_for_the_address():
    with serving(*KEPT) as served:
        context = trusting()
        context.check_hostname = False
        with context.wrap_socket(served.dial()) as sock:
            names = sock.getpeercert()["subjectAltName"]
    assert names == (("IP Address", "127.0.0.1"),)


def test_one_that_does_not_trust_is_counted():
    with serving(*KEPT) as served:
        with pytest.raises(ssl.SSLCertVerificationError), served.dial() as sock:
            ssl.create_default_context().wrap_socket(sock, server_hostname="api.example")
        with served.secure("api.example") as sock:
            get(sock, "/a", "api.example")
    assert served.desk.tally.handshakes == 1


def test_a_host_is_in_the_path_where_it_is_nowhere_else():
    with serving(*KEPT) as served:
        for target, host, expected in (
            ("/api.example/a", "127.0.0.1", (200, b"a")),
            ("/www.example/b", "127.0.0.1", (200, b"b")),
            ("/b", "127.0.0.1", (200, b"b")),
            ("/b", "www.example", (200, b"b")),
        ):
            with served.dial() as sock:
                assert get(sock, target, host) == expected
        with served.dial() as sock:
            assert get(sock, "/b", "api.example")[0] == 599


# As a proxy.


def tunnel(served, target):
    sock = served.dial()
    sock.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: test\r\n\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        if not (more := sock.recv(1)):
            break
        head += more
    return sock, head.partition(b"\r\n")[0]


@pytest.mark.parametrize("mode", [Mode.REGULAR, Mode.REVERSE])
def test_a_proxy_takes_whole_addresses_and_connect(mode):
    with serving(*KEPT, mode=mode) as served:
        with served.dial() as sock:
            assert get(sock, "http://www.example/b", "www.example") == (200, b"b")
        sock, line = tunnel(served, "api.example:443")
        assert line == b"HTTP/1.1 200 Connection established"
        with served.secure("api.example", sock=sock) as secured:
            assert get(secured, "/a", "api.example") == (200, b"a")
        sock, _ = tunnel(served, "www.example:80")
        with sock:
            assert get(sock, "/b", "www.example") == (200, b"b")


def test_a_proxy_is_strict_about_the_host():
    with serving(*KEPT, mode=Mode.REGULAR) as served:
        with served.dial() as sock:
            assert get(sock, "http://other.example/b", "other.example")[0] == 599
        sock, _ = tunnel(served, "other.example:443")
        with served.secure("other.example", sock=sock) as secured:
            assert get(secured, "/a", "other.example")[0] == 599


def test_http2_in_a_tunnel():
    with serving(*KEPT, mode=Mode.REGULAR) as served:
        sock, _ = tunnel(served, "api.example:443")
        with served.secure("api.example", "h2", "http/1.1", sock=sock) as secured:
            assert Client(secured).ask(request("api.example", "/a", scheme="https")).body == b"a"


@pytest.mark.parametrize("target", ["nowhere", "host:", ":443"])
def test_a_connect_to_nowhere_is_refused(target):
    with serving(*KEPT, mode=Mode.REGULAR) as served:
        sock, line = tunnel(served, target)
        sock.close()
    assert line == b"HTTP/1.1 400 Bad Request"


def test_a_connect_that_dribbles_is_taken():
    with serving(*KEPT, mode=Mode.REGULAR) as served, served.dial() as sock:
        for piece in (b"CON", b"NECT www.example:80 HT", b"TP/1.1\r\nHost: x\r\n", b"\r\n"):
            sock.sendall(piece)
            time.sleep(0.03)
        assert sock.recv(100).startswith(b"HTTP/1.1 200 ")
        assert get(sock, "/b", "www.example") == (200, b"b")


def test_httplib_through_it():
    """A client that people use."""
    with serving(*KEPT, mode=Mode.REGULAR) as served:
        connection = http.client.HTTPSConnection(served.host, served.port, context=trusting(), timeout=PATIENCE)
        connection.set_tunnel("api.example", 443)
        connection.request("GET", "/a")
        assert connection.getresponse().read() == b"a"
        connection.close()


# Redirected.


def test_a_redirected_connection_says_where_it_was_going(monkeypatch):
    monkeypatch.setattr("outgate.replaying.original_destination", lambda sock: ("192.0.2.7", 443))
    with serving(*KEPT, mode=Mode.TRANSPARENT) as served, served.secure("api.example") as sock:
        assert get(sock, "/a", "api.example") == (200, b"a")


def test_one_that_was_not_redirected_is_closed():
    with serving(*KEPT, mode=Mode.TRANSPARENT) as served, served.dial() as sock:
        assert sock.recv(10) == b""


def test_clients_that_say_nothing_do_not_keep_it_from_ending():
    with serving(*KEPT) as served:
        sockets = [served.dial() for _ in range(5)]
        sockets[0].sendall(b"PRI ")
        sockets[1].sendall(b"\x16\x03")
        sockets[2].sendall(b"GET / HTTP/1.1\r\n")
    for sock in sockets:
        sock.close()


def test_a_host_that_the_authority_may_not_sign_has_no_certificate():
    with serving(*KEPT) as served, pytest.raises(ssl.SSLError), served.dial() as sock:
        trusting().wrap_socket(sock, server_hostname="under_score.example")
    assert AUTHORITY.may_sign("api.example")
