"""JSON that somebody else may have written, asked for values of a type.

Owns the questions and their complaints, which name the place and never the value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

LARGEST = 2**63


class Malformed(ValueError):
    """Something is not of the form that it has to be. Says where, and what it should be."""


class Told:
    """An object. What is not there is the type's nothing, what is of another type is `Malformed`."""

    def __init__(self, found: object, where: str = "") -> None:
        if not isinstance(found, dict):
            raise Malformed(f"{where or 'it'} is no object")
        self.found: Mapping[str, object] = found
        self.where = where

    def __contains__(self, name: str) -> bool:
        return self.found.get(name) is not None

    def text(self, name: str) -> str:
        value = self.found.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self._wrong(name, "no text")
        return value

    def whole(self, name: str) -> int:
        value = self.found.get(name)
        if value is None:
            return 0
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > LARGEST:
            raise self._wrong(name, "no whole number")
        return value

    def number(self, name: str) -> float | None:
        value = self.found.get(name)
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise self._wrong(name, "no number")
        return float(value)

    def flag(self, name: str) -> bool:
        value = self.found.get(name)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self._wrong(name, "neither true nor false")
        return value

    def each(self, name: str) -> list[object]:
        value = self.found.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._wrong(name, "no list")
        return value

    def inner(self, name: str) -> Told:
        """An object in the object; an empty one where it is not there."""
        value = self.found.get(name)
        return Told({} if value is None else value, self._at(name))

    def objects(self, name: str) -> list[Told]:
        return [Told(value, f"{self._at(name)}[{number}]") for number, value in enumerate(self.each(name))]

    def rows(self, name: str, length: int) -> list[list[object]]:
        """Lists of one length in a list."""
        found = self.each(name)
        for number, row in enumerate(found):
            if not isinstance(row, list) or len(row) != length:
                raise Malformed(f"{self._at(name)}[{number}] is no list of {length}")
        return found  # type: ignore[return-value]

    def _at(self, name: str) -> str:
        return f"{self.where}.{name}" if self.where else name

    def _wrong(self, name: str, what: str) -> Malformed:
        return Malformed(f"{self._at(name)} is {what}")
