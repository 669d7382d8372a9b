"""Maglev's table: a key's slot says whose it is, shares are even, and few keys move when endpoints come or go.

Owns the filling of the table, as Google's paper and Envoy have it: each endpoint has an order of its own of all slots,
and they take turns in taking the first of theirs that is free. Weights are how often an endpoint has its turn.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from outgate.policy.model import Endpoint
from outgate.traffic.balancing.hashing import Hash, mixed, not_tried, place_hash
from outgate.traffic.outliers import Place

LARGEST = 65537
"""Slots, Envoy's own number of them. Prime, and more would take longer to fill than a request may wait."""
FREE = -1
OFFSET, SKIP = 1, 2


@dataclass(frozen=True, slots=True)
class Table:
    """Slots, each an endpoint's."""

    endpoints: tuple[Endpoint, ...]
    owners: array[int]
    """By slot, the number of its endpoint."""

    @classmethod
    def of(cls, endpoints: Sequence[Endpoint], weights: Sequence[float], size: int) -> Table:
        """`size` is prime. Endpoints are taken in the order of their hashes, so that theirs says nothing."""
        size = min(size, LARGEST)
        hashed = sorted(zip(map(place_hash, endpoints), endpoints, weights, strict=True), key=lambda one: one[0])
        order = tuple(endpoint for _, endpoint, _ in hashed)
        return cls(order, _filled([own for own, _, _ in hashed], [weight for _, _, weight in hashed], size))

    def owner(self, key: Hash, tried: frozenset[Place] = frozenset()) -> Endpoint:
        """Whose a key is; where that one was tried, whose the next slots are."""
        owners, endpoints = self.owners, self.endpoints
        start = key % len(owners)
        if not tried:
            return endpoints[owners[start]]
        following = (endpoints[owners[(start + step) % len(owners)]] for step in range(len(owners)))
        return not_tried(following, tried) or endpoints[owners[start]]


def _filled(hashes: Sequence[Hash], weights: Sequence[float], size: int) -> array[int]:
    owners, left, turn = array("i", [FREE]) * size, size, 0
    slots = [mixed(own, OFFSET) % size for own in hashes]
    skips = [1 + mixed(own, SKIP) % max(size - 1, 1) for own in hashes]
    heaviest, due = max(weights), [0.0] * len(hashes)
    while True:
        turn += 1
        for number, weight in enumerate(weights):
            if turn * weight < due[number]:
                continue
            due[number] += heaviest
            slot, skip = slots[number], skips[number]
            while owners[slot] != FREE:
                slot = (slot + skip) % size
            owners[slot], slots[number] = number, slot
            left -= 1
            if not left:
                return owners
