"""The policy in force: one reference, swapped whole.

Owns the reference, its generation and who is told of a swap. Loading and judging are elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from outgate.policy.snapshot import Policy


@dataclass(frozen=True, slots=True)
class Freshness:
    """How well a source that may be away is known."""

    age: float
    """Seconds since what is known was last sure to be what there is; 0 while it is."""
    reason: str = ""
    documents: int = 0
    absent: tuple[str, ...] = ()
    """Kinds that the source does not know, and may know later."""


@dataclass(slots=True)
class Snapshot:
    """Readers take `policy` once and finish with what they took."""

    policy: Policy
    generation: int = 1
    loaded: float = field(default_factory=time.time)
    """When the policy in force was swapped in, in seconds since the epoch."""
    failures: int = 0
    """Reloads that were refused; the policy in force stayed."""
    last_error: str = ""
    observers: list[Callable[[Policy], None]] = field(default_factory=list)
    freshness: Callable[[], Freshness] | None = None
    """Of what the policy is made from, where that is more than files."""

    def swap(self, policy: Policy) -> None:
        self.policy = policy
        self.generation += 1
        self.loaded = time.time()
        self.last_error = ""
        for observer in self.observers:
            observer(policy)

    def refuse(self, error: str) -> None:
        self.failures += 1
        self.last_error = error
