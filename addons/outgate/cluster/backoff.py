"""How long to wait before the next try: longer after each that failed, and never all at once.

Owns the numbers of one row of tries. Waits for nobody.
"""

from __future__ import annotations

import random
from collections.abc import Callable

FIRST, LAST = 0.2, 30.0
"""Seconds before the second try, and the most between two."""


class Backoff:
    """Doubles from one failure to the next; of each wait between half and all is taken, as chance has it."""

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._chance = chance
        self._wait = FIRST

    def next(self, least: float = 0.0) -> float:
        """Seconds to wait. `least`: as whoever refused it asked for."""
        wait, self._wait = self._wait, min(2 * self._wait, LAST)
        return max(least, wait * (1 + self._chance()) / 2)

    def reset(self) -> None:
        """It went well."""
        self._wait = FIRST
