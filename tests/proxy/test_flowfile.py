"""Flows are made anew from what is kept: mitmproxy reads them, and nothing else is in them."""

import io

import pytest
from hypothesis import given
from mitmproxy import http
from mitmproxy.io import FlowReader, tnetstring

from capture.exchanges import kept
from capture.formats.written import EVENTS, PLAIN, kinds, tunnel
from outgate.proxy.flowfile import FlowFileWriter

KINDS = kinds()


def written(*exchanges):
    writer = FlowFileWriter(out := io.BytesIO())
    assert {writer.write(each) for each in exchanges} <= {""}
    writer.close()
    return out.getvalue()


def flow(name):
    [found] = FlowReader(io.BytesIO(written(KINDS[name]))).stream()
    return found


@pytest.mark.parametrize("name", KINDS)
def test_mitmproxy_reads_every_kind(name):
    found, exchange = flow(name), KINDS[name].exchange
    assert isinstance(found, http.HTTPFlow)
    assert found.request.method == exchange.request.method
    assert found.request.path == exchange.request.target
    assert found.request.get_content(strict=False) == exchange.request.body.content
    assert (found.response is None) == (exchange.response is None)
    if found.response is not None and name != "stacked":
        assert found.response.get_content(strict=False) == exchange.response.body.content


@given(kept)
def test_any_exchange_is_read(found):
    assert len(list(FlowReader(io.BytesIO(written(found, found))).stream())) == 2


def test_a_flow_holds_nothing_else():
    state = tnetstring.loads(written(KINDS["post"]))
    assert state["backup"] is None
    assert state["client_conn"]["peername"] == state["client_conn"]["sockname"] == ["", 0]
    assert state["client_conn"]["certificate_list"] == state["server_conn"]["certificate_list"] == []
    assert state["server_conn"]["address"] == ["api.example", 443]
    assert state["server_conn"]["peername"] is None
    assert state["comment"] == ""


def test_codings_are_on_again_and_lengths_are_right():
    response = flow("gzip").response
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["content-length"] == str(len(response.raw_content))
    assert response.content == PLAIN
    assert flow("unknown coding").response.raw_content == b"\xff\x06s"


def test_messages_trailers_and_errors():
    found = flow("websocket").websocket
    assert [(each.from_client, each.is_text, each.content) for each in found.messages] == [
        (True, True, "hä?".encode()),
        (False, False, b"\xff\x00"),
    ]
    assert found.close_code == 1000
    assert flow("trailers").response.trailers["grpc-status"] == "0"
    assert flow("error").error.msg == "connection_refused"
    assert flow("not kept").response.raw_content is None
    assert flow("events").response.content == EVENTS


def test_http2_has_an_authority():
    assert flow("http/2").request.authority == "api.example"
    assert flow("http/2").request.is_http2


def test_a_tunnel_is_a_flow_without_bytes():
    [found] = FlowReader(io.BytesIO(written(tunnel()))).stream()
    assert found.type == "tcp"
    assert found.messages == []
    assert found.server_conn.address == ("tcp.example", 7000)
