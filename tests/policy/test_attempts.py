"""A method and a URL become the attempt that the data plane would read off the wire, in the order in which it reads."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy import http

from outgate.policy.attempts import Asked, Meeting, Way, asked_of, meet, request_of
from outgate.policy.decide import Treatment, decide
from outgate.policy.hosts import HostError, canonical_host, literal
from outgate.policy.model import Attempt, AttemptKind, Code, Identity
from outgate.policy.names import Refusal
from outgate.policy.urls import Url, parse_url
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
      addresses: [192.0.2.1]
      ports: [{number: 443, protocol: TLS, intercept: TUNNEL}]
    ---
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDestination
    metadata: {name: database}
    spec:
      hosts: [db.example]
      ports: [{number: 5432, protocol: TCP}]
"""


def asked(url: str, method: str = "GET", address: str | None = None, way=Way.TRANSPARENT, **headers: str) -> Asked:
    return asked_of(method, url, WEB, address, headers.items(), way)


def attempt(url: str, method: str = "GET", address: str | None = None, way=Way.TRANSPARENT, **headers: str) -> Attempt:
    made = request_of(asked(url, method, address, way, **headers))
    assert isinstance(made, Attempt), made
    return made


def met(url: str, method: str = "GET", address: str | None = None, way=Way.TRANSPARENT, **headers: str):
    return meet(policy(POLICY), asked(url, method, address, way, **headers))


def refused(url: str, method: str = "GET", *headers: tuple[str, str], way=Way.TRANSPARENT) -> Code:
    made = meet(policy(POLICY), asked_of(method, url, WEB, None, headers, way))
    assert isinstance(made, Refusal)
    return made.code


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
    made = request_of(asked_of("GET", "http://a.example/", WEB, None, [("X", "1"), ("x", "2")]))
    assert isinstance(made, Attempt)
    assert made.headers["x"] == "1, 2"


def test_what_ends_at_the_gate_is_not_judged():
    made = attempt("http://A.example:81/", connection="x-a", host="a.EXAMPLE:81", **{"x-a": "1", "x-outgate-b": "2"})
    assert made.headers == {"host": "a.example:81"}


def test_grpc_is_told_by_its_content_type():
    assert attempt("https://a.example/s/m", "POST", **{"content-type": "application/grpc+proto"}).grpc
    assert not attempt("https://a.example/s/m", "POST", **{"content-type": "application/json"}).grpc


def test_a_tunnel_shows_its_server_name_and_bytes_show_none():
    hello = Attempt(AttemptKind.TLS, WEB, 443, "shut.example", sni="shut.example")
    assert met("tls://shut.example:443") == Meeting(hello, Treatment.TUNNEL)
    known = Attempt(AttemptKind.TLS, WEB, 443, address="192.0.2.1")
    assert met("tls://192.0.2.1:443") == Meeting(known, Treatment.TUNNEL)
    assert met("tcp://a.example:1", address="192.0.2.1") == Meeting(Attempt(AttemptKind.TCP, WEB, 1, None, "192.0.2.1"))
    assert met("tcp://192.0.2.1:1") == Meeting(Attempt(AttemptKind.TCP, WEB, 1, None, "192.0.2.1"))


def test_bytes_without_an_address_are_named_as_a_proxy_client_would():
    assert met("tcp://a.example:1") == Meeting(Attempt(AttemptKind.TCP, WEB, 1, "a.example"))


def test_a_host_header_is_held_against_the_server_name():
    assert refused("https://open.example/", "GET", ("Host", "b.example")) is Code.NAMES_DISAGREE
    assert refused("http://a.example/", "GET", ("Host", "a.example"), ("host", "b")) is Code.REQUEST_MALFORMED
    assert attempt("http://a.example/", host="b.example").host == "b.example"


def test_what_no_gate_passes_on_is_refused():
    assert refused("http://a_b.example/") is Code.NAME_MALFORMED
    assert refused("http://127.1/") is Code.NAME_MALFORMED
    assert refused("https://a_b.example/", "G T") is Code.NAME_MALFORMED
    assert refused("http://a.example/ x") is Code.REQUEST_MALFORMED
    assert refused("http://a.example/", "G T") is Code.REQUEST_MALFORMED
    assert refused("http://a.example/", "GET", ("x", "a\r\nb")) is Code.REQUEST_MALFORMED
    assert refused("http://a.example/", "GET", ("host", "a"), ("host", "a\nb"), ("upgrade", "x")) is (
        Code.REQUEST_MALFORMED
    )
    assert refused("http://a.example/", "GET", ("upgrade", "tls/1.3")) is Code.UPGRADE_REFUSED
    assert refused("http://a.example/", "POST", ("upgrade", "websocket")) is Code.UPGRADE_REFUSED
    assert refused("http://a.example/", "CONNECT") is Code.CONNECT_REFUSED
    assert attempt("http://a.example/", upgrade="websocket").host == "a.example"


def test_decrypted_tls_is_judged_as_the_request_inside():
    assert met("https://open.example/x") == Meeting(attempt("https://open.example/x"), Treatment.DECRYPT)


def test_decrypted_tls_without_http_inside_is_met_as_the_tls_that_it_is():
    hello = Attempt(AttemptKind.TLS, WEB, 443, "open.example", sni="open.example")
    assert met("tls://open.example:443") == Meeting(hello, Treatment.DECRYPT, opaque=True)


def test_tunnelled_tls_is_judged_by_its_server_name_alone():
    made = met("https://shut.example/secret", "P ST", authorization="x", host="other.example")
    hello = Attempt(AttemptKind.TLS, WEB, 443, "shut.example", sni="shut.example")
    assert made == Meeting(hello, Treatment.TUNNEL)
    assert decide(policy(POLICY), made.attempt).allowed


def test_plain_http_is_judged_as_it_is():
    assert met("http://open.example/") == Meeting(attempt("http://open.example/"))


@pytest.mark.parametrize(
    "url", ["tcp://db.example:5432", "tcp://other.example:5432", "https://db.example:5432/", "http://a_b:5432/"]
)
def test_where_only_bytes_can_go_nothing_is_read(url):
    assert met(url, "G T") == Meeting(Attempt(AttemptKind.TCP, WEB, 5432), unread=True)


@pytest.mark.parametrize("way", [Way.REGULAR, Way.SOCKS5])
@pytest.mark.parametrize("url", ["https://shut.example/", "tls://shut.example:443", "https://SHUT.example./ x"])
def test_what_a_proxy_is_told_is_a_name_beside_the_server_name(way, url):
    hello = Attempt(AttemptKind.TLS, WEB, 443, "shut.example", sni="shut.example")
    assert met(url, way=way) == Meeting(hello, Treatment.TUNNEL)


@pytest.mark.parametrize("way", [Way.REGULAR, Way.SOCKS5])
@pytest.mark.parametrize("url", ["https://none.example/", "tls://none.example:443", "https://none.example/ x"])
def test_a_hopeless_target_is_refused_before_anything_is_said_inside(way, url):
    made = met(url, way=way, host="other.example")
    assert made == Meeting(Attempt(AttemptKind.TLS, WEB, 443, "none.example"), told=way)
    assert decide(policy(POLICY), made.attempt).code is Code.UNREGISTERED
    assert refused("https://a_b.example/", way=way) is Code.NAME_MALFORMED


def test_a_proxy_is_told_an_address_as_a_name():
    made = met("tcp://192.0.2.1:443", way=Way.SOCKS5)
    assert made == Meeting(Attempt(AttemptKind.TCP, WEB, 443, "192.0.2.1"))
    assert met("tls://192.0.2.1:443", way=Way.REGULAR).attempt == Attempt(AttemptKind.TLS, WEB, 443, "192.0.2.1")


def test_an_absolute_target_has_to_agree_with_the_host_header():
    assert attempt("http://a.example:81/", way=Way.REGULAR, host="A.example:81").port == 81
    assert attempt("http://192.0.2.1/", way=Way.REGULAR).address is None
    assert refused("http://a.example/", "GET", ("host", "b.example"), way=Way.REGULAR) is Code.NAMES_DISAGREE
    assert refused("http://a.example/é", way=Way.REGULAR) is Code.REQUEST_MALFORMED
    assert attempt("http://a.example/é").path == "/é"
    assert refused("http://open.example/", "GET", ("host", "b.example"), way=Way.SOCKS5) is Code.NAMES_DISAGREE


def test_a_proxy_reads_what_it_is_sent_where_only_bytes_can_go():
    """Without an address nothing says before the first bytes that only bytes can go there."""
    assert met("http://db.example:5432/", way=Way.REGULAR) == Meeting(
        attempt("http://db.example:5432/", way=Way.REGULAR)
    )


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
    text = f"{scheme}://{host}{f':{port}' if port else ''}/{path}"
    url, made = parse_url(text), request_of(asked_of(method, text, WEB, address, fields))
    if scheme == "https" and _canonical(url) is None:
        return  # as a server name it is refused before there is a request
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
    name = _canonical(url)
    spelt = name is not None and literal(name) is not None
    sni = host.lower().removesuffix(".") if url.scheme == "https" and not spelt else None
    dialled = address or (host if spelt else None)
    return Facts(ListenMode.TRANSPARENT, WEB, url.port, dialled, sni=sni, encrypted=url.scheme == "https")


def _canonical(url: Url) -> str | None:
    try:
        return canonical_host(url.host)
    except HostError:
        return None


def _ascii(url: Url) -> Url:
    return url if url.host.isascii() else replace(url, host=url.host.encode("idna").decode())


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("sent", ["evil.example", "Evil.example.", "evil.example:8080", None])
def test_a_deny_of_a_host_holds_on_every_port_however_the_host_is_sent(scheme, sent):
    denying = policy(
        """
        apiVersion: outgate.dev/v1alpha1
        kind: EgressDestination
        metadata: {name: all}
        spec: {hosts: ['*.example'], ports: [{number: 8080}]}
        ---
        apiVersion: outgate.dev/v1alpha1
        kind: EgressAccess
        metadata: {name: shut}
        spec: {action: DENY, to: [{hosts: [evil.example]}]}
        """
    )
    headers = {"Host": sent} if sent else {}
    assert not decide(denying, attempt(f"{scheme}://evil.example:8080/", **headers)).allowed
    assert decide(denying, attempt(f"{scheme}://good.example:8080/")).allowed
