"""Spans that are written out say what the others would."""

from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from outgate.policy.model import HeaderInjection
from outgate.telemetry import span_bytes, usual_spans
from outgate.telemetry.event import Phases
from outgate.telemetry.showing import Showing
from outgate.telemetry.spans import Drawing, Shape
from outgate.telemetry.urls import Query, Redaction
from outgate.telemetry.usual_spans import UsualSpans
from telemetry.happenings import ALLOWED, API, CALLER, REACHED, TRACE, request
from telemetry.test_shared_spans import EVENTS

UUID = "4fd2a1b0-0000-4000-8000-0123456789ab"
AGAIN = replace(REACHED, reused=True, phases=Phases(0.001, first_byte=0.05))
USUAL = request(reached=(AGAIN,), request_id=UUID)
AGENT = (b"User-Agent", b"curl/8.5")
INJECTING = replace(ALLOWED, destination=replace(API, headers=(HeaderInjection("User-Agent", "canary"),)))
PLAIN = {
    "as it should be": USUAL,
    "of nobody's trace": replace(USUAL, trace=replace(TRACE, parent_id=0)),
    "of a trace that is not sampled": replace(USUAL, trace=replace(TRACE, sampled=False)),
    "with a query": replace(USUAL, path="/a?token=canary&page=2"),
    "with a long path": replace(USUAL, path="/" + "p" * 5000),
    "with a path of no text": replace(USUAL, path="/\x1b\u202e"),
    "without a user agent": replace(USUAL, request_fields=()),
    "with an empty one": replace(USUAL, request_fields=((b"user-agent", b""),)),
    "with two": replace(USUAL, request_fields=(AGENT, AGENT)),
    "with a credential for one": replace(USUAL, request_fields=((b"user-agent", b"Bearer canary"),)),
    "with a long one": replace(USUAL, request_fields=((b"user-agent", b"a" * 5000),)),
    "without an identifier": replace(USUAL, request_id=""),
    "from another port": replace(USUAL, caller_port=1),
    "of no time at all": replace(USUAL, duration=-1.0),
}
UNUSUAL = {
    "no trace": replace(USUAL, trace=None),
    "others' state": replace(USUAL, trace=replace(TRACE, state="a=b")),
    "a span more": replace(USUAL, trace=replace(TRACE, client_ids=(0xC0, 0xC1))),
    "no span for the origin": replace(USUAL, trace=replace(TRACE, client_ids=())),
    "no address": replace(USUAL, caller=replace(CALLER, address="")),
    "an addon's identifier": replace(USUAL, request_id="r-1"),
    "a denial": replace(USUAL, verdict="deny"),
    "an error": replace(USUAL, status=503),
    "two tries": replace(USUAL, reached=(AGAIN, AGAIN)),
    "a new connection": replace(USUAL, reached=(REACHED,)),
    "no answer's time": replace(USUAL, reached=(replace(AGAIN, phases=Phases(0.001)),)),
    "no time": replace(USUAL, reached=(replace(AGAIN, started=0.0),)),
    "no end": replace(USUAL, reached=(replace(AGAIN, ended=0.0),)),
    "a user agent of the gate's": replace(USUAL, decision=INJECTING),
}
SHOWINGS = Showing(), Showing(Redaction(Query.DROP))


def read(message):
    return ExportTraceServiceRequest.FromString(span_bytes.message({}, ("outgate", "1"), [message]))


def said(drawing, event):
    ids = count(0xF0)
    return b"".join(map(span_bytes.span, drawing.spans(event, lambda: next(ids))))


@pytest.mark.parametrize("showing", SHOWINGS, ids=["redacts", "drops"])
@pytest.mark.parametrize("event", PLAIN.values(), ids=PLAIN.keys())
def test_the_usual_is_written_and_says_the_same(event, showing):
    usual = UsualSpans(Drawing(showing=showing))
    for _ in range(2):  # again, from what was kept
        written = usual.write(event)
        assert written
        assert read(written) == read(said(Drawing(showing=showing), event))


@pytest.mark.parametrize("event", UNUSUAL.values(), ids=UNUSUAL.keys())
def test_the_unusual_is_left_to_others(event):
    assert UsualSpans(Drawing()).write(event) == b""


def test_it_is_left_to_others_where_there_is_one_span_alone():
    assert UsualSpans(Drawing(Shape.CLIENT)).write(USUAL) == b""


def test_what_is_kept_of_one_is_not_said_of_another():
    usual = UsualSpans(Drawing())
    known = [*PLAIN.values(), *(replace(each, reached=(AGAIN,), request_id=UUID) for each in EVENTS if each.reached)]
    for _ in range(2):
        for event in (*known, *reversed(known)):
            if written := usual.write(event):
                assert read(written) == read(said(Drawing(), event))


NAMES = st.sampled_from([b"user-agent", b"User-Agent", b"USER-AGENT", b"user-agents", b"host"])


@given(
    st.lists(st.tuples(NAMES, st.binary(max_size=20)), max_size=4),
    st.text(max_size=30),
    st.floats(0, 1e6),
    st.floats(0, 1e6),
    st.integers(0, 65535),
)
def test_any_is_said_alike(fields, path, duration, queue, port):
    tried = replace(AGAIN, phases=Phases(queue, first_byte=queue))
    event = replace(
        USUAL, request_fields=tuple(fields), path=path, duration=duration, reached=(tried,), caller_port=port
    )
    assert read(UsualSpans(Drawing()).write(event)) == read(said(Drawing(), event))


def test_what_is_kept_is_bounded():
    usual = UsualSpans(Drawing())
    for number in range(usual_spans.KEPT + 10):
        agent = (b"user-agent", b"a" * number)
        usual.write(replace(USUAL, path="/" + "p" * number, request_fields=(agent,), caller_port=number))
    for kept in (usual._urls, usual._agents, usual._ports):
        assert len(kept) <= usual_spans.KEPT
    assert max(len(path) for _, path in usual._urls) <= usual_spans.LONGEST
    assert max(map(len, usual._agents)) <= usual_spans.LONGEST
