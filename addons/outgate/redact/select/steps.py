"""What an expression wants of the steps to a value, and whether a path leads there.

Owns the comparison. A value inside what is selected is selected: who names an object means all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from outgate.redact.leaf import Path, Step

type Selects = Callable[[Path], bool]
"""Whether the value at a path is selected."""


class SelectorError(ValueError):
    """An expression that cannot be read: what is wrong with it, and what to write instead."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(f"{what}; {hint}")
        self.what = what
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Wanted:
    """One step."""

    fits: Callable[[Step], bool]
    anywhere: bool = False
    """Other steps may stand before it."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """All steps of an expression. `exact`: only the last step's own value, and nothing inside."""

    steps: tuple[Wanted, ...]
    exact: bool = False

    def __call__(self, path: Path) -> bool:
        places, all_of_them = {0}, len(self.steps)
        for step in path:
            if all_of_them in places and not self.exact:
                return True
            places = self._following(places, step)
        return all_of_them in places

    def _following(self, places: set[int], step: Step) -> set[int]:
        """How many steps of the pattern may have been taken after one more of the path."""
        found = set()
        for place in places - {len(self.steps)}:
            wanted = self.steps[place]
            if wanted.anywhere:
                found.add(place)
            if wanted.fits(step):
                found.add(place + 1)
        return found
