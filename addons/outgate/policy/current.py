"""The policy in force: one reference, swapped whole.

Owns the reference, its generation and who is told of a swap. Loading and judging are elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from outgate.policy.snapshot import Policy


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
