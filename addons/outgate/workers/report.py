"""How a gate is, as data that can be added up.

Owns the fields and their sum. Who asks, and when, is elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Report:
    """One gate's, or a sum of several."""

    unready: str = ""
    """Why no traffic is taken; empty when it is."""
    policy: str = ""
    """Digest of the policy in force."""
    error: str = ""
    """Why the policy files are not used, if they are not."""
    connections: int = 0
    trips: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, message: object) -> Self:
        """Raises `ValueError` for what no gate says of itself."""
        if not isinstance(message, dict) or not message.keys() <= cls.__dataclass_fields__.keys():
            raise ValueError("not a report")
        made = cls(**message)
        texts, numbers = (made.unready, made.policy, made.error), (made.connections, made.trips)
        sound = all(isinstance(text, str) for text in texts) and all(isinstance(number, int) for number in numbers)
        if not sound or not isinstance(made.counts, Mapping):
            raise ValueError("not a report")
        return made

    def plain(self) -> dict[str, Any]:
        return asdict(self) | {"counts": dict(self.counts)}


def counted(reports: Iterable[Report]) -> Report:
    """What adds up: counts and trips of all, open connections of those that live."""
    counts: Counter[str] = Counter()
    trips = connections = 0
    for report in reports:
        counts.update(report.counts)
        trips, connections = trips + report.trips, connections + report.connections
    return Report(connections=connections, trips=trips, counts=dict(counts))
