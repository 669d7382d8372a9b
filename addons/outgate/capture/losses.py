"""Exchanges that could not be kept, counted and told of once in a while.

Owns the words. Of a failure they have the type alone, for what it says may quote what was to be redacted.
"""

from __future__ import annotations

import logging
import time

log = logging.getLogger(__name__)

TOLD = 10.0
"""Seconds in which it is told once."""


class Losses:
    def __init__(self) -> None:
        self.number = 0
        self._told = float("-inf")

    def add(self, why: str) -> None:
        """One more."""
        self.number += 1
        now = time.monotonic()
        if now - self._told >= TOLD:
            self._told = now
            log.error("an exchange was not captured, it could not be redacted: %s", why)
