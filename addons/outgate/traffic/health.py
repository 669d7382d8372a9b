"""What active checks say of one endpoint.

Owns the counting and the time to the next check. The checks themselves are made elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from outgate.policy.resilience_model import HealthCheck


@dataclass(slots=True)
class Health:
    """One endpoint under one check. Until the first result it counts as healthy: a gate starts checking where it is
    about to send something."""

    check: HealthCheck
    healthy: bool = True
    known: bool = False
    in_a_row: int = 0
    """Results that contradict `healthy`, since the last one that did not."""

    def result(self, passed: bool) -> bool:
        """Counts one check; whether the endpoint's health has changed by it. The first result counts at once."""
        changed = False
        if passed == self.healthy:
            self.in_a_row = 0
        else:
            self.in_a_row += 1
            needed = self.check.healthy_threshold if passed else self.check.unhealthy_threshold
            if not self.known or self.in_a_row >= needed:
                self.healthy, self.in_a_row, changed = passed, 0, True
        self.known = True
        return changed

    def pause(self, random: Callable[[], float], *, used: bool) -> float:
        """Seconds to the next check. `used` is whether traffic has gone to the origin yet."""
        check = self.check
        if not self.known:
            return random() * check.initial_jitter
        interval = check.interval if used else max(check.interval, check.no_traffic_interval)
        jitter = check.interval_jitter + interval * check.interval_jitter_percent / 100
        return interval + random() * jitter
