"""Draws in proportion to weight."""

from collections import Counter
from math import sqrt
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outgate.traffic.shares import drawn, falls

DRAWS = 4000


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=6), st.integers(0, 2**32))
def test_shares_are_weights(weights, seed):
    random = Random(seed).random
    found = Counter(drawn(range(len(weights)), weights, random) for _ in range(DRAWS))
    total = sum(weights)
    if not total:
        assert found == {None: DRAWS}
        return
    for number, weight in enumerate(weights):
        share = weight / total
        assert abs(found[number] - DRAWS * share) <= 5.5 * sqrt(DRAWS * share * (1 - share))


def test_the_error_of_adding_up_falls_on_nobody_without_weight():
    assert drawn("abc", [0.1] * 2 + [0.0], lambda: 1.0) == "b"


@pytest.mark.parametrize(("percent", "times"), [(0, 0), (100, DRAWS)])
def test_never_and_always_are_no_matter_of_chance(percent, times):
    random = Random(1).random
    assert sum(falls(percent, random) for _ in range(DRAWS)) == times


@settings(max_examples=25, deadline=None)
@given(st.floats(0.01, 99.99), st.integers(0, 2**32))
def test_what_falls_now_and_then_falls_as_often_as_it_says(percent, seed):
    random, share = Random(seed).random, percent / 100
    found = sum(falls(percent, random) for _ in range(DRAWS))
    assert abs(found - DRAWS * share) <= 5.5 * sqrt(DRAWS * share * (1 - share)) + 1
