"""Which priority takes how much."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.traffic.balancing.levels import loads, panics


@pytest.mark.parametrize(
    ("healthy", "total", "expected"),
    [
        ([10, 10], [10, 10], [100, 0]),
        ([8, 10], [10, 10], [100, 0]),
        ([7, 10], [10, 10], [98, 2]),
        ([5, 10], [10, 10], [70, 30]),
        ([0, 10], [10, 10], [0, 100]),
        ([5, 0, 10], [10, 10, 10], [70, 0, 30]),
        ([2, 2], [10, 10], [50, 50]),
        ([0, 0], [10, 10], [0, 0]),
        ([0, 1], [0, 1], [0, 100]),
    ],
)
def test_what_one_priority_cannot_take_spills_over(healthy, total, expected):
    assert loads(healthy, total) == pytest.approx(expected)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=5))
def test_all_of_the_traffic_goes_somewhere_healthy(counts):
    healthy, total = [min(pair) for pair in counts], [max(pair) for pair in counts]
    found = loads(healthy, total)
    assert sum(found) == pytest.approx(100 if any(healthy) else 0)
    assert all(load == 0 for load, up in zip(found, healthy, strict=True) if up == 0)


@pytest.mark.parametrize(
    ("healthy", "total", "percent", "expected"),
    [
        ([4], [10], 50, [True]),
        ([5], [10], 50, [False]),
        ([0], [10], 0, [False]),
        ([4, 10], [10, 10], 50, [False, False]),
        ([1, 4], [10, 10], 50, [True, True]),
        ([1, 6], [10, 10], 50, [True, False]),
        ([0], [0], 50, [False]),
    ],
)
def test_a_panic_is_where_too_few_are_healthy_and_nobody_else_can_help(healthy, total, percent, expected):
    if healthy == [1, 6]:  # 14 + 84 % are not enough
        assert sum(loads(healthy, total)) == pytest.approx(100)
    assert panics(healthy, total, percent) == expected
