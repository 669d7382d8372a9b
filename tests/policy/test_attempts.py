"""A URL becomes the attempt that the data plane would read off the wire."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy import http

from outgate.policy.attempts import Meeting, Url, UrlError, attempt_from_url, meet, parse_url
from outgate.policy.decide import Treatment, decide
from outgate.policy.model import Attempt, AttemptKind, Code, Identity
from outgate.policy.names import Refusal
from outgate.proxy import view
from outgate.proxy.exchange import Facts
from outgate.settings import ListenMode
from policy.building import policy

WEB = Identity("prod", "web", how="test")
POLICY = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDefaults
    metadata: {name: mesh}
    spec: {mode: REGISTRY_ONLY}
    ---
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDestination
    metadata: {name: open}
    spec:
      hosts: [open.example]
      ports: [{number: 443, protocol: HTTPS}, {number: 80, protocol: HTTP}]
    ---
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDestination
    metadata: {name: shut}
    spec:
      hosts: [shut.example]
      ports: [{number: 443, protocol: TLS, intercept: TUNNEL}]
    ---
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDestination
    metadata: {name: database}
    spec:
      hosts: [db.example]
      ports: [{number: 5432, protocol: TCP}]
"""


def attempt(url: str, method: str = "GET", address: str | None = None, **headers: str) -> Attempt:
    made = attempt_from_url(method, url, WEB, address, headers.items())
    assert isinstance(made, Attempt), made
    return made


def refused(url: str, method: str = "GET", *headers: tuple[str, str]) -> Code:
    made = attempt_from_url(method, url, WEB, None, headers)
    assert isinstance(made, Refusal)
    return made.code


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("http://a.example", ("http", "a.example", 80, "/", "a.example")),
        ("HTTPS://A.example/x?y#z", ("https", "A.example", 443, "/x?y", "A.example")),
        ("https://a.example:8443?q", ("https", "a.example", 8443, "/?q", "a.example:8443")),
        ("http://a.example:80/", ("http", "a.example", 80, "/", "a.example")),
        ("https://a.example:80/", ("https", "a.example", 80, "/", "a.example:80")),
        ("http://[2001:db8::1]:81/", ("http", "2001:db8::1", 81, "/", "[2001:db8::1]:81")),
        ("tls://a.example:443", ("tls", "a.example", 443, "/", "a.example:443")),
        ("tcp://10.0.0.1:5432", ("tcp", "10.0.0.1", 5432, "/", "10.0.0.1:5432")),
    ],
)
def test_a_url_has_these_parts(text, parts):
    url = parse_url(text)
    assert (url.scheme, url.host, url.port, url.path, url.authority) == parts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a URL"),
        ("a.example", "is not a URL"),
        ("ftp://a.example", "is not a URL; write http://, https://, tls://, tcp://"),
        ("http://", "is neither HOST nor HOST:PORT"),
        ("http://a.example:x/", "is neither HOST nor HOST:PORT"),
        ("http://a:b:1/", "is neither HOST nor HOST:PORT"),
        ("http://a.example:0/", "needs a port"),
        ("http://a.example:65536/", "needs a port"),
        ("tcp://a.example", "write tcp://HOST:PORT"),
        ("https://me:pw@a.example/", "carries user info"),
    ],
)
def test_what_is_no_url_is_refused_with_what_to_write(text, message):
    with pytest.raises(UrlError, match=message):
        parse_url(text)


def test_http_carries_the_canonical_host_and_headers_by_lower_case_name():
    made = attempt("http://A.Example/p?q", "POST", **{"X-Key": "1", "Content-Type": "text/plain"})
    assert made == Attempt(
        AttemptKind.HTTP, WEB, 80, "a.example", method="POST", path="/p?q",
        headers={"host": "a.example", "x-key": "1", "content-type": "text/plain"},
    )  # fmt: skip


def test_https_has_an_sni_and_a_spelt_address_has_none():
    assert (made := attempt("https://Open.example./")).sni == "open.example"
    assert (made.encrypted, made.port, made.address) == (True, 443, None)
    assert (made := attempt("https://192.0.2.1/")).sni is None
    assert (made.host, made.address) == ("192.0.2.1", "192.0.2.1")


def test_names_beyond_ascii_travel_as_a_labels():
    made = attempt("https://bücher.example/")
    assert (made.host, made.sni, made.headers["host"]) == ("xn--bcher-kva.example",) * 3


def test_headers_of_one_name_are_joined():
    made = attempt_from_url("GET", "http://a.example/", WEB, None, [("X", "1"), ("x", "2")])
    assert isinstance(made, Attempt)
    assert made.headers["x"] == "1, 2"


def test_what_ends_at_the_gate_is_not_judged():
    made = attempt("http://A.example:81/", connection="x-a", host="a.EXAMPLE:81", **{"x-a": "1", "x-outgate-b": "2"})
    assert made.headers == {"host": "a.example:81"}


def test_grpc_is_told_by_its_content_type():
    assert attempt("https://a.example/s/m", "POST", **{"content-type": "application/grpc+proto"}).grpc
    assert not attempt("https://a.example/s/m", "POST", **{"content-type": "application/json"}).grpc


def test_a_tunnel_shows_its_server_name_and_bytes_show_none():
    assert attempt("tls://a.example:443") == Attempt(AttemptKind.TLS, WEB, 443, "a.example", sni="a.example")
    assert attempt("tls://192.0.2.1:443") == Attempt(AttemptKind.TLS, WEB, 443, address="192.0.2.1")
    assert attempt("tcp://db.example:1", address="192.0.2.1") == Attempt(AttemptKind.TCP, WEB, 1, address="192.0.2.1")
    assert attempt("tcp://192.0.2.1:1") == Attempt(AttemptKind.TCP, WEB, 1, address="192.0.2.1")


def test_bytes_without_an_address_are_named_as_a_proxy_client_would():
    assert attempt("tcp://db.example:1") == Attempt(AttemptKind.TCP, WEB, 1, "db.example")


def test_a_host_header_is_held_against_the_server_name():
    assert refused("https://a.example/", "GET", ("Host", "b.example")) is Code.NAMES_DISAGREE
    assert refused("http://a.example/", "GET", ("Host", "a.example"), ("host", "b")) is Code.REQUEST_MALFORMED
    assert attempt("http://a.example/", host="b.example").host == "b.example"


def test_what_no_gate_passes_on_is_refused():
    assert refused("http://a_b.example/") is Code.NAME_MALFORMED
    assert refused("http://127.1/") is Code.NAME_MALFORMED
    assert refused("http://a.example/ x") is Code.REQUEST_MALFORMED
    assert refused("http://a.example/", "G T") is Code.REQUEST_MALFORMED
    assert refused("http://a.example/", "GET", ("x", "a\r\nb")) is Code.REQUEST_MALFORMED
    assert refused("http://a.example/", "GET", ("host", "a"), ("host", "a\nb"), ("upgrade", "x")) is (
        Code.REQUEST_MALFORMED
    )
    assert refused("http://a.example/", "GET", ("upgrade", "tls/1.3")) is Code.UPGRADE_REFUSED
    assert refused("http://a.example/", "POST", ("upgrade", "websocket")) is Code.UPGRADE_REFUSED
    assert attempt("http://a.example/", upgrade="websocket").host == "a.example"


def test_decrypted_tls_is_judged_as_the_request_inside():
    asked = attempt("https://open.example/x")
    assert meet(policy(POLICY), asked) == Meeting(asked, Treatment.DECRYPT)


def test_tunnelled_tls_is_judged_by_its_server_name_alone():
    made = meet(policy(POLICY), attempt("https://shut.example/secret", "POST", authorization="x"))
    hello = Attempt(AttemptKind.TLS, WEB, 443, "shut.example", sni="shut.example")
    assert made == Meeting(hello, Treatment.TUNNEL)
    assert decide(policy(POLICY), made.attempt).allowed


def test_plain_http_is_judged_as_it_is():
    asked = attempt("http://open.example/")
    assert meet(policy(POLICY), asked) == Meeting(asked)


@pytest.mark.parametrize("url", ["tcp://db.example:5432", "tcp://other.example:5432", "https://db.example:5432/"])
def test_where_only_bytes_can_go_nothing_is_read(url):
    made = meet(policy(POLICY), attempt(url))
    assert made == Meeting(Attempt(AttemptKind.TCP, WEB, 5432), unread=True)


TOKENS = st.sampled_from(["GET", "POST", "OPTIONS", "G T", "", "PATCH\n", "M" * 40])
HOSTS = st.sampled_from(
    ["a.example", "A.Example.", "a_b", "bücher.example", "192.0.2.1", "[2001:db8::1]", "0x7f.1", "a..b", "-a.example"]
)
PATHS = st.text(st.sampled_from("/a%2e.;?=& é\x7f\x00\\"), max_size=8)
FIELDS = st.lists(
    st.tuples(
        st.sampled_from(
            ["host", "Host", "upgrade", "content-type", "x-a", "X-A", "Connection", "te", "X-Outgate-A", "keep-alive"]
        ),
        st.sampled_from(
            ["a.example", "b.example:81", "websocket", "h2c", "application/grpc", "a\nb", "", "é", "X-A, upgrade, TE"]
        ),
    ),
    max_size=4,
)
ADDRESSES = st.sampled_from([None, "192.0.2.1", "2001:db8::2"])


@given(
    TOKENS, st.sampled_from(["http", "https"]), HOSTS, st.sampled_from([None, 80, 443, 81]), PATHS, FIELDS, ADDRESSES
)
def test_the_data_plane_reads_the_same_attempt(method, scheme, host, port, path, fields, address):
    """What is explained is what is judged: the request that a client makes of the URL, read by the data plane."""
    url = parse_url(f"{scheme}://{host}{f':{port}' if port else ''}/{path}")
    made = attempt_from_url(method, f"{scheme}://{host}{f':{port}' if port else ''}/{path}", WEB, address, fields)
    if isinstance(made, Refusal) and made.code is Code.NAME_MALFORMED:
        return  # a client cannot even connect, or the name is refused where it is first read
    read = view.attempt_of(_request(method, url, made, fields), _facts(url, made, address), "")
    if isinstance(made, Refusal):
        assert isinstance(read, Refusal)
        assert read.code is made.code
    else:
        assert isinstance(read, Attempt), read
        assert replace(read, headers=dict(read.headers)) == made


def _request(method: str, url: Url, made: Attempt | Refusal, fields: list[tuple[str, str]]) -> http.Request:
    host = _ascii(url).authority
    sent = [] if any(name.lower() == "host" for name, _ in fields) else [("host", host)]
    headers = http.Headers([(name.encode(), value.encode()) for name, value in (*sent, *fields)])
    return http.Request(
        "", 0, method.encode(), b"", b"", url.path.encode(), b"HTTP/1.1", headers, None, None, 0, 0
    )  # fmt: skip


def _facts(url: Url, made: Attempt | Refusal, address: str | None) -> Facts:
    host = _ascii(url).host
    spelt = host[-1].isdigit() or ":" in host
    sni = host.lower().removesuffix(".") if url.scheme == "https" and not spelt else None
    dialled = address or (host if spelt else None)
    return Facts(ListenMode.TRANSPARENT, WEB, url.port, dialled, sni=sni, encrypted=url.scheme == "https")


def _ascii(url: Url) -> Url:
    return url if url.host.isascii() else replace(url, host=url.host.encode("idna").decode())
