"""Each fuzz target for a moment: its seeds, its seeds damaged, and any bytes. `make fuzz` goes on from there."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.every import TARGETS
from fuzz.strategies import inputs
from fuzz.target import Draw

SLOW = {
    "trust": 10,
    "policy-tree": 60,
    "policy-text": 60,
    "http-response": 100,
    "http-request": 100,
    "pipeline": 60,
    "untouched": 60,
    "bombs": 30,
}
"""Examples of those that take milliseconds each."""
EXAMPLES = 200


@pytest.mark.parametrize("name", TARGETS)
def test_it_holds_for_what_is_valid(name):
    target = TARGETS[name]
    assert target.seeds()
    for seed in target.seeds():
        target.check(seed)


@pytest.mark.parametrize("name", TARGETS)
def test_it_holds_for_what_is_damaged_and_for_any_bytes(name):
    target = TARGETS[name]

    @settings(max_examples=SLOW.get(name, EXAMPLES), suppress_health_check=list(HealthCheck))
    @given(inputs(target))
    def holds(data):
        target.check(data)

    holds()


@given(st.binary(max_size=20), st.lists(st.integers(1, 2000), max_size=20))
def test_decisions_are_taken_out_of_any_bytes(data, limits):
    draw = Draw(data)
    assert all(draw.number(below) < below for below in limits)
    assert data.endswith(draw.rest())
