"""Known ways round and into an egress gate, by number: what the attack is, what closes it, and which tests show it.

Owns the reading of `table.toml`, which has the words and the tests that stand elsewhere, of the names of the tests
beside it, and of which of them all are tried in every engine. `scripts/pitfall-table` makes a table of docs/security.md
from it.
"""

from __future__ import annotations

import ast
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
NUMBERED = re.compile(r"^(?:async )?def (test_p(\d\d)_\w+)\(", re.MULTILINE)
COLUMNS = ("", "attack", "", "what closes it", "tests", "in mitmdump and mitmweb")
STATES = ("closed", "in part", "later")
ROOT = HERE.parents[2]
LIVE = "tests/e2e/"
"""Where tests are that make their moves against a running gate."""


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

    @property
    def elsewhere(self) -> str:
        """How many of its tests against a running gate are tried in mitmdump and mitmweb too."""
        marked = [core for test in self.shown_by if test.startswith(LIVE) for core in _cores(test)]
        if not any(marked):
            return "none"
        return "all" if all(marked) else f"{sum(marked)} of {len(marked)}"


def _cores(test: str) -> list[bool]:
    """Whether a test is marked `core`, or each one of a file."""
    file, _, name = test.partition("::")
    return [core for known, core in marked(file).items() if name in ("", known)]


@cache
def marked(file: str) -> dict[str, bool]:
    """The tests of a file, and whether they are marked `core`: themselves or with the whole file. What takes nothing
    has no gate, so that there is nothing to try elsewhere."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    whole = any(isinstance(node, ast.Assign) and "pytest.mark.core" in ast.unparse(node) for node in tree.body)
    return {
        node.name: bool(node.args.args) and (whole or "pytest.mark.core" in map(ast.unparse, node.decorator_list))
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


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
    tried = sum(pitfall.elsewhere != "none" for pitfall in known)
    lines = [COLUMNS, tuple("---" for _ in COLUMNS), *map(_row, known)]
    told = f"{len(known)} attacks: {said}. {tried} are tried in mitmdump and mitmweb too.\n\n"
    return told + "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _row(pitfall: Pitfall) -> tuple[str, ...]:
    closed = f"{pitfall.closed}. Later: {pitfall.later}" if pitfall.later else pitfall.closed
    tests = ", ".join(f"`{test}`" for test in pitfall.shown_by)
    return f"P{pitfall.number}", pitfall.attack, pitfall.state, closed, tests or "none", pitfall.elsewhere
