"""An allowance that comes to its end takes along what is still open by it.

Owns the wait for the next end in the policy in force. What is then judged, and what becomes of it, is the caller's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from outgate.policy.snapshot import Policy


class Expiry:
    """Calls `judge` whenever a destination of the policy that it follows has expired."""

    def __init__(self, judge: Callable[[], None]) -> None:
        self._judge = judge
        self._timer: asyncio.TimerHandle | None = None

    def follow(self, policy: Policy) -> None:
        """This policy is in force, and no other."""
        if self._timer is not None:
            self._timer.cancel()
        now = policy.now()
        ends = [one.expires for one in policy.destinations if one.expires is not None and one.expires > now]
        if ends:
            # A wake before its time, for the clocks differ, finds the same end and waits for it again.
            delay = (min(ends) - now).total_seconds()
            self._timer = asyncio.get_running_loop().call_later(delay, self._over, policy)

    def _over(self, policy: Policy) -> None:
        try:
            self._judge()
        finally:
            self.follow(policy)
