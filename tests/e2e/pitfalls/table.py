"""Known ways round and into an egress gate, by number: what the attack is, what closes it, and which tests show it.

Owns the reading of `table.toml`, which has the words and the tests that stand elsewhere, and of the names of the tests
beside it. `scripts/pitfall-table` makes a table of docs/security.md from it.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
NUMBERED = re.compile(r"^(?:async )?def (test_p(\d\d)_\w+)\(", re.MULTILINE)
COLUMNS = ("", "attack", "", "what closes it", "tests")
STATES = ("closed", "in part", "later")


@dataclass(frozen=True)
class Pitfall:
    """`tests` are those that stand elsewhere, as `FILE::NAME` or `FILE` below tests/. `later` is what is not there yet,
    and the work that it belongs to."""

    number: int
    attack: str
    closed: str
    tests: tuple[str, ...] = ()
    later: str = ""

    @property
    def shown_by(self) -> tuple[str, ...]:
        """All its tests, with their directory."""
        return (*numbered().get(self.number, ()), *(f"tests/{test}" for test in self.tests))

    @property
    def state(self) -> str:
        if not self.shown_by:
            return "later"
        return "in part" if self.later else "closed"


@cache
def numbered() -> dict[int, tuple[str, ...]]:
    """The tests of this directory by the number in their names."""
    found: dict[int, tuple[str, ...]] = {}
    for path in sorted(HERE.glob("test_*.py")):
        for name, number in NUMBERED.findall(path.read_text(encoding="utf-8")):
            found[int(number)] = (*found.get(int(number), ()), f"tests/e2e/pitfalls/{path.name}::{name}")
    return found


def pitfalls() -> list[Pitfall]:
    """The table in its order. Raises `TypeError` for a field that is none."""
    rows = tomllib.loads((HERE / "table.toml").read_text(encoding="utf-8"))["pitfall"]
    return [Pitfall(**{**row, "tests": tuple(row.get("tests", ()))}) for row in rows]


def rendered() -> str:
    """The section of the page, with a line of what it comes to."""
    known = pitfalls()
    states = [pitfall.state for pitfall in known]
    said = ", ".join(f"{states.count(state)} {state}" for state in STATES if state in states)
    lines = [COLUMNS, tuple("---" for _ in COLUMNS), *map(_row, known)]
    return f"{len(known)} attacks: {said}.\n\n" + "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _row(pitfall: Pitfall) -> tuple[str, ...]:
    closed = f"{pitfall.closed}. Later: {pitfall.later}" if pitfall.later else pitfall.closed
    tests = ", ".join(f"`{test}`" for test in pitfall.shown_by)
    return f"P{pitfall.number}", pitfall.attack, pitfall.state, closed, tests or "none"
