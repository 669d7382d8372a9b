"""Values whose name stands beside them, as in `{"name": "X-Token", "value": "..."}`.

Owns which keys say such names, and whose they are: those of the value beside, the nearest one before it or else the
first one after.
"""

from __future__ import annotations

from collections.abc import Iterable

from outgate.redact.leaf import Found, Leaf, Path

NAMING = frozenset({"name", "key", "k", "header", "headername", "field", "param", "parameter", "attribute", "property"})
VALUED = frozenset({"value", "val", "v", "values"})


class Pairs:
    """Of one document, whose values are asked for in their order."""

    def __init__(self, found: Iterable[Found]) -> None:
        self._first: dict[Path, str] = {}
        self._current: dict[Path, str] = {}
        for each in found:
            if each.name.lower() in NAMING and type(each) is Leaf:
                self._first.setdefault(_beside(each.path), each.text)

    def __bool__(self) -> bool:
        return bool(self._first)

    def name(self, found: Found) -> str:
        """Empty: none stands beside it."""
        called = found.name.lower()
        if called in NAMING and type(found) is Leaf:
            self._current[_beside(found.path)] = found.text
        elif called in VALUED:
            beside = _beside(found.path)
            return self._current.get(beside) or self._first.get(beside, "")
        elif found.path in self._first and not str(found.path[-1]).startswith("@"):
            return self._current.get(found.path, "")
        return ""


def _beside(path: Path) -> Path:
    """The object in which a value stands, also where it is in a list there."""
    end = next((at for at in range(len(path) - 1, -1, -1) if type(path[at]) is str), 0)
    return path[:end]
