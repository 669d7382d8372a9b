"""A trace is kept by its identifier, as everywhere on its way, and workloads cannot have as many kept as they like."""

import os
import random
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

from outgate.telemetry.ids import BLOCK, Ids
from outgate.telemetry.sampling import Bucket, Sampler, kept

IDS = st.integers(1, (1 << 128) - 1)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@given(IDS, st.floats(0, 1))
def test_the_ratio_is_opentelemetrys(trace_id, ratio):
    theirs = TraceIdRatioBased(ratio).should_sample(None, trace_id, "x").decision.is_sampled()
    assert kept(trace_id, ratio) == theirs


@given(IDS)
def test_all_and_none(trace_id):
    assert kept(trace_id, 1.0)
    assert not kept(trace_id, 0.0)


def test_about_the_part_that_is_asked_for_is_kept():
    drawn = random.Random(7)
    assert 800 < sum(kept(drawn.getrandbits(128), 0.1) for _ in range(10_000)) < 1200


@pytest.mark.parametrize(
    ("ratio", "parent", "sampled"),
    [
        (1.0, None, True),
        (1.0, True, True),
        (1.0, False, False),
        (0.0, None, False),
        (0.0, True, True),
        (0.0, False, False),
    ],
)
def test_what_the_workloads_trace_says_counts(ratio, parent, sampled):
    assert Sampler(ratio).sampled(1, parent) is sampled


@pytest.mark.parametrize("parent", [None, True, False])
def test_it_does_not_count_where_it_is_not_followed(parent):
    assert Sampler(1.0, follows=False).sampled(1, parent)
    assert not Sampler(0.0, follows=False).sampled(1, parent)


def test_a_document_may_set_another_ratio():
    assert not Sampler(1.0).sampled(1, None, 0.0)


def test_workloads_have_so_many_kept_in_a_second_and_no_more():
    clock = Clock()
    sampler = Sampler(0.0, Bucket(5.0, clock))
    assert sum(sampler.sampled(1, True) for _ in range(100)) == 5
    clock.now += 1
    assert sum(sampler.sampled(1, True) for _ in range(100)) == 5
    clock.now += 3600
    assert sum(sampler.sampled(1, True) for _ in range(100)) == 5


def test_what_the_ratio_keeps_anyway_takes_nothing_of_that():
    sampler = Sampler(1.0, Bucket(1.0, Clock()))
    assert all(sampler.sampled(1, True) for _ in range(100))
    assert sampler.forced.take()


def test_a_slow_rate_lets_one_through():
    clock = Clock()
    bucket = Bucket(0.1, clock)
    assert [bucket.take(), bucket.take()] == [True, False]
    clock.now += 10.5
    assert bucket.take()


def test_a_rate_of_nothing_lets_nothing_through():
    assert not Bucket(0.0, Clock()).take()


def test_a_clock_that_is_set_back_lets_nothing_more_through():
    clock = Clock()
    bucket = Bucket(1.0, clock)
    assert bucket.take()
    clock.now -= 50
    assert not bucket.take()


def test_identifiers_differ_and_are_never_nothing(monkeypatch):
    ids = Ids()
    traces = [ids.trace() for _ in range(BLOCK)]
    drawn = [each for trace in traces for each in trace] + [ids.span_id() for _ in range(BLOCK)]
    assert len(set(drawn)) == len(drawn)
    assert all(trace_id and one and other for trace_id, one, other in traces)
    blocks = iter([bytes(BLOCK), b"\1" * BLOCK] * 2)
    monkeypatch.setattr(os, "urandom", lambda size: next(blocks))
    ids.forget()
    assert ids.span_id() == 0x0101010101010101
    assert ids.trace()[1:] == (0x0101010101010101, 0x0101010101010101)


def test_a_fork_draws_its_own():
    ids = Ids()
    drawn = [(ids.span_id(), ids.trace(), ids.request_id()) and (ids._block, ids._blocks, ids._requests)]
    ids.forget()
    drawn += [(ids.span_id(), ids.trace(), ids.request_id()) and (ids._block, ids._blocks, ids._requests)]
    assert all(one is not other for one, other in zip(*drawn, strict=True))


def test_a_request_has_a_uuid():
    ids = Ids()
    drawn = [uuid.UUID(ids.request_id()) for _ in range(1000)]
    assert {(each.version, each.variant) for each in drawn} == {(4, uuid.RFC_4122)}
    assert len(set(drawn)) == 1000
    assert len({each.bytes[0] for each in drawn}) > 100
    assert len({each.bytes[15] for each in drawn}) > 100
