"""Flows of any program are read, one by one, and say what a test run needs."""

import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy.io import FlowWriter, tnetstring
from mitmproxy.test import tflow

from capture.formats.written import PLAIN, kinds, tunnel
from outgate.capture.match import Matcher, Miss
from outgate.capture.matching.canonical import canonical
from outgate.capture.told import Malformed
from outgate.proxy.flowfile import FlowFileWriter
from outgate.proxy.flowfile_reading import FlowFile

KINDS = kinds()


@pytest.fixture
def read(tmp_path):
    """What a file holds, and what is wrong with it."""

    def run(content):
        (file := tmp_path / "flows").write_bytes(content)
        flows = FlowFile(file)
        found = list(flows)
        return found, [each.removeprefix(f"{file}: ") for each in flows.problems]

    return run


def written(*exchanges):
    writer = FlowFileWriter(out := io.BytesIO())
    for each in exchanges:
        writer.write(each)
    return out.getvalue()


def flows(*found):
    writer = FlowWriter(out := io.BytesIO())
    for each in found:
        writer.add(each)
    return out.getvalue()


@pytest.mark.parametrize("name", KINDS)
def test_what_was_written_is_read_back(read, name):
    """Its bodies with their codings on, as those of any flow."""
    kept = KINDS[name]
    [found], problems = read(written(kept))
    assert problems == []
    assert found.manifest == kept.manifest
    ours, theirs = kept.exchange, found.exchange
    if name == "odd names":  # mitmproxy takes it for Latin-1
        ours = replace(ours, response=replace(ours.response, reason="O\xffK"))
    assert canonical(theirs.request, found.manifest) == canonical(ours.request, kept.manifest)
    assert replace(theirs, request=None, response=None) == replace(ours, request=None, response=None)
    if ours.response is not None:
        same = replace(theirs.response.body, content=None, decoded=True)
        assert same == replace(ours.response.body, content=None, decoded=True)
        assert replace(theirs.response, body=None, fields=()) == replace(ours.response, body=None, fields=())


def test_a_tunnel_is_read_back(read):
    [found], _ = read(written(tunnel()))
    assert found.exchange == tunnel().exchange


def test_it_answers_what_was_recorded(read):
    matcher = Matcher()
    for each in read(written(*KINDS.values()))[0]:
        matcher.add(each.exchange, each.manifest)
    for kept in KINDS.values():
        assert not isinstance(matcher.find(kept.exchange.request), Miss)


def test_flows_of_others(read):
    plain, ws, relay = tflow.tflow(resp=True), tflow.twebsocketflow(), tflow.ttcpflow()
    plain.response.headers["content-encoding"] = "gzip"
    plain.response.content = PLAIN
    failed = tflow.tflow(err=True)
    found, problems = read(flows(plain, ws, failed, relay))
    assert problems == []
    first, second, third, fourth = (each.exchange for each in found)
    assert first.response.body.content.startswith(b"\x1f\x8b")
    assert not first.response.body.decoded
    assert len(second.messages) == 3
    assert (third.response, third.error) == (None, "error")
    assert (fourth.request, fourth.relayed.sent, fourth.relayed.received) == (None, 5, 7)


def test_what_is_neither_http_nor_tcp_is_named(read):
    found, problems = read(flows(tflow.tflow(), tflow.tdnsflow(), tflow.tflow()))
    assert len(found) == 2
    assert problems == ["flow 1 is left out: it is of the kind dns; http and tcp are read"]


@pytest.mark.parametrize("state", [7, {}, {"version": 3}, {"version": 21, "type": "http"}, {"type": "http"}])
def test_one_bad_flow_is_named_and_the_rest_is_read(read, state):
    out = io.BytesIO()
    tnetstring.dump(state, out)
    found, problems = read(flows(tflow.tflow()) + out.getvalue() + flows(tflow.tflow()))
    assert len(found) == 2
    assert [each.partition(":")[0] for each in problems] == ["flow 1 is left out"]


def test_a_torn_file_is_read_up_to_there(read):
    whole = flows(tflow.tflow(), tflow.tflow())
    found, problems = read(whole[:-10])
    assert len(found) == 1
    assert problems == ["the rest, from flow 1 on, cannot be read"]
    assert read(b"") == ([], [])


@pytest.mark.parametrize("content", [b"{", b"hello", b"\x00" * 20, b'{"log": {"entries": []}}'])
def test_what_holds_no_flows_says_so(read, content):
    with pytest.raises(Malformed, match="it holds no flows of mitmproxy"):
        read(content)


@given(at=st.integers(0, 3000), byte=st.integers(0, 255))
def test_a_changed_byte_is_no_traceback(tmp_path_factory, at, byte):
    content = bytearray(written(KINDS["post"], KINDS["websocket"]))
    content[at % len(content)] = byte
    (file := tmp_path_factory.mktemp("flows") / "flows").write_bytes(content)
    try:
        found = list(FlowFile(file))
    except Malformed:
        found = []
    assert len(found) <= 2
