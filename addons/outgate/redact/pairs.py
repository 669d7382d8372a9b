"""Values that others beside them name, as in `{"name": "X-Token", "value": "..."}` and in keys as JSON (RFC 7517).

Owns which keys say such names, and whose they are: those of the value beside, the nearest one before it or else the
first one after; and which members of a key are secret.
"""

from __future__ import annotations

from collections.abc import Iterable

from outgate.redact.leaf import Found, Leaf, Path

NAMING = frozenset({"name", "key", "k", "header", "headername", "field", "param", "parameter", "attribute", "property"})
VALUED = frozenset({"value", "val", "v", "values"})
KEY_TYPE = "kty"
PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})
"""Members of an object with a `KEY_TYPE`: all others are public."""


class Pairs:
    """Of one document, whose values are asked for in their order."""

    def __init__(self, found: Iterable[Found]) -> None:
        self._first: dict[Path, str] = {}
        self._current: dict[Path, str] = {}
        self._keys: set[Path] = set()
        for each in found:
            if each.name.lower() in NAMING and type(each) is Leaf:
                self._first.setdefault(_beside(each.path), each.text)
            elif each.name == KEY_TYPE:
                self._keys.add(each.path[:-1])

    def __bool__(self) -> bool:
        return bool(self._first or self._keys)

    def name(self, found: Found) -> str:
        """Empty: none stands beside it."""
        called = found.name.lower()
        if called in PRIVATE and found.path[:-1] in self._keys:
            return "private key"
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
