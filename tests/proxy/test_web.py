"""What mitmweb's page keeps, and how a request is written down to be sent again. The rest is in e2e/test_web.py."""

from types import SimpleNamespace

import pytest
from mitmproxy import http
from mitmproxy.addons.view import View
from mitmproxy.test import tflow

from outgate.proxy import web as module
from outgate.proxy.replay import Replays, message
from outgate.proxy.web import Web
from proxy.requests import facts, get, http2, received


@pytest.fixture
def web(monkeypatch) -> Web:
    monkeypatch.setattr(module, "SHOWN", 3)
    monkeypatch.setattr(module, "REMEMBERED", 100)
    return Web(SimpleNamespace(view=View()))


def over(size: int = 0) -> http.HTTPFlow:
    made = tflow.tflow(resp=True)
    made.live, made.request.content, made.response.content = False, b"", bytes(size)
    return made


def shown(web: Web, *flows: http.HTTPFlow) -> list[http.HTTPFlow]:
    for flow in flows:
        web.master.view.add([flow])
        web.remember(flow)
    return list(web.master.view._store.values())


def test_the_last_flows_are_shown(web):
    flows = [over() for _ in range(5)]
    assert shown(web, *flows) == flows[2:]


def test_bodies_come_to_no_more_than_is_kept(web):
    flows = [over(60), over(60), over(30)]
    assert shown(web, *flows) == flows[1:]
    assert web.total == 90
    assert shown(web, over(1000)) == []
    assert web.total == 0


def test_a_flow_that_is_sent_again_counts_once(web):
    flow = over(60)
    shown(web, flow)
    flow.response.content = bytes(90)
    assert shown(web, flow) == [flow]
    assert web.total == 90


def test_a_flow_that_is_under_way_stays(web):
    flows = [over() for _ in range(5)]
    flows[0].live = True
    assert shown(web, *flows) == [flows[0], *flows[2:]]


# Sent again.


def sent(request: http.Request, known=None) -> tuple[str, list[str], bytes]:
    """Line, fields and body."""
    head, _, body = message(request, known or facts(443, sni="api.example")).partition(b"\r\n\r\n")
    line, *fields = head.decode("latin-1").split("\r\n")
    return line, fields, body


def test_what_came_in_http2_goes_in_http1():
    line, fields, _ = sent(http2(path="/x?y", x_team="a"))
    assert line == "GET /x?y HTTP/1.1"
    assert fields == ["host: api.example", "x-team: a", "connection: close"]


def test_a_proxy_client_names_the_place_in_the_request():
    line, fields, _ = sent(get("Host: api.example"), facts(None, address=None))
    assert line == "GET http://api.example/ HTTP/1.1"
    assert "host: api.example" in fields


def test_framing_is_made_anew():
    request = received(
        "POST / HTTP/1.1\nHost: a.example\nTransfer-Encoding: chunked\nConnection: x-y\nExpect: 100-continue"
    )
    request.data.content = b"hello"
    _, fields, body = sent(request)
    assert fields == ["host: a.example", "content-length: 5", "connection: close"]
    assert body == b"hello"


def test_two_hosts_stay_two():
    _, fields, _ = sent(get("Host: a.example", "Host: b.example"))
    assert fields[:2] == ["host: a.example", "host: b.example"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"live": True}, "not over"),
        ({"intercepted": True}, "not over"),
        ({"websocket": object()}, "no plain request"),
        ({}, "did not come through this gate"),
    ],
)
def test_what_cannot_be_sent_again_is_refused(web, change, why):
    flow = over()
    for name, value in change.items():
        setattr(flow, name, value)
    assert why in Replays(web).refusal(flow)


@pytest.mark.parametrize("field", [(b"a b", b"c"), (b"a", b"c\r\nd: e"), (b"a\r\nb", b"c")])
def test_headers_that_would_be_more_than_headers_are_refused(web, field):
    flow = over()
    web.known[flow.client_conn.id], web.plane = facts(), object()
    assert Replays(web).refusal(flow) == ""
    flow.request.headers = http.Headers([field])
    assert "not valid HTTP" in Replays(web).refusal(flow)
