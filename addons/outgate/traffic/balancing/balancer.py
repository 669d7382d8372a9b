"""One of several usable endpoints, by the balancer's own rule.

Owns the state that the rules keep between choices. Which endpoints are usable is decided above.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from outgate.policy.model import Endpoint
from outgate.policy.resilience_model import Balancer, Balancing
from outgate.traffic.balancing.hashing import Hash, Ring
from outgate.traffic.balancing.maglev import Table
from outgate.traffic.outliers import Place
from outgate.traffic.shares import drawn

RINGS = 8
"""Sets of usable endpoints of which the ring or table is kept."""


def place_of(endpoint: Endpoint) -> Place:
    return endpoint.address, endpoint.port


@dataclass(slots=True)
class Chooser:
    """The rule of one origin, and what it remembers."""

    balancing: Balancing
    random: Callable[[], float]
    active: Mapping[Place, int]
    """Requests under way at each endpoint."""
    _turns: dict[Place, float] = field(default_factory=dict)
    _rings: dict[tuple[Endpoint, ...], tuple[tuple[float, ...], Ring | Table]] = field(default_factory=dict)

    def choose(
        self,
        usable: Sequence[Endpoint],
        weights: Sequence[float],
        key: Hash | None,
        tried: frozenset[Place] = frozenset(),
    ) -> Endpoint:
        """One of at least one endpoint. `weights` are above 0; `key` is None where a request has nothing to hash. Where
        it has, those that were `tried` are passed over, and nobody else's keys move."""
        if len(usable) == 1:
            return usable[0]
        match self.balancing.balancer:
            case Balancer.ROUND_ROBIN:
                return self._in_turn(usable, weights)
            case Balancer.LEAST_REQUEST:
                return self._least_busy(usable, weights)
            case Balancer.RING_HASH | Balancer.MAGLEV if key is not None:
                return self._ring(tuple(usable), tuple(weights)).owner(key, tried)
        return self._drawn(usable, weights)

    def among(self, places: frozenset[Place]) -> None:
        """Other endpoints than before."""
        self._turns = {place: turn for place, turn in self._turns.items() if place in places}
        self._rings.clear()

    def _drawn(self, usable: Sequence[Endpoint], weights: Sequence[float]) -> Endpoint:
        return drawn(usable, weights, self.random) or usable[0]

    def _in_turn(self, usable: Sequence[Endpoint], weights: Sequence[float]) -> Endpoint:
        """Smoothly: each earns its weight, and who has most pays for all."""
        turns = self._turns
        for endpoint, weight in zip(usable, weights, strict=True):
            place = place_of(endpoint)
            # At first by chance, so that gates which start together do not go round together.
            turns[place] = turns.get(place, self.random() * 1e-3) + weight
        chosen = max(usable, key=lambda endpoint: turns[place_of(endpoint)])
        turns[place_of(chosen)] -= sum(weights)
        return chosen

    def _least_busy(self, usable: Sequence[Endpoint], weights: Sequence[float]) -> Endpoint:
        """Of a few that are drawn by weight, the one with the fewest requests under way."""
        found = (self._drawn(usable, weights) for _ in range(max(self.balancing.choices, 1)))
        return min(found, key=lambda endpoint: self.active.get(place_of(endpoint), 0))

    def _ring(self, usable: tuple[Endpoint, ...], weights: tuple[float, ...]) -> Ring | Table:
        known = self._rings.get(usable)
        if known is not None and known[0] == weights:
            return known[1]
        if len(self._rings) >= RINGS:
            self._rings.clear()
        ring = self._made(usable, weights)
        self._rings[usable] = weights, ring
        return ring

    def _made(self, usable: tuple[Endpoint, ...], weights: tuple[float, ...]) -> Ring | Table:
        balancing = self.balancing
        if balancing.balancer is Balancer.MAGLEV:
            return Table.of(usable, weights, balancing.table)
        return Ring.of(usable, weights, balancing.minimum_ring, balancing.maximum_ring)
