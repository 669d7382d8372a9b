"""Proxy clients: absolute targets, CONNECT and SOCKS5, judged as redirected traffic is. Needs no namespaces."""

from __future__ import annotations

import hashlib
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from e2e.documents import Document, access, defaults, native, policy
from e2e.journal import Journal
from e2e.lab import world
from e2e.lab.gate import LoopbackGate
from e2e.lab.origins import LocalOrigins
from e2e.lab.raw import EOF_SEEN
from e2e.lab.upstreams import Server
from e2e.workload import Answer, came_of, drain, parsed, response

pytestmark = pytest.mark.core

HERE = "127.0.0.1"


@pytest.fixture(scope="module")
def local(origin_pki: world.OriginPki) -> Iterator[LocalOrigins]:
    kinds = {"plain": "http", "tls": "http", "pinned": "http", "tcp": "echo"}
    secured = {"tls": world.tls(origin_pki, "api"), "pinned": world.tls(origin_pki, "pinned")}
    servers = [Server(name, kind, (f"{HERE}:0",), secured.get(name)) for name, kind in kinds.items()]
    with LocalOrigins(servers) as running:
        yield running


def registry(origins: LocalOrigins) -> str:
    """Names that lead to the local servers; one of them is ruled out."""

    def leading(number: int, protocol: str, server: str) -> Document:
        host, port = origins.address(server)
        upstream = {"port": port, "endpoints": [{"address": host, "port": port}]}
        return {"number": number, "protocol": protocol, "upstream": upstream}

    def place(host: str, *ports: Document) -> Document:
        spec = {"hosts": [host], "resolution": "STATIC", "ports": list(ports)}
        return native("EgressDestination", host.replace(".", "-"), spec)

    here = {"number": origins.address("plain")[1], "protocol": "HTTP"}
    web = leading(80, "HTTP", "plain"), leading(443, "HTTPS", "tls")
    return policy(
        defaults(mode="REGISTRY_ONLY"),
        place("api.example", *web),
        place("ruled.example", *web),
        place("pinned.example", leading(443, "TLS", "pinned")),
        place("tcp.example", leading(7000, "TCP", "tcp")),
        native("EgressDestination", "here", {"addresses": ["127.0.0.0/8"], "ports": [here]}),
        access("no-ruled", action="DENY", rules=[{"to": [{"hosts": ["ruled.example"]}]}]),
    )


@dataclass(frozen=True)
class Proxies:
    """A gate of each mode, and who asks through them."""

    regular: LoopbackGate
    socks5: LoopbackGate
    pki: world.OriginPki

    def gate(self, mode: str) -> LoopbackGate:
        return self.regular if mode == "regular" else self.socks5

    def curl(self, url: str, *flags: str) -> Answer:
        common = ["-sS", "-i", "--suppress-connect-headers", "--noproxy", "", "--max-time", "15"]
        asked = ["curl", *common, "--cacert", str(self.pki.gate_ca.cert), *flags, url]
        return came_of(subprocess.run(asked, capture_output=True, check=False, timeout=30))

    def http(self, url: str, *flags: str) -> Answer:
        return self.curl(url, "--proxy", "http://{}:{}".format(*self.regular.address), *flags)

    def tunnelled(self, url: str, *flags: str) -> Answer:
        return self.http(url, "--proxytunnel", *flags)

    def upgrading(self, url: str) -> Answer:
        """The beginning of a WebSocket, with an absolute target."""
        asked = {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
        fields = {**asked, "sec-websocket-key": "AAECAwQFBgcICQoLDA0ODw=="}
        return self.http(url, *(part for name, value in fields.items() for part in ("-H", f"{name}: {value}")))

    def socks(self, url: str, *flags: str) -> Answer:
        return self.curl(url, "--proxy", "socks5h://{}:{}".format(*self.socks5.address), *flags)

    @contextmanager
    def connected(self, target: str) -> Iterator[socket.socket]:
        """Through CONNECT, which has to succeed."""
        with socket.create_connection(self.regular.address, 10) as made:
            made.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
            assert made.recv(1000) == b"HTTP/1.1 200 Connection established\r\n\r\n"
            yield made

    @contextmanager
    def socked(self, host: str, port: int) -> Iterator[tuple[socket.socket, int]]:
        """Through SOCKS5 by name, with what the gate replied."""
        with socket.create_connection(self.socks5.address, 10) as made:
            made.sendall(b"\x05\x01\x00")
            assert made.recv(2) == b"\x05\x00"
            made.sendall(b"\x05\x01\x00\x03" + bytes([len(host)]) + host.encode() + port.to_bytes(2, "big"))
            yield made, made.recv(10)[1]


@pytest.fixture(scope="module")
def proxies(local: LocalOrigins, origin_pki: world.OriginPki, engine: str) -> Iterator[Proxies]:
    regular, socks5 = (LoopbackGate(registry(local), origin_pki, mode, engine=engine) for mode in ("regular", "socks5"))
    with regular, socks5:
        yield Proxies(regular, socks5, origin_pki)
        assert "Traceback" not in regular.stderr() + socks5.stderr()


@pytest.fixture
def origins(local: LocalOrigins) -> LocalOrigins:
    local.records.forget()
    return local


type Ask = Callable[..., Answer]
ROUTES: dict[str, tuple[str, Ask, str]] = {
    "absolute target": ("regular", Proxies.http, "http"),
    "CONNECT": ("regular", Proxies.tunnelled, "http"),
    "CONNECT and TLS": ("regular", Proxies.http, "https"),
    "SOCKS": ("socks5", Proxies.socks, "http"),
    "SOCKS and TLS": ("socks5", Proxies.socks, "https"),
}
DENIED = {**ROUTES, "WebSocket": ("regular", Proxies.upgrading, "http")}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("http", ["--http1.1", "--http2"])
def test_a_registered_host_is_reached(proxies: Proxies, origins: LocalOrigins, route: str, http: str) -> None:
    mode, ask, scheme = ROUTES[route]
    journal = Journal(proxies.gate(mode))
    answer = ask(proxies, f"{scheme}://api.example/through?a=1", http)
    assert answer.status == 200, answer
    assert answer.json["server"] == ("tls" if scheme == "https" else "plain")
    assert answer.json["line"].startswith("GET /through?a=1 ")
    assert "api.example" in dict(answer.json["headers"]).values()
    entry = journal.one(path="/through")
    assert (entry["verdict"], entry["code"], entry["host"]) == ("allow", "registered", "api.example")


@pytest.mark.parametrize("route", DENIED)
def test_a_host_that_is_not_registered_is_denied(proxies: Proxies, origins: LocalOrigins, route: str) -> None:
    mode, ask, scheme = DENIED[route]
    journal = Journal(proxies.gate(mode))
    answer = ask(proxies, f"{scheme}://forbidden.example/?token=secret")
    if mode == "socks5":
        assert (answer.exit, answer.status) == (97, 0), "a SOCKS reply has no room for a reason"
    elif "CONNECT" in route:
        assert answer.exit == 56
        assert "502" in answer.error
    else:
        assert (answer.status, answer.denial["code"]) == (502, "unregistered")
    entry = journal.one(verdict="deny")
    assert entry["code"] == "unregistered"
    assert "forbidden.example" in entry["reason"]
    assert "secret" not in str(proxies.gate(mode).log()) + proxies.gate(mode).stderr()
    assert not origins.records()


@pytest.mark.parametrize("route", DENIED)
def test_a_host_that_a_rule_refuses_is_denied(proxies: Proxies, origins: LocalOrigins, route: str) -> None:
    mode, ask, scheme = DENIED[route]
    journal = Journal(proxies.gate(mode))
    answer = ask(proxies, f"{scheme}://ruled.example/refused")
    assert (answer.status, answer.denial["code"]) == (403, "refused_by_rule"), answer
    assert "no-ruled" in answer.denial["rule"]
    assert journal.one(path="/refused")["code"] == "refused_by_rule"
    assert not origins.records()


@pytest.mark.parametrize("how", ["CONNECT", "SOCKS"])
@pytest.mark.parametrize(("host", "status"), [("api.example", 101), ("ruled.example", 403)])
def test_a_websocket_is_judged_alike(proxies: Proxies, origins: LocalOrigins, how: str, host: str, status: int) -> None:
    through = proxies.connected(f"{host}:80") if how == "CONNECT" else proxies.socked(host, 80)
    with through as made:
        sock = made if isinstance(made, socket.socket) else made[0]
        try:
            with connect(f"ws://{host}/ws", sock=sock, open_timeout=10) as client:
                client.send("hello")
                assert client.recv(timeout=10) == "hello"
                got = 101
        except InvalidStatus as refused:
            got = refused.response.status_code
    assert got == status


# Names.


def test_a_target_and_what_is_asked_inside_have_to_agree(proxies: Proxies, origins: LocalOrigins) -> None:
    head = b"GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"
    for host in (b"ruled.example", b"forbidden.example", b"api.example:8080"):
        with proxies.connected("api.example:80") as made:
            made.sendall(head % host)
            answer = parsed(drain(made))
        assert (answer.status, answer.denial["code"]) == (421, "names_disagree")
        with proxies.socked("api.example", 80) as (made, code):
            assert code == 0
            made.sendall(head % host)
            assert parsed(drain(made)).status == 421
    assert not origins.records()


def test_a_target_and_the_sni_inside_have_to_agree(proxies: Proxies, origins: LocalOrigins) -> None:
    journal, context = Journal(proxies.regular), ssl.create_default_context(cafile=str(proxies.pki.gate_ca.cert))
    with proxies.connected("api.example:443") as made, pytest.raises((ssl.SSLError, ConnectionError)):
        context.wrap_socket(made, server_hostname="pinned.example")
    assert journal.one(sni="pinned.example")["code"] == "names_disagree"
    assert not origins.records()


def test_an_absolute_target_and_its_host_have_to_agree(proxies: Proxies, origins: LocalOrigins) -> None:
    with socket.create_connection(proxies.regular.address, 10) as made:
        made.sendall(b"GET http://api.example/ HTTP/1.1\r\nHost: ruled.example\r\nConnection: close\r\n\r\n")
        answer = parsed(drain(made))
    assert (answer.status, answer.denial["code"]) == (421, "names_disagree")
    assert not origins.records()


def test_requests_of_one_proxy_connection_may_go_to_different_hosts(proxies: Proxies, origins: LocalOrigins) -> None:
    got = []
    with socket.create_connection(proxies.regular.address, 10) as made:
        for host in ("api.example", "forbidden.example", "ruled.example", "api.example"):
            made.sendall(f"GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            got.append(response(made)[0].status)
    assert got == [200, 502, 403, 200]


# Addresses, tunnels and bytes.


@pytest.mark.parametrize("how", [Proxies.http, Proxies.tunnelled, Proxies.socks], ids=["absolute", "CONNECT", "SOCKS"])
def test_an_entry_by_address_is_reached_by_address(proxies: Proxies, origins: LocalOrigins, how: Ask) -> None:
    host, port = origins.address("plain")
    assert how(proxies, f"http://{host}:{port}/").json["server"] == "plain"
    assert how(proxies, f"http://{host}:{origins.address('tls')[1]}/").status != 200
    assert how(proxies, "http://169.254.169.254/").status != 200
    assert {seen["server"] for seen in origins.records("request")} == {"plain"}


@pytest.mark.parametrize("how", ["CONNECT", "SOCKS"])
def test_a_tunnel_keeps_the_origins_own_certificate(proxies: Proxies, origins: LocalOrigins, how: str) -> None:
    context = ssl.create_default_context(cafile=str(proxies.pki.second_ca.cert))
    through = proxies.connected("pinned.example:443") if how == "CONNECT" else proxies.socked("pinned.example", 443)
    with through as made:
        sock = made if isinstance(made, socket.socket) else made[0]
        with context.wrap_socket(sock, server_hostname="pinned.example") as client:
            shown = hashlib.sha256(client.getpeercert(binary_form=True) or b"").hexdigest()
    assert shown == proxies.pki.servers["pinned"].fingerprint


@pytest.mark.parametrize("how", ["CONNECT", "SOCKS"])
def test_bytes_are_relayed_with_their_half_close(proxies: Proxies, origins: LocalOrigins, how: str) -> None:
    through = proxies.connected("tcp.example:7000") if how == "CONNECT" else proxies.socked("tcp.example", 7000)
    with through as made:
        sock = made if isinstance(made, socket.socket) else made[0]
        sock.sendall(b"\x00hello")
        sock.shutdown(socket.SHUT_WR)
        assert drain(sock) == b"\x00hello" + EOF_SEEN


def test_socks_says_what_is_not_allowed(proxies: Proxies) -> None:
    with proxies.socked("forbidden.example", 80) as (made, code):
        assert code == 2
        assert drain(made) == b""


def test_what_is_no_proxy_request_is_denied(proxies: Proxies, origins: LocalOrigins) -> None:
    """Origin form to a proxy names nothing that was redirected; SOCKS4 and plain HTTP are not SOCKS5."""
    with socket.create_connection(proxies.regular.address, 10) as made:
        made.sendall(b"GET / HTTP/1.1\r\nHost: forbidden.example\r\nConnection: close\r\n\r\n")
        assert parsed(drain(made)).status == 502
    for first in (b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00", b"GET http://api.example/ HTTP/1.1\r\n\r\n"):
        with socket.create_connection(proxies.socks5.address, 10) as made:
            made.sendall(first)
            assert b"200" not in drain(made)
    assert not origins.records()
