"""What may be under way at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.policy.resilience_model import Limits, RetryBudget
from outgate.traffic.limits import Kind, UnderWay, shared


@pytest.mark.parametrize("kind", list(Kind))
def test_no_more_than_may_be_and_again_when_one_is_over(kind):
    counted = UnderWay(Limits(**{str(kind): 2}))
    assert [counted.take(kind, 0.0) for _ in range(3)] == [True, True, False]
    counted.give(kind)
    assert counted.take(kind, 0.0)
    assert counted.refused[kind] == 1
    assert all(counted.take(other, 0.0) for other in Kind if other is not kind)


def test_no_limit_is_none():
    counted = UnderWay()
    assert all(counted.take(Kind.REQUESTS, 0.0) for _ in range(10_000))


def test_what_was_not_taken_is_not_given_back():
    with pytest.raises(ValueError, match="more requests are given back"):
        UnderWay().give(Kind.REQUESTS)


@given(st.integers(1, 1000), st.integers(1, 16))
def test_workers_share_a_limit_and_none_is_left_without(limit, workers):
    parts = [shared(Limits(connections=limit), workers).connections] * workers
    assert all(parts)
    assert sum(parts) <= max(limit, workers)
    assert shared(Limits(), workers) == Limits()


@pytest.mark.parametrize(("requests", "retries"), [(0, 3), (10, 3), (15, 3), (20, 4), (100, 20)])
def test_a_budget_is_a_share_of_what_is_under_way(requests, retries):
    counted = UnderWay(Limits(retries=1), RetryBudget(20.0, 3))
    for _ in range(requests):
        counted.take(Kind.REQUESTS, 0.0)
    assert sum(counted.take(Kind.RETRIES, 0.0) for _ in range(200)) == retries


def test_a_budget_may_count_what_began_lately():
    counted = UnderWay(budget=RetryBudget(50.0, 0, interval=10.0))
    for moment in (0.0, 5.0, 9.0):
        counted.take(Kind.REQUESTS, moment)
        counted.give(Kind.REQUESTS)
    assert counted.take(Kind.RETRIES, 9.5), "three lately, so one may"
    assert not counted.take(Kind.RETRIES, 9.5)
    counted.give(Kind.RETRIES)
    assert not counted.take(Kind.RETRIES, 15.5), "one lately, so none may"
