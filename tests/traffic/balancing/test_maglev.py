"""Maglev's table against its definition: whole, even, of the right size, and disturbed little."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outgate.policy.model import Endpoint
from outgate.traffic.balancing.hashing import mixed, place_hash
from outgate.traffic.balancing.maglev import LARGEST, OFFSET, SKIP, Table

PRIMES = st.sampled_from((2, 3, 7, 251, 1021, 4093))
NAMES = st.lists(st.integers(0, 10**6), min_size=1, max_size=12, unique=True)


def endpoints(numbers) -> list[Endpoint]:
    return [Endpoint(f"host-{number}.example", 443) for number in numbers]


def owners(table: Table) -> list[Endpoint]:
    return [table.endpoints[number] for number in table.owners]


def by_definition(places: list[Endpoint], size: int) -> list[Endpoint]:
    """As the paper writes it: whole permutations first, then turns. Of equal weights."""
    order = sorted(places, key=place_hash)
    preferred = {
        place: iter(
            [
                (mixed(place_hash(place), OFFSET) + step * (1 + mixed(place_hash(place), SKIP) % (size - 1))) % size
                for step in range(size)
            ]
        )
        for place in order
    }
    entry: dict[int, Endpoint] = {}
    while True:
        for place in order:
            slot = next(slot for slot in preferred[place] if slot not in entry)
            entry[slot] = place
            if len(entry) == size:
                return [entry[slot] for slot in range(size)]


@settings(max_examples=40, deadline=None)
@given(NAMES, PRIMES)
def test_a_table_is_as_it_is_defined(numbers, size):
    places = endpoints(numbers)
    made = owners(Table.of(places, [1.0] * len(places), size))
    assert made == by_definition(places, size)
    assert made == owners(Table.of(places[::-1], [1.0] * len(places), size))


@settings(max_examples=40, deadline=None)
@given(NAMES, PRIMES)
def test_equal_endpoints_have_slots_whose_numbers_differ_by_one_at_most(numbers, size):
    found = Counter(owners(Table.of(endpoints(numbers), [1.0] * len(numbers), size)))
    shares = [found[place] for place in endpoints(numbers)]
    assert sum(shares) == size
    assert max(shares) - min(shares) <= 1


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 100), min_size=1, max_size=8), st.sampled_from((1021, 4093)))
def test_weights_are_shares_of_the_slots(weights, size):
    places = endpoints(range(len(weights)))
    found = Counter(owners(Table.of(places, [float(weight) for weight in weights], size)))
    for place, weight in zip(places, weights, strict=True):
        assert abs(found[place] - size * weight / sum(weights)) <= max(2, len(weights))


@pytest.mark.parametrize("number", [2, 5, 10, 50])
def test_removing_one_of_n_moves_about_one_nth_of_the_slots(number):
    """Its own, all of which have to go somewhere, and few beside them."""
    places = endpoints(range(number))
    before, after = (owners(Table.of(some, [1.0] * len(some), LARGEST)) for some in (places, places[1:]))
    own = sum(owner == places[0] for owner in before)
    moved = sum(one != other for one, other in zip(before, after, strict=True))
    assert own <= moved <= own * 1.6


def test_no_table_is_larger_than_can_be_filled_while_a_request_waits():
    assert len(Table.of(endpoints((1, 2)), [1.0, 1.0], 5_000_009).owners) == LARGEST
