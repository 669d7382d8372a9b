"""Heads as a route changes them, and what no route can change."""

from __future__ import annotations

import pytest
from mitmproxy import http
from mitmproxy.net.http import http1

from outgate.policy.header_formats import header_value
from outgate.policy.model import Upstream
from outgate.policy.route_model import Backend, DirectResponse, HeaderChange, Redirect, Rewrite, Route
from outgate.policy.routing import WHOLE, Chosen
from outgate.proxy import changes, departure, heads
from outgate.proxy.exchange import Exchange
from outgate.proxy.passage import Passage
from outgate.proxy.plan import Plan
from outgate.telemetry.propagation import OUTSIDE, Changes
from proxy.requests import attempt, facts, get, http2


def passage(route: Route, backend: Backend | None = None, path: str = "/", matched: int = 0) -> Passage:
    return Passage(Chosen(route, path, matched), Plan(route, backend), lambda: 0.0, lambda: 0.0, 0.0)


def of(made: Passage, asked: http.Request | None = None) -> Exchange:
    exchange = Exchange(facts(), passage=made, authority="api.example")
    if asked is not None:
        exchange.attempt = attempt(asked)
    return exchange


def sent(request: http.Request, made: Passage) -> http.Request:
    copy = heads.copied(request)
    changes.outgoing(copy, of(made))
    return copy


FIELDS = HeaderChange(set=(("X-New", "1"), ("x-old", "2")), add=(("x-more", "3"),), remove=("X-Gone",))


def test_removed_then_set_then_added_and_the_request_itself_stays():
    request = get("Host: api.example", "x-gone: 1", "X-Old: 1", "x-more: 0")
    copy = sent(request, passage(Route(request_headers=FIELDS)))
    assert copy.headers.fields == (
        (b"Host", b"api.example"),
        (b"x-more", b"0"),
        (b"X-New", b"1"),
        (b"x-old", b"2"),
        (b"x-more", b"3"),
    )
    assert request.headers["x-gone"] == "1"


@pytest.mark.parametrize(
    "name",
    ["Content-Length", "transfer-encoding", "Connection", "te", "Trailer", "upgrade", "x-outgate-flags", ":path"],
)
def test_framing_and_the_gate_s_own_are_nobody_s_to_change(name):
    request = get("Host: api.example", f"{name}: as it was" if name[0] != ":" else "a: b")
    for change in (HeaderChange(set=((name, "7"),)), HeaderChange(add=((name, "7"),)), HeaderChange(remove=(name,))):
        assert sent(request, passage(Route(request_headers=change))).headers.fields == request.headers.fields


@pytest.mark.parametrize("name", ["host", ":authority", "Host"])
def test_the_authority_is_set_where_it_stands(name):
    route = Route(request_headers=HeaderChange(set=((name, "inside.example"),)))
    assert sent(get("Host: api.example"), passage(route)).headers.get_all("host") == ["inside.example"]
    copy = sent(http2(), passage(route))
    assert (copy.data.authority, "host" in copy.headers) == (b"inside.example", False)


def test_path_and_authority_are_rewritten():
    backend = Backend("k", Upstream(80), host="back.example")
    route = Route(rewrite=Rewrite(prefix="/v2/", to_backend=True), backends=(backend,))
    copy = sent(get("Host: a.example", line="GET /v1/x?q HTTP/1.1"), passage(route, backend, "/v1/x", len("/v1/")))
    assert (copy.path, copy.headers["host"]) == ("/v2/x?q", "back.example")


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"request_headers": FIELDS},
        {"request_headers": HeaderChange(set=(("x-who", header_value("%REQ(x-old)%")),))},
        {"request_headers": HeaderChange(set=(("host", "inside.example"),))},
        {"rewrite": Rewrite(path="/b")},
    ],
    ids=["nothing", "fields", "a format", "the authority", "the path"],
)
@pytest.mark.parametrize("retold", [None, Changes(((b"traceparent", b"00"),), OUTSIDE)], ids=["", "told anew"])
def test_the_head_of_the_short_way_is_that_of_what_leaves(change, retold):
    asked = get("Host: api.example", "x-gone: 1", "X-Old: 1", "traceparent: 01")
    exchange = of(passage(Route(**change)), asked)
    exchange.retold = retold
    before = asked.headers.fields
    head = departure.head(asked, exchange)
    assert head == http1.assemble_request_head(departure.leaving(asked, exchange))
    assert asked.headers.fields == before


def test_responses_are_changed_by_the_backend_first():
    backend = Backend("k", Upstream(80), response_headers=HeaderChange(set=(("x-by", "backend"),)))
    made = passage(Route(response_headers=HeaderChange(add=(("x-by", "route"),), remove=("server",))), backend)
    made.cookie = "a=b; Path=/"
    response = http.Response.make(200, b"", {"server": "x", "content-length": "0"})
    changes.incoming(response, of(made))
    assert response.headers.get_all("x-by") == ["backend", "route"]
    assert (response.headers["set-cookie"], "server" in response.headers) == ("a=b; Path=/", False)


def test_answers_of_a_route():
    asked = get("Host: api.example", line="GET /a?q HTTP/1.1")
    direct = changes.answer(of(passage(Route(direct=DirectResponse(503, b"later"), response_headers=FIELDS)), asked))
    assert (direct.status_code, direct.content, direct.headers["x-new"]) == (503, b"later", "1")
    route = Route(redirect=Redirect(308, scheme="https", authority="new.example"))
    redirect = changes.answer(of(passage(route, path="/a", matched=WHOLE), asked))
    assert (redirect.status_code, redirect.headers["location"]) == (308, "https://new.example/a?q")


@pytest.mark.parametrize(
    "route",
    [
        Route(request_headers=HeaderChange(set=(("x-a", "b\r\nx-evil: 1"),))),
        Route(response_headers=HeaderChange(add=(("x a", "b"),))),
        Route(rewrite=Rewrite(path="/a b HTTP/1.1\r\n")),
        Route(rewrite=Rewrite(authority="a.example\r\nx: y")),
    ],
    ids=["a value", "a name", "a path", "an authority"],
)
def test_what_would_be_more_than_one_text_of_a_head_leaves_nothing(route):
    """Documents are looked at when they are loaded; this is for what was not seen there."""
    with pytest.raises(ValueError, match="cannot stand in"):
        sent(get("Host: api.example"), passage(route))
