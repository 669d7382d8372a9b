"""What consistent hashing goes by, and the ring on which keys find their endpoints.

Owns the hash of a request and that of an endpoint. The hashes are of content, so that all workers and all gates agree.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import ceil, log

from outgate.policy.model import Endpoint
from outgate.traffic.outliers import Place

type Hash = int
"""64 bits."""

SPAN = 2**64
LARGEST_RING = 16384
"""Points. More would take longer to place than a request may wait, and even out next to nothing."""


def hash_of(*texts: str) -> Hash:
    """Of some texts in their order."""
    digest = blake2b(digest_size=8)
    for text in texts:
        data = text.encode("utf-8", "surrogateescape")
        digest.update(len(data).to_bytes(8) + data)
    return int.from_bytes(digest.digest())


def mixed(one: Hash, other: Hash) -> Hash:
    """Two hashes as one; every bit of each matters to every bit (the finaliser of SplitMix64)."""
    value = (one ^ (other * 0x9E3779B97F4A7C15)) % SPAN
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) % SPAN
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) % SPAN
    return value ^ (value >> 31)


def place_hash(endpoint: Endpoint) -> Hash:
    return hash_of(endpoint.address, str(endpoint.port))


@dataclass(frozen=True, slots=True)
class Ring:
    """Points on a circle, each an endpoint's. A key belongs to the first point at or after its hash."""

    points: tuple[Hash, ...]
    owners: tuple[Endpoint, ...]

    @classmethod
    def of(cls, endpoints: Sequence[Endpoint], weights: Sequence[float], least: int, most: int) -> Ring:
        """`least` and `most` points. An endpoint has a power of two of them for each unit of the smallest weight, so
        that one more endpoint seldom gives the others other points."""
        smallest = min(weights)
        units = [weight / smallest for weight in weights]
        each: float = 2 ** max(0, ceil(log(max(min(least, LARGEST_RING) / sum(units), 1), 2)))
        each = min(each, max(min(most, LARGEST_RING) / sum(units), 1))
        placed = [
            (mixed(own, number), endpoint)
            for endpoint, own, unit in zip(endpoints, map(place_hash, endpoints), units, strict=True)
            for number in range(max(1, round(unit * each)))
        ]
        placed.sort(key=lambda point: point[0])
        return cls(tuple(point for point, _ in placed), tuple(owner for _, owner in placed))

    def owner(self, key: Hash, tried: frozenset[Place] = frozenset()) -> Endpoint:
        """Whose a key is; where that one was tried, whose the next points are."""
        owners, start = self.owners, bisect_right(self.points, key) % len(self.owners)
        if not tried:
            return owners[start]
        following = (owners[(start + step) % len(owners)] for step in range(len(owners)))
        return not_tried(following, tried) or owners[start]


def not_tried(endpoints: Iterable[Endpoint], tried: frozenset[Place]) -> Endpoint | None:
    """The first that was not."""
    return next((one for one in endpoints if (one.address, one.port) not in tried), None)
