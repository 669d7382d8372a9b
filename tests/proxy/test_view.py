"""What is judged is what leaves: one method, one name, one form, and nothing that was said about the connection."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy.http import Headers, Response
from mitmproxy.net.http import http1

from outgate.policy.headers import joined
from outgate.policy.headers import leaving as leaving_headers
from outgate.policy.model import Attempt, Code
from outgate.policy.names import Agreed, Claims, Refusal
from outgate.proxy import view
from proxy.requests import allowed, attempt, facts, get, http2, leaving, parsed, received, refused

# Claims.


@pytest.mark.parametrize(
    ("request_", "known", "scheme", "claims"),
    [
        (get("Host: api.example"), facts(80), "", Claims(80, 80, None, ("api.example",))),
        (get("Host: api.example"), facts(443, sni="API.x"), "", Claims(443, 443, "API.x", ("api.example",))),
        (get("Host: a", "Host: b"), facts(80), "", Claims(80, 80, None, ("a", "b"))),
        (get(), facts(80), "", Claims(80, 80)),
        (get(line="GET http://a:81/x HTTP/1.0"), facts(80), "http", Claims(80, 80, None, (), "a:81")),
        (get("Host: b", line="GET http://a/ HTTP/1.1"), facts(80), "http", Claims(80, 80, None, ("b",), "a")),
        (parsed(b"GET", b"u@a", b"/", b"HTTP/1.1", Headers()), facts(80), "http", Claims(80, 80, None, (), "u@a")),
        (get("Host: a"), facts(None, address=None), "", Claims(0, 80, None, ("a",))),
        (get("Host: a"), facts(8080, connect="a:8080"), "", Claims(8080, 80, None, ("a",), None, "a:8080")),
        (get("Host: a"), facts(444, sni="a", connect="a:444"), "", Claims(444, 443, "a", ("a",), None, "a:444")),
        (http2("a"), facts(443, sni="a"), "", Claims(443, 443, "a", ("a",))),
        (http2("a", host="a"), facts(443, sni="a"), "", Claims(443, 443, "a", ("a",))),
        (http2("a", host="b"), facts(443, sni="a"), "", Claims(443, 443, "a", ("a", "b"))),
        (http2("", host="b"), facts(80), "", Claims(80, 80, None, ("b",))),
        (http2(""), facts(80), "", Claims(80, 80)),
        (http2("xn--bcher-kva.example"), facts(80), "", Claims(80, 80, None, ("xn--bcher-kva.example",))),
    ],
)
def test_everything_that_was_said_is_claimed_and_nothing_else(request_, known, scheme, claims):
    assert view.claims(request_, known, scheme) == claims


@pytest.mark.parametrize(
    ("request_", "known", "code"),
    [
        (get("Host: api.example", "Host: api.example"), facts(), Code.REQUEST_MALFORMED),
        (get("Host: api.example", "Host: evil.example"), facts(), Code.REQUEST_MALFORMED),
        (get("Host: api.example, evil.example"), facts(), Code.NAME_MALFORMED),
        (get("Host: user@api.example"), facts(), Code.NAME_MALFORMED),
        (get("Host: api.example:80:80"), facts(), Code.NAME_MALFORMED),
        (get("Host: api.example/x"), facts(), Code.NAME_MALFORMED),
        (get("Host: api.example\xa0"), facts(), Code.NAME_MALFORMED),
        (get("Host: "), facts(), Code.NAME_MALFORMED),
        (get("Host: 0x7f.1"), facts(), Code.NAME_MALFORMED),
        (get("Host: evil.example", line="GET http://api.example/ HTTP/1.1"), facts(), Code.NAMES_DISAGREE),
        (get("Host: api.example:8080"), facts(80), Code.NAMES_DISAGREE),
        (get("Host: api.example"), facts(443, sni="evil.example"), Code.NAMES_DISAGREE),
        (get("Host: api.example"), facts(443, sni="evil.example", connect="api.example:443"), Code.NAMES_DISAGREE),
        (get("Host: api.example"), facts(80, connect="evil.example:80"), Code.NAMES_DISAGREE),
        (get("Host: api.example:81"), facts(80, connect="api.example:80"), Code.NAMES_DISAGREE),
        (get(line="GET / HTTP/1.0"), facts(80, address=None), Code.NAME_MISSING),
        (get(), facts(80), Code.REQUEST_MALFORMED),
        (http2(""), facts(80), Code.NAME_MISSING),
        (get(line="GET http://api.example/ HTTP/1.1"), facts(80), Code.REQUEST_MALFORMED),
        (http2("api.example", host="evil.example"), facts(443, sni="api.example"), Code.REQUEST_MALFORMED),
        (http2("evil.example"), facts(443, sni="api.example"), Code.NAMES_DISAGREE),
        (http2("u@api.example"), facts(443, sni="api.example"), Code.NAME_MALFORMED),
    ],
)
def test_names_that_are_not_one_are_refused(request_, known, code):
    scheme = "http" if request_.authority and not request_.is_http2 else ""
    assert refused(request_, known, scheme) is code


@pytest.mark.parametrize(
    ("request_", "known", "host", "port"),
    [
        (get("Host: API.Example."), facts(80), "api.example", 80),
        (get("Host: api.example:8080"), facts(8080), "api.example", 8080),
        (get("Host: api.example"), facts(8443, sni="api.example"), "api.example", 8443),
        (get("Host: b\xc3\xbccher.example"), facts(80), "xn--bcher-kva.example", 80),
        (get("Host: api.example:8080"), facts(None, address=None), "api.example", 8080),
        (get("Host: [2001:DB8::1]:80"), facts(80), "2001:db8::1", 80),
        (get(line="GET / HTTP/1.0"), facts(80), None, 80),
        (http2(""), facts(443, sni="api.example"), "api.example", 443),
        (http2("API.example:443"), facts(443, sni="api.example"), "api.example", 443),
    ],
)
def test_one_name_is_judged_in_its_one_form(request_, known, host, port):
    made = attempt(request_, known)
    assert (made.host, made.port) == (host, port)


# Form.


@pytest.mark.parametrize(
    "path", ["", "x", "//", "/a b", "/a\tb", "/a\x00b", "/a\x7f", "*", "http://evil.example/", "/\r\nhost: x"]
)
def test_a_target_that_is_no_path_is_refused(path):
    request = http2(path=path)
    if path == "//":
        assert attempt(request).path == "//"
    else:
        assert refused(request) is Code.REQUEST_MALFORMED


def test_an_asterisk_belongs_to_options():
    assert attempt(http2(path="*", method="OPTIONS")).path == "*"


@pytest.mark.parametrize("method", ["", "G T", "GET\r\n", "G\x00T", "stra\u00dfe", "A" * 33, "GET/"])
def test_a_method_that_is_no_token_is_refused(method):
    assert refused(http2(method=method)) is Code.REQUEST_MALFORMED


@pytest.mark.parametrize("field", [(b"x\r\ny", b"z"), (b"x", b"y\nz"), (b"x", b"y\x00z"), (b"x\x00", b"y")])
def test_a_header_that_breaks_out_is_refused(field):
    request = http2()
    request.headers = Headers([field])
    assert refused(request) is Code.REQUEST_MALFORMED


def test_an_https_target_outside_tls_is_refused():
    request = get("Host: api.example", line="GET https://api.example/ HTTP/1.1")
    assert refused(request, facts(None, address=None), "https") is Code.REQUEST_MALFORMED
    assert attempt(request, facts(443, sni="api.example"), "https").host == "api.example"


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        (["Upgrade: websocket", "Connection: Upgrade"], True),
        (["Upgrade: WebSocket", "Connection: keep-alive, upgrade"], True),
        (["Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AA"], True),
        (["Upgrade: tls/1.0", "Connection: Upgrade"], False),
        (["Upgrade: websocket, foo", "Connection: Upgrade"], False),
        (["Upgrade: websocket", "Upgrade: foo", "Connection: Upgrade"], False),
        (["Upgrade: h2c, websocket", "Connection: Upgrade"], False),
        (["Upgrade: foo\xff", "Connection: Upgrade"], False),
    ],
)
def test_only_websockets_upgrade(headers, allowed):
    request = get("Host: api.example", *headers)
    if allowed:
        assert attempt(request).host == "api.example"
    else:
        assert refused(request) is Code.UPGRADE_REFUSED


def test_a_websocket_begins_with_get_and_in_http1():
    headers = ("Host: api.example", "Upgrade: websocket", "Connection: Upgrade")
    assert refused(get(*headers, line="POST / HTTP/1.1")) is Code.UPGRADE_REFUSED
    assert refused(http2(upgrade="websocket")) is Code.UPGRADE_REFUSED


# What leaves.


@pytest.mark.parametrize(
    ("line", "scheme", "known", "host"),
    [
        ("GET / HTTP/1.1\nHost: API.example.", "", facts(80), "api.example"),
        ("GET / HTTP/1.1\nHost: api.example:80", "", facts(80), "api.example"),
        ("GET / HTTP/1.1\nHost: api.example:443", "", facts(443, sni="api.example"), "api.example"),
        ("GET / HTTP/1.1\nHost: api.example", "", facts(8080), "api.example:8080"),
        ("GET / HTTP/1.1\nHost: api.example", "", facts(80, sni="api.example"), "api.example:80"),
        ("GET http://api.example/ HTTP/1.0", "http", facts(80), "api.example"),
        ("GET http://API.example:80/ HTTP/1.1\nHost: api.example", "http", facts(80), "api.example"),
        ("GET / HTTP/1.0", "", facts(443, sni="api.example"), "api.example"),
    ],
)
def test_one_host_leaves_in_its_one_form(line, scheme, known, host):
    request = leaving(received(line), known, scheme=scheme)
    assert request.headers.get_all("host") == [host]
    assert request.data.authority == b""
    head = http1.assemble_request_head(request)
    assert head.startswith(b"GET / HTTP/1.")
    assert head.count(b"api.example") == 1


def test_http2_leaves_with_an_authority_and_no_host():
    request = leaving(http2("API.example:443", host="API.example:443"), facts(443, sni="api.example"))
    assert (request.authority, request.headers.get("host")) == ("api.example", None)


@pytest.mark.parametrize(("tls", "scheme", "port"), [(False, b"http", 80), (True, b"https", 443)])
def test_scheme_and_port_are_those_of_the_origin(tls, scheme, port):
    request = leaving(get("Host: api.example"), tls=tls)
    assert (request.data.host, request.data.port, request.data.scheme) == ("api.example", port, scheme)
    assert request.headers["host"] == "api.example"


@pytest.mark.parametrize("method", ["get", "Head", "dELETE"])
def test_the_method_leaves_as_it_was_judged(method):
    """An origin that read `head` as something else would answer with a body that nobody expects."""
    request = get("Host: api.example", line=f"{method} / HTTP/1.1")
    assert attempt(request).method == method.upper()
    assert http1.assemble_request_head(leaving(request)).startswith(method.upper().encode() + b" ")


HOP = (
    "Connection: close, X-Named, x-Outgate-Named",
    "X-Named: 1",
    "Keep-Alive: timeout=5",
    "Proxy-Connection: keep-alive",
    "Proxy-Authorization: Basic eA==",
    "TE: trailers",
    "Upgrade: h2c",
    "HTTP2-Settings: AA",
    "x-outgate-flags: UF",
    "X-Outgate-Named: 1",
)
KEPT = ("X-Kept: 1", "Cookie: a=b", "Authorization: Bearer x", "Content-Length: 0")


def test_what_is_about_the_connection_or_for_the_gate_does_not_leave():
    request = leaving(get("Host: api.example", *HOP, "Connection: HTTP2-Settings", *KEPT))
    assert sorted(name.lower() for name in request.headers) == [
        "authorization",
        "content-length",
        "cookie",
        "host",
        "x-kept",
    ]


def test_what_frames_or_proves_is_not_taken_away_by_naming_it():
    names = "Host, Content-Length, Transfer-Encoding, Trailer, Cookie, Authorization"
    request = leaving(get("Host: api.example", f"Connection: {names}", *KEPT, "Trailer: x"))
    assert {"host", "content-length", "cookie", "authorization", "trailer"} <= set(map(str.lower, request.headers))


def test_te_goes_on_in_http2_where_grpc_needs_it():
    assert leaving(http2(te="trailers"), facts(443, sni="api.example")).headers["te"] == "trailers"


def test_a_websocket_leaves_as_one():
    request = leaving(get("Host: api.example", "Connection: keep-alive, Upgrade, X", "X: 1", "Upgrade: WebSocket"))
    assert (request.headers["connection"], request.headers["upgrade"]) == ("Upgrade", "websocket")
    assert "x" not in request.headers


def test_an_upgrade_that_the_connection_does_not_ask_for_is_none():
    request = leaving(get("Host: api.example", "Upgrade: websocket", "Connection: keep-alive"))
    assert "upgrade" not in request.headers
    assert "connection" not in request.headers


@pytest.mark.parametrize(
    ("line", "headers", "close"),
    [
        ("GET / HTTP/1.1", [], False),
        ("GET / HTTP/1.1", ["Connection: keep-alive"], False),
        ("GET / HTTP/1.1", ["Connection: Close"], True),
        ("GET / HTTP/1.1", ["Connection: x, close"], True),
        ("GET / HTTP/1.0", [], True),
        ("GET / HTTP/1.0", ["Connection: Keep-Alive"], False),
    ],
)
def test_whether_the_workload_wants_to_close_is_remembered(line, headers, close):
    assert allowed(get("Host: api.example", *headers, line=line)).close is close


TOKENS = st.text("abcxyz-", min_size=1, max_size=8)


@given(
    st.lists(st.sampled_from([*HOP, *KEPT]), max_size=8),
    st.lists(TOKENS, max_size=4),
    st.sampled_from(["api.example", "API.EXAMPLE.", "api.example:80"]),
    st.sampled_from(["GET", "post", "OPTIONS"]),
)
def test_what_leaves_would_be_judged_the_same(headers, named, host, method):
    """What an origin receives says the same as what was judged; to send it through again changes nothing."""
    extra = [f"{name}: 1" for name in named] + [f"Connection: {', '.join(named)}"] * bool(named)
    request = get(f"Host: {host}", *headers, *extra, line=f"{method} /a HTTP/1.1")
    if isinstance(first := view.attempt_of(request, facts(), ""), Refusal):
        return
    sent = http1.read_request_head(http1.assemble_request_head(leaving(request)).split(b"\r\n")[:-2])
    again = attempt(sent)
    assert (again.host, again.port, again.method, again.path) == (first.host, first.port, first.method, first.path)
    assert dict(again.headers) == dict(first.headers)


@given(
    st.lists(st.sampled_from([*HOP, *KEPT, "Upgrade: websocket", "Connection: upgrade"]), max_size=8),
    st.lists(TOKENS, max_size=4),
)
def test_what_is_judged_here_is_what_is_explained(headers, named):
    """`explain` computes what leaves without a request to look at."""
    lines = [*headers, *(f"{name}: 1" for name in named), f"Connection: {', '.join(named)}"]
    request = get("Host: API.example.", *lines)
    if isinstance(made := view.attempt_of(request, facts(), ""), Attempt):
        assert dict(made.headers) == leaving_headers(joined(request.headers.items(multi=True)), "api.example")


# What rules see.


def test_rules_see_each_name_once_in_lower_case():
    seen = attempt(get("Host: api.example", "X-A: 1", "x-a: 2", "Accept: b")).headers
    assert seen["x-a"] == "1, 2"
    assert set(seen) == {"host", "x-a", "accept"}
    assert len(seen) == 3
    assert "x-b" not in seen
    with pytest.raises(KeyError):
        seen["x-b"]


def test_rules_see_what_leaves_and_not_what_is_dropped():
    """A header that a rule asks for must not satisfy the rule and then stay behind."""
    request = get("Host: API.example", "Connection: X-Role", "X-Role: admin", "X-Outgate-Role: admin", "TE: trailers")
    seen = attempt(request).headers
    assert dict(seen) == {"host": "api.example"}


def test_rules_see_one_host_in_http2_too():
    assert dict(attempt(http2("API.example"), facts(443, sni="api.example")).headers) == {"host": "api.example"}


def test_what_is_set_after_the_judgement_is_not_seen_by_it():
    request = get("Host: api.example", "X-A: 1")
    made = attempt(request)
    leaving(request).headers["authorization"] = "Bearer secret"
    request.headers["x-a"] = "2"
    assert dict(made.headers) == {"host": "api.example", "x-a": "1"}


@pytest.mark.parametrize(("kind", "grpc"), [("application/grpc+proto", True), ("application/json", False), ("", False)])
def test_grpc_is_noticed(kind, grpc):
    assert attempt(http2(content_type=kind), facts(443, sni="api.example")).grpc is grpc


# Answers of origins.


def answered(status: int, *fields: tuple[bytes, bytes]) -> dict[str, str]:
    response = Response.make(status, b"", Headers(fields))
    view.clean_response(response)
    return {name.lower(): value for name, value in response.headers.items() if name.lower() != "content-length"}


def test_an_origin_says_nothing_about_connections_and_shows_no_way_round_the_gate():
    assert answered(
        200,
        (b"Connection", b"close, X-Named"),
        (b"X-Named", b"1"),
        (b"Keep-Alive", b"timeout=5"),
        (b"Proxy-Connection", b"x"),
        (b"Proxy-Authenticate", b"Basic"),
        (b"Alt-Svc", b'h3=":443"'),
        (b"Upgrade", b"h2c"),
        (b"X-Outgate-Flags", b"UF"),
        (b"Set-Cookie", b"a=b"),
    ) == {"set-cookie": "a=b"}


def test_switching_protocols_keeps_what_it_needs():
    assert answered(101, (b"Connection", b"upgrade"), (b"Upgrade", b"websocket"), (b"Sec-WebSocket-Accept", b"x")) == {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-accept": "x",
    }


@pytest.mark.parametrize(
    ("host", "port", "encrypted", "text"),
    [
        ("api.example", 443, True, "api.example"),
        ("api.example", 80, True, "api.example:80"),
        ("api.example", 80, False, "api.example"),
        ("api.example", 8080, False, "api.example:8080"),
        ("2001:db8::1", 443, True, "[2001:db8::1]"),
        ("2001:db8::1", 8080, False, "[2001:db8::1]:8080"),
    ],
)
def test_an_authority_names_the_port_where_it_is_not_the_schemes(host, port, encrypted, text):
    assert view.authority(Agreed(host, port), encrypted=encrypted) == text


@given(
    st.text("GETpost!# \x00\r\n\xe9", max_size=6),
    st.text("/*ab? \x00\r\n\x7f\xe9", max_size=8),
    st.lists(st.binary(max_size=12), max_size=3),
    st.sampled_from([b"host", b"upgrade", b"connection", b"x", b"x-outgate-a", b"te"]),
    st.sampled_from([facts(80), facts(443, sni="api.example"), facts(None, address=None), facts(443, sni="\xff")]),
    st.sampled_from(["", "http", "https"]),
    st.booleans(),
)
def test_any_request_is_an_attempt_or_refused(method, path, values, name, known, scheme, two):
    version = b"HTTP/2.0" if two else b"HTTP/1.1"
    fields = Headers([(name, value) for value in values])
    authority = values[0] if values and two else b""
    made = view.attempt_of(parsed(method.encode(), authority, path.encode(), version, fields), known, scheme)
    assert isinstance(made, Attempt | Refusal)
    if isinstance(made, Attempt):
        assert len(dict(made.headers)) == len(made.headers)
