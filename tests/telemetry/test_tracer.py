"""An attempt has a trace of its own or takes part in the workload's, and what is to be kept is handed over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.policy.telemetry_model import TraceRule
from outgate.telemetry.ids import Ids
from outgate.telemetry.propagation import Propagation, extract
from outgate.telemetry.sampling import Bucket, Sampler
from outgate.telemetry.tracer import FRESH, Tracer
from telemetry.happenings import denial, request

T, S = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def parent(flags="01"):
    return ((b"traceparent", f"00-{T}-{S}-{flags}".encode()), (b"tracestate", b"vendor=1"))


def tracer(ratio=1.0, **more):
    taken = []
    return Tracer(lambda _: taken.append, Sampler(ratio, Bucket(1.0)), **more), taken


def test_a_trace_begins_here_where_the_workload_names_none():
    made, _ = tracer()
    one, other = made.begin(), made.begin()
    assert one.trace_id != other.trace_id
    assert one.server_id != one.client_ids[0]
    assert (one.parent_id, one.sampled, one.state) == (0, True, "")


def test_those_that_begin_here_are_each_their_own():
    made, _ = tracer(0.5)
    begun = [made.begin(rule=TraceRule(sink=str(number))) for number in range(3 * FRESH)]
    assert len({trace.trace_id for trace in begun}) == len({trace.server_id for trace in begun}) == len(begun)
    assert [trace.rule.sink for trace in begun] == [str(number) for number in range(len(begun))]
    assert {trace.sampled for trace in begun} == {True, False}
    for trace in begun:
        told = extract(made.outgoing(trace).apply(()))
        assert (told.trace_id, told.parent_id, told.sampled) == (trace.trace_id, trace.client_ids[0], trace.sampled)
        assert b"traceparent" not in dict(made.outgoing(trace, Propagation.B3).apply(()))


@pytest.mark.parametrize("mode", [Propagation.B3, Propagation.B3MULTI])
def test_what_is_set_is_told_of_them_and_nothing_else(mode):
    made, _ = tracer(propagation=mode)
    told = dict(made.outgoing(made.begin()).apply(()))
    assert told
    assert b"traceparent" not in told


def test_a_fork_begins_none_that_its_parent_may_begin():
    ids = Ids()
    made, _ = tracer(ids=ids)
    made.begin()
    prepared = {trace.trace_id for trace in made._fresh}
    ids.forget()
    assert prepared
    assert made.begin().trace_id not in prepared


def test_the_workloads_trace_goes_on():
    made, _ = tracer()
    trace = made.begin(parent())
    assert (trace.trace_id, trace.parent_id, trace.sampled) == (int(T, 16), int(S, 16), True)
    assert trace.state == "vendor=1"


def test_what_is_malformed_begins_a_new_one():
    made, _ = tracer()
    trace = made.begin(((b"traceparent", b"00-" + b"0" * 32 + b"-" + b"1" * 16 + b"-01"),))
    assert trace.trace_id
    assert (trace.parent_id, trace.sampled) == (0, True)


def test_an_attempt_made_again_has_a_span_of_its_own_that_the_origin_is_told():
    made, _ = tracer()
    trace = made.begin()
    again = made.again(trace)
    assert again.client_ids[:1] == trace.client_ids
    assert extract(made.outgoing(again).apply(())).parent_id == again.client_ids[1]


def test_documents_say_how_many_are_kept_and_whether_any_are():
    made, taken = tracer()
    unsampled = made.begin((), TraceRule(sampling=0.0))
    assert not unsampled.sampled
    made.observe(request(trace=unsampled))
    made.observe(denial(trace=made.begin((), TraceRule(disabled=True))))
    assert taken == []
    assert made.left_out == 1
    made.observe(denial(trace=unsampled))
    assert len(taken) == 1


def test_documents_may_keep_context_in():
    made, _ = tracer()
    trace = made.begin(parent(), TraceRule(propagates=False))
    for mode in Propagation:
        assert made.outgoing(trace, mode).apply(parent()) == ()


def test_workloads_do_not_have_everything_kept():
    made, _ = tracer(0.0)
    assert [made.begin(parent()).sampled for _ in range(3)] == [True, False, False]


@pytest.mark.parametrize(("flags", "told"), [("01", b"-01"), ("00", b"-00")])
def test_the_origin_is_told_whether_the_trace_is_kept(flags, told):
    made, _ = tracer()
    ((_, value),) = made.outgoing(made.begin(parent(flags))).set
    assert value.endswith(told)


def test_where_nothing_is_exported_no_trace_is_begun_and_nothing_foreign_leaves():
    made = Tracer(lambda _: None, Sampler())
    assert made.begin(parent()) is None
    assert made.outgoing(None).apply(parent()) == parent()[:1]
    made.observe(request())


@given(st.lists(st.tuples(st.binary(max_size=30), st.binary(max_size=90)), max_size=6).map(tuple))
def test_any_fields_make_a_trace(fields):
    made, _ = tracer()
    trace = made.begin(fields)
    assert trace.trace_id
    made.outgoing(trace).apply(fields)
