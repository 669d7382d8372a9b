"""Each balancer's own rule."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outgate.policy.model import Endpoint
from outgate.policy.resilience_model import Balancer, Balancing
from outgate.traffic.balancing.balancer import Chooser, place_of
from outgate.traffic.balancing.hashing import hash_of

THREE = [Endpoint(name, 80) for name in "abc"]


def chooser(balancer: Balancer, active=None, seed: int = 1, **more) -> Chooser:
    return Chooser(Balancing(balancer, **more), Random(seed).random, active if active is not None else {})


@pytest.mark.parametrize("balancer", list(Balancer))
def test_one_is_no_choice(balancer):
    assert chooser(balancer).choose(THREE[:1], [1.0], 7) == THREE[0]


@given(st.lists(st.integers(1, 9), min_size=2, max_size=5), st.integers(0, 2**32))
@settings(max_examples=50, deadline=None)
def test_in_turn_everybody_gets_exactly_his_weight(weights, seed):
    places = [Endpoint(f"h{number}", 80) for number in range(len(weights))]
    rule = chooser(Balancer.ROUND_ROBIN, seed=seed)
    found = Counter(rule.choose(places, weights, None) for _ in range(sum(weights) * 3))
    assert [found[place] for place in places] == [3 * weight for weight in weights]


def test_in_turn_nobody_waits_long():
    rule = chooser(Balancer.ROUND_ROBIN)
    row = [rule.choose(THREE, [1.0] * 3, None).address for _ in range(9)]
    assert all(len(set(row[at : at + 3])) == 3 for at in range(0, 9, 3))


def test_the_less_busy_of_two_is_taken():
    busy = {place_of(THREE[0]): 50}
    rule = chooser(Balancer.LEAST_REQUEST, busy)
    found = Counter(rule.choose(THREE, [1.0] * 3, None).address for _ in range(3000))
    assert found["a"] == pytest.approx(3000 / 9, rel=0.25), "only where both draws are it"


def test_more_choices_find_the_least_busy():
    busy = {place_of(THREE[0]): 3, place_of(THREE[1]): 2}
    rule = chooser(Balancer.LEAST_REQUEST, busy, choices=50)
    assert {rule.choose(THREE, [1.0] * 3, None).address for _ in range(100)} == {"c"}


@pytest.mark.parametrize("balancer", [Balancer.RANDOM, Balancer.LEAST_REQUEST])
def test_by_chance_everybody_gets_about_his_weight(balancer):
    rule = chooser(balancer)
    found = Counter(rule.choose(THREE, [1.0, 2.0, 5.0], None).address for _ in range(8000))
    expected = {"a": 1000, "b": 2000, "c": 5000}
    for name, number in expected.items():
        assert found[name] == pytest.approx(number, rel=0.15 if balancer is Balancer.RANDOM else 0.5)


@pytest.mark.parametrize("balancer", [Balancer.RING_HASH, Balancer.MAGLEV])
def test_one_key_is_one_endpoint_and_no_key_is_chance(balancer):
    rule = chooser(balancer)
    assert len({rule.choose(THREE, [1.0] * 3, hash_of("k")) for _ in range(50)}) == 1
    assert len({rule.choose(THREE, [1.0] * 3, hash_of(str(number))) for number in range(100)}) == 3
    assert len({rule.choose(THREE, [1.0] * 3, None) for _ in range(100)}) == 3
