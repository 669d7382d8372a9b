"""What the operators of header values come to, on requests and on answers."""

import socket
from dataclasses import replace
from types import SimpleNamespace

import pytest
from mitmproxy import http

from outgate.policy.header_formats import HEADERS, OPERATORS, header_value
from outgate.policy.model import Identity
from outgate.policy.route_model import HeaderChange, HeaderFormat, Operator, Route
from outgate.policy.routing import Chosen
from outgate.proxy import changes, departure, header_values, heads
from outgate.proxy.exchange import Exchange
from outgate.proxy.passage import Passage
from outgate.proxy.plan import Plan
from outgate.proxy.tries import Try
from proxy.requests import attempt, facts, get, http2

ASKED = get("Host: api.example", "X-Who: me", "X-Long: abcdef", "X-Empty:", line="GET /a?b HTTP/1.1")
ANSWER = http.Response.make(201, b"", {"x-by": "origin"})


def exchange(request: http.Request = ASKED, route: Route | None = None, sni: str | None = None) -> Exchange:
    known = replace(facts(sni=sni), caller=Identity(address="192.0.2.9"), caller_port=4711)
    opened = SimpleNamespace(peername=("2001:db8::7", 443))
    made = Exchange(known, attempt=attempt(request, known), authority="api.example")
    made.judged, made.tries = departure.judged(request), [Try(origin=opened)]
    route = route or Route()
    made.passage = Passage(Chosen(route), Plan(route, None), lambda: 0.0, lambda: 0.0, 0.0)
    return made


@pytest.mark.parametrize(
    ("value", "made"),
    [
        ("%REQ(x-who)%", "me"),
        ("<%REQ(x-who)%>", "<me>"),
        ("%REQ(x-none?X-Who)%", "me"),
        ("%REQ(x-none)%", ""),
        ("%REQ(x-empty?x-none)%", ""),
        ("%REQ(x-long):3%", "abc"),
        ("%REQ(:method)% %REQ(:path)% %REQ(:scheme)%", "GET /a?b http"),
        ("%REQ(:authority)% %REQ(host)%", "api.example api.example"),
        ("%RESP(x-by)% %RESP(:status)% %RESPONSE_CODE%", "origin 201 201"),
        ("%DOWNSTREAM_REMOTE_ADDRESS%", "192.0.2.9:4711"),
        ("%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%", "192.0.2.9"),
        ("%DOWNSTREAM_REMOTE_PORT%", "4711"),
        ("%DOWNSTREAM_LOCAL_ADDRESS%", "192.0.2.1:80"),
        ("%UPSTREAM_HOST%", "[2001:db8::7]:443"),
        ("%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "2001:db8::7"),
        ("%PROTOCOL%", "HTTP/1.1"),
        ("%REQUESTED_SERVER_NAME%", ""),
        ("%HOSTNAME%", socket.gethostname()),
    ],
    ids=lambda text: text.split()[0] if "%" in text else "",
)  # fmt: skip
def test_what_is_told(value, made):
    assert header_values.told(header_value(value), exchange(), ANSWER).decode() == made


def test_every_operator_that_may_be_named_is_read():
    assert header_values.READS.keys() == OPERATORS - HEADERS


def test_of_other_connections():
    asked = exchange(http2(), sni="api.example")
    assert header_values.told(header_value("%PROTOCOL% %REQUESTED_SERVER_NAME%"), asked, None) == b"HTTP/2 api.example"
    asked.tries = []
    assert header_values.told(header_value("%UPSTREAM_HOST%%RESP(a)%%RESPONSE_CODE%"), asked, None) == b""


def test_headers_are_made_with_each_message():
    """All see what was there before, and where nothing is made nothing is changed."""
    change = HeaderChange(
        set=(("x-who", header_value("%REQ(x-long)%")), ("x-long", header_value("%REQ(x-none)%"))),
        add=(("x-copy", header_value("%REQ(x-who)%")), ("x-none", header_value("%REQ(x-none)%")), ("x-a", "1")),
    )
    copy = heads.copied(ASKED)
    changes.outgoing(copy, exchange(route=Route(request_headers=change)))
    assert [(name, value) for name, value in copy.headers.items() if name.lower() != "host"] == [
        ("X-Long", "abcdef"), ("X-Empty", ""), ("x-a", "1"), ("x-who", "abcdef"), ("x-copy", "me"),
    ]  # fmt: skip


def test_answers_tell_of_both_sides():
    route = Route(response_headers=HeaderChange(set=(("x-by", header_value("%REQ(x-who)% %RESP(x-by)%")),)))
    answer = ANSWER.copy()
    changes.incoming(answer, exchange(route=route))
    assert answer.headers.get_all("x-by") == ["me origin"]


def test_what_would_be_more_than_one_line_is_not_sent():
    with pytest.raises(ValueError, match="cannot stand in a head"):
        header_values.told(HeaderFormat(("a\r\nx: b", Operator("HOSTNAME"))), exchange(), None)
