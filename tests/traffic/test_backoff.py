"""How long is waited before another try."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.policy.route_model import Backoff, RateLimitedBackoff, ResetFormat, RetryPolicy
from outgate.traffic.backoff import pause

SECONDS = RateLimitedBackoff((("retry-after", ResetFormat.SECONDS), ("x-reset", ResetFormat.UNIX)), maximum=60)


@given(st.floats(0.001, 10), st.floats(0.001, 100), st.integers(1, 2000), st.floats(0, 1, exclude_max=True))
def test_never_longer_than_the_bounds_of_envoy(base, maximum, number, chance):
    found = pause(RetryPolicy(9, backoff=Backoff(base, maximum)), number, {}, 0.0, lambda: chance)
    bound = base if number == 1 else min(base * 2.0 ** min(number, 60), maximum)
    assert 0 <= found <= min(bound, maximum)


@pytest.mark.parametrize(("number", "longest"), [(1, 0.025), (2, 0.075), (3, 0.175), (4, 0.25), (50, 0.25)])
def test_the_whole_of_the_bound_is_used(number, longest):
    assert pause(RetryPolicy(9), number, {}, 0.0, lambda: 1.0) == pytest.approx(longest)
    assert pause(RetryPolicy(9), number, {}, 0.0, lambda: 0.0) == 0.0


@pytest.mark.parametrize(
    ("headers", "least"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0"}, 0.0),
        ({"x-reset": "1030"}, 30.0),
        ({"retry-after": "soon", "x-reset": "1030"}, 30.0),
        ({"retry-after": "61", "x-reset": "1030"}, 30.0),
    ],
)
def test_an_origin_says_when_to_come_again(headers, least):
    policy = RetryPolicy(9, rate_limited=SECONDS)
    assert pause(policy, 1, headers, 1000.0, lambda: 0.0) == least
    assert least <= pause(policy, 1, headers, 1000.0, lambda: 0.999) <= least * 1.5


@pytest.mark.parametrize("value", ["", "soon", "-5", "1e3", "9" * 5000, "٣", "61", "nan", "7.5"])
def test_what_cannot_be_waited_for_is_not(value):
    policy = RetryPolicy(9, rate_limited=SECONDS)
    assert pause(policy, 1, {"retry-after": value}, 1000.0, lambda: 1.0) == 0.025


def test_a_time_that_is_over_is_not_waited_for():
    policy = RetryPolicy(9, rate_limited=SECONDS)
    assert pause(policy, 1, {"x-reset": "999"}, 1000.0, lambda: 1.0) == 0.025
