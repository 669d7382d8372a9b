"""Spans that the gate writes itself say what OpenTelemetry's own encoder would say of them."""

from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from outgate.telemetry import span_bytes
from outgate.telemetry.spans import Drawing, Shape, Shared
from telemetry.happenings import REACHED, TRACE, denial, request, tunnel

RESOURCE, SCOPE = {"service.name": "outgate", "k8s.pod.name": "p-\u00e9"}, ("outgate", "1.2")
BIG = "x" * 70_000
EVENTS = {
    "a request": request(),
    "one in a trace that others have a state in": request(trace=replace(TRACE, state="vendor=1,other=2")),
    "one that begins its trace": request(trace=replace(TRACE, parent_id=0)),
    "one that was tried twice": request(reached=(replace(REACHED, error_type="connection_refused"), REACHED)),
    "one that failed": request(status=503, error_type="503", sent=1 << 40, received=0),
    "one with texts of any length": request(path="/" + "p" * 200 + "?\u20ac=" + "q" * 2000, reason=BIG, failure="\x1b"),
    "a denial": denial(),
    "a tunnel": tunnel(sent=(1 << 63) - 1),
}


def read(*spans):
    return ExportTraceServiceRequest.FromString(
        span_bytes.message(RESOURCE, SCOPE, [span_bytes.span(each) for each in spans])
    )


def theirs(*spans):
    return encode_spans([readable(each) for each in spans])


def readable(span):
    """As OpenTelemetry's tracers would have made it."""
    kind, status = (SpanKind.CLIENT if span.client else SpanKind.SERVER), StatusCode.ERROR if span.failed else None
    return ReadableSpan(
        name=span.name,
        context=context(span.trace, span.span_id, False),
        parent=context(span.trace, span.parent_id, span.remote) if span.parent_id else None,
        resource=Resource(RESOURCE),
        attributes=span.attributes,
        kind=kind,
        status=Status(status or StatusCode.UNSET),
        start_time=span.start,
        end_time=span.end,
        instrumentation_scope=InstrumentationScope(*SCOPE),
    )


def context(trace, span_id, remote):
    state = TraceState.from_header([trace.state]) if trace.state else None
    return SpanContext(trace.trace_id, span_id, remote, TraceFlags(int(trace.sampled)), state)


@pytest.mark.parametrize("shape", Shape)
@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS.keys())
def test_an_attempt_is_what_opentelemetry_makes_of_it(event, shape):
    ids = count(0xF0)
    spans = Drawing(shape, longest=10_000).spans(event, lambda: next(ids))
    assert read(*spans) == theirs(*spans)


def test_many_are_one_message():
    spans = Drawing().spans(request(), lambda: 1) * 500
    assert read(*spans) == theirs(*spans)


def with_only(span, attributes):
    return span._replace(shared=Shared({}, False), own=attributes)


VALUES = st.one_of(
    st.text(max_size=300), st.booleans(), st.integers(-(1 << 63), (1 << 63) - 1), st.floats(allow_nan=False)
)


@given(st.dictionaries(st.text(min_size=1, max_size=200), VALUES, max_size=5), st.sampled_from(["", "a=1"]))
def test_any_attributes_are(attributes, state):
    (span, *_) = Drawing().spans(request(trace=replace(TRACE, state=state)), lambda: 1)
    made = with_only(span, {f"{type(value).__name__}.{name}": value for name, value in attributes.items()})
    assert read(made) == theirs(made)
    assert read(made) == theirs(made)  # again, from what was kept


def test_what_is_kept_is_bounded():
    (span, *_) = Drawing().spans(request(), lambda: 1)
    for number in range(2 * span_bytes.KEPT):
        span_bytes.span(with_only(span, {"url.path": f"/{number}", "long": f"{number}" + "x" * 1000}))
    assert len(span_bytes._kept) <= span_bytes.KEPT
    assert all(len(value) <= span_bytes.LONGEST for _, value in span_bytes._kept if isinstance(value, str))


def test_half_a_character_costs_no_span():
    (span, *_) = Drawing().spans(request(), lambda: 1)
    (found,) = read(with_only(span, {"n": "a\ud800"})).resource_spans[0].scope_spans[0].spans[0].attributes
    assert found.value.string_value == "a?"
