"""Consistent hashing: who belongs to whom, and who moves."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outgate.policy.model import Endpoint
from outgate.traffic.balancing.hashing import SPAN, Ring, hash_of, mixed
from outgate.traffic.balancing.maglev import LARGEST, Table

KEYS = [hash_of(f"user-{number}") for number in range(3000)]


def endpoints(number: int) -> list[Endpoint]:
    return [Endpoint(f"192.0.2.{last}", 443) for last in range(1, number + 1)]


def ring(places, weights=None):
    made = Ring.of(places, weights or [1.0] * len(places), 1024, 8 * 1024 * 1024)
    return made.owner


def maglev(places, weights=None):
    return Table.of(places, weights or [1.0] * len(places), LARGEST).owner


HASHING = [ring, maglev]


@pytest.mark.parametrize("hashing", HASHING)
@pytest.mark.parametrize("number", [2, 3, 5, 10, 30])
def test_removing_one_moves_little_more_than_its_own_keys(hashing, number):
    places = endpoints(number)
    before, after = hashing(places), hashing(places[1:])
    moved = sum(before(key) != after(key) for key in KEYS)
    own = sum(before(key) == places[0] for key in KEYS)
    assert own == pytest.approx(len(KEYS) / number, rel=0.5)
    assert own <= moved <= own + len(KEYS) * 0.6 / number


@pytest.mark.parametrize("hashing", HASHING)
def test_who_was_tried_is_passed_over_and_others_keep_their_keys(hashing):
    places = endpoints(5)
    owner, one = hashing(places), frozenset({(places[0].address, 443)})
    for key in KEYS[:300]:
        again = owner(key, one)
        assert again != places[0]
        assert again == owner(key) or owner(key) == places[0]
    every = frozenset((place.address, place.port) for place in places)
    assert all(owner(key, every) == owner(key) for key in KEYS[:50])


@pytest.mark.parametrize("hashing", HASHING)
def test_keys_are_shared_by_weight(hashing):
    places, weights = endpoints(3), [1.0, 2.0, 5.0]
    found = Counter(map(hashing(places, weights), KEYS))
    for place, weight in zip(places, weights, strict=True):
        assert found[place] == pytest.approx(len(KEYS) * weight / 8, rel=0.25)


@pytest.mark.parametrize("hashing", HASHING)
def test_the_order_of_endpoints_is_nothing(hashing):
    places = endpoints(7)
    assert all(hashing(places)(key) == hashing(places[::-1])(key) for key in KEYS[:500])


def test_hashes_are_the_same_everywhere():
    assert hash_of("a", "b") == 2546909018149085986
    assert hash_of("ab", "") != hash_of("a", "b")


@settings(max_examples=50)
@given(st.integers(1, 8), st.integers(1, 10**6), st.lists(st.integers(1, 1000), min_size=8, max_size=8))
def test_a_ring_of_any_size_has_everybody_on_it_and_is_bounded(number, least, weights):
    made = Ring.of(endpoints(number), [float(weight) for weight in weights[:number]], least, least)
    assert set(made.owners) == set(endpoints(number))
    assert len(made.points) <= 2 * 16384 + number
    assert list(made.points) == sorted(made.points)


@given(st.integers(0, SPAN - 1), st.integers(0, SPAN - 1))
def test_mixing_stays_within_64_bits(one, other):
    assert 0 <= mixed(one, other) < SPAN
