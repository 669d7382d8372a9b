"""What a workload says of its trace is taken where it is well-formed, and what origins are told is decided by mode."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from outgate.telemetry.event import Trace
from outgate.telemetry.propagation import NOBODY, READ, Context, Propagation, changes, extract

T, S = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACE_ID, SPAN_ID = int(T, 16), int(S, 16)
PARENT = f"00-{T}-{S}-01"
FOREIGN = (
    (b"Host", b"api.example"),
    (b"TraceParent", PARENT.encode()),
    (b"tracestate", b"vendor=1"),
    (b"tracestate", b"other=2"),
    (b"Baggage", b"user=42"),
    (b"b3", b"0"),
    (b"X-B3-TraceId", T.encode()),
    (b"uberctx-user", b"42"),
    (b"x-amzn-trace-id", b"Root=1"),
    (b"accept", b"*/*"),
)
OWN = Trace(TRACE_ID, 0xA1, (0xC1, 0xC2), SPAN_ID, True, "vendor=1,other=2")


def fields(**named: str) -> tuple:
    return tuple((name.replace("_", "-").encode(), value.encode()) for name, value in named.items())


def names(given) -> set[bytes]:
    return {name.lower() for name, _ in given}


@pytest.mark.parametrize(
    ("value", "context"),
    [
        (PARENT, Context(TRACE_ID, SPAN_ID, True)),
        (f"00-{T}-{S}-00", Context(TRACE_ID, SPAN_ID, False)),
        (f"00-{T}-{S}-03", Context(TRACE_ID, SPAN_ID, True)),
        (f"  {PARENT}\t", Context(TRACE_ID, SPAN_ID, True)),
        (f"cc-{T}-{S}-01-what-comes", Context(TRACE_ID, SPAN_ID, True)),
        (f"00-{T}-{S}-01-extra", NOBODY),
        (f"cc-{T}-{S}-01what", NOBODY),
        (f"ff-{T}-{S}-01", NOBODY),
        (f"00-{T.upper()}-{S}-01", NOBODY),
        (f"00-{'0' * 32}-{S}-01", NOBODY),
        (f"00-{T}-{'0' * 16}-01", NOBODY),
        (f"00-{T}-{S}", NOBODY),
        (f"00-{T}-{S}-1", NOBODY),
        ("", NOBODY),
        (f"{PARENT}, {PARENT}", NOBODY),
    ],
)
def test_traceparent(value, context):
    assert extract(fields(traceparent=value)) == context


def test_a_traceparent_that_is_there_twice_counts_for_nothing():
    assert extract(fields(traceparent=PARENT) * 2) == NOBODY


@pytest.mark.parametrize(
    ("values", "state"),
    [
        (["a=1"], "a=1"),
        (["a=1", "b=2"], "a=1,b=2"),
        (["a=1, ,b=2 "], "a=1,b=2"),
        (["tenant@vendor=x"], "tenant@vendor=x"),
        (["a"], ""),
        (["a=1,a=2"], ""),
        (["A=1"], ""),
        (["a=\u00e9"], ""),
        ([",".join(f"k{n}=1" for n in range(33))], ""),
        (["a=" + "x" * 256], "a=" + "x" * 256),
        (["a=" + "x" * 257], ""),
    ],
)
def test_tracestate_is_taken_whole_or_not_at_all(values, state):
    given_fields = fields(traceparent=PARENT) + tuple((b"tracestate", value.encode()) for value in values)
    assert extract(given_fields).state == state


def test_a_tracestate_goes_with_its_traceparent():
    assert extract(fields(traceparent="garbage", tracestate="a=1")) == NOBODY


@pytest.mark.parametrize(
    ("named", "context"),
    [
        ({"b3": f"{T}-{S}-1"}, Context(TRACE_ID, SPAN_ID, True)),
        ({"b3": f"{T}-{S}-0-{S}"}, Context(TRACE_ID, SPAN_ID, False)),
        ({"b3": f"{T}-{S}-d"}, Context(TRACE_ID, SPAN_ID, True)),
        ({"b3": f"{T}-{S}"}, Context(TRACE_ID, SPAN_ID, None)),
        ({"b3": f"{T[:16]}-{S}-1"}, Context(int(T[:16], 16), SPAN_ID, True)),
        ({"b3": "0"}, Context(sampled=False)),
        ({"b3": "d"}, Context(sampled=True)),
        ({"b3": f"{'0' * 32}-{S}-1"}, Context(sampled=True)),
        ({"b3": f"{T}-{S}-2"}, NOBODY),
        ({"x_b3_traceid": T, "x_b3_spanid": S, "x_b3_sampled": "1"}, Context(TRACE_ID, SPAN_ID, True)),
        ({"x_b3_traceid": T.upper(), "x_b3_spanid": S, "x_b3_sampled": "true"}, Context(TRACE_ID, SPAN_ID, True)),
        ({"x_b3_traceid": T, "x_b3_spanid": S, "x_b3_flags": "1"}, Context(TRACE_ID, SPAN_ID, True)),
        ({"x_b3_traceid": T, "x_b3_spanid": S}, Context(TRACE_ID, SPAN_ID, None)),
        ({"x_b3_traceid": T}, NOBODY),
        ({"x_b3_sampled": "0"}, Context(sampled=False)),
        ({"traceparent": f"00-{T}-{S}-00", "b3": f"{'1' * 32}-{S}-1"}, Context(TRACE_ID, SPAN_ID, False)),
        ({"traceparent": "garbage", "b3": f"{T}-{S}-1"}, Context(TRACE_ID, SPAN_ID, True)),
    ],
)
def test_b3_in_both_forms_after_w3c(named, context):
    assert extract(fields(**named)) == context


NAMES = st.sampled_from([*sorted(READ), b"Traceparent", b"B3", b"x-other"])
VALUES = st.binary(max_size=90) | st.from_regex(
    rb"[0-9a-f]{2}-[0-9a-f]{30,33}-[0-9a-f]{15,17}-[0-9a-f]{1,3}", fullmatch=True
)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8).map(tuple))
@example(((b"traceparent", b"00-" + b"\xb2" * 32 + b"-" + S.encode() + b"-01"),))
@example(((b"b3", b"1" * 100_000),))
@example(((b"tracestate", b"a=" * 50_000), (b"traceparent", PARENT.encode())))
def test_whatever_is_sent_becomes_a_context_or_nothing(sent):
    context = extract(sent)
    assert 0 <= context.trace_id < 1 << 128
    assert 0 <= context.parent_id < 1 << 64
    assert bool(context.trace_id) == bool(context.parent_id)
    assert re.fullmatch(r"[\x20-\x7e]{0,1024}", context.state)


# What leaves.


@pytest.mark.parametrize(
    ("mode", "left"),
    [
        (Propagation.NONE, {}),
        (Propagation.W3C, {b"traceparent": f"00-{T}-{0xC2:016x}-01"}),
        (Propagation.B3, {b"b3": f"{T}-{0xC2:016x}-1"}),
        (
            Propagation.B3MULTI,
            {b"x-b3-traceid": T, b"x-b3-spanid": f"{0xC2:016x}", b"x-b3-sampled": "1"},
        ),
    ],
)
def test_an_origin_outside_is_told_the_last_span_and_no_more(mode, left):
    leaving = changes(OWN, mode).apply(FOREIGN)
    context = {name: value.decode() for name, value in leaving if name.lower() in READ}
    assert context == left
    assert {b"host", b"accept"} <= names(leaving)
    assert not names(leaving) & {b"uberctx-user", b"baggage", b"tracestate"}


def test_nothing_is_told_in_any_form_that_is_known():
    assert names(changes(OWN, Propagation.NONE).apply(FOREIGN)) == {b"host", b"accept"}


def test_passthrough_touches_nothing():
    assert changes(OWN, Propagation.PASSTHROUGH).apply(FOREIGN) is FOREIGN


def test_inside_the_mesh_state_and_baggage_go_on():
    leaving = changes(OWN, Propagation.W3C, internal=True).apply(FOREIGN)
    assert [value for name, value in leaving if name.lower() == b"traceparent"] == [f"00-{T}-{0xC2:016x}-01".encode()]
    assert {b"tracestate", b"baggage"} <= names(leaving)
    begun_here = Trace(TRACE_ID, 0xA1, (0xC1,))
    assert b"tracestate" not in names(changes(begun_here, Propagation.W3C, internal=True).apply(FOREIGN))


def test_without_a_trace_the_workloads_own_goes_on_alone():
    leaving = changes(None, Propagation.W3C).apply(FOREIGN)
    assert (b"TraceParent", PARENT.encode()) in leaving
    assert not names(leaving) & {b"tracestate", b"baggage", b"uberctx-user"}


@pytest.mark.parametrize("mode", [Propagation.W3C, Propagation.B3, Propagation.B3MULTI])
@pytest.mark.parametrize("sampled", [True, False])
def test_what_leaves_is_read_again(mode, sampled):
    trace = Trace(TRACE_ID, 0xA1, (0xC1,), sampled=sampled)
    assert extract(changes(trace, mode).apply(())) == Context(TRACE_ID, 0xC1, sampled)
