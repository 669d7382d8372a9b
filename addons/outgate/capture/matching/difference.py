"""In what two requests differ, in words that show what to change.

Owns the comparison and its words. A value that may differ is none of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest

from outgate.capture.matching.canonical import Canonical, free
from outgate.capture.matching.values import Value
from outgate.redact import places

SHOWN = 80
"""Characters of a value."""
LISTED = 20
"""Differences that are told."""


@dataclass(frozen=True, slots=True)
class Difference:
    """None: it is not there."""

    place: str
    """`method`, `path[1]`, `query.page`, `body.$.items[0].card`."""
    recorded: str | None
    asked: str | None

    def __str__(self) -> str:
        told = "was not recorded" if self.recorded is None else f"recorded {self.recorded}"
        return f"{self.place}: {told}, {'is not asked' if self.asked is None else f'asked {self.asked}'}"


def differences(recorded: Canonical, asked: Canonical, volatile: frozenset[str]) -> Iterator[Difference]:
    """In the values; `volatile`: names that do not count."""
    ours, theirs = recorded.values, asked.values
    for place in {**ours, **theirs}:
        one, other = ours.get(place), theirs.get(place)
        if one != other and not free(place, one or other, recorded.wild, volatile):
            yield Difference(place.removeprefix("request."), shown(one), shown(other))


def agreement(recorded: Canonical, asked: Canonical, volatile: frozenset[str]) -> int:
    """How many of the things agree that need not."""
    hints = sum(asked.hints.get(name) == value for name, value in recorded.hints.items())
    same = ((place, value) for place, value in recorded.values.items() if asked.values.get(place) == value)
    return hints + sum(free(place, value, recorded.wild, volatile) for place, value in same)


def addressed(recorded: Canonical, asked: Canonical) -> Iterator[Difference]:
    """In method and address."""
    ours, theirs = recorded.address, asked.address
    for name, one, other in zip(ours._fields, ours, theirs, strict=True):
        if one != other and name != "path":
            yield Difference(name, str(one), str(other))
    for number, (one, other) in enumerate(zip_longest(ours.path, theirs.path)):
        if one != other and places.segment(number) not in recorded.wild:
            yield Difference(f"path[{number}]", *(None if each is None else short(each) for each in (one, other)))


def shown(value: Value | None) -> str | None:
    if value is None:
        return None
    match value.content:
        case bytes():
            return f"{len(value.content)} bytes, {short(repr(value.content[:SHOWN])[1:])}"
        case tuple():
            return ", ".join(short(str(each)) for each in value.content[:3]) + (" ..." if value.content[3:] else "")
        case str():
            return short(value.content)
        case bool():
            return str(value.content).lower()
        case Decimal():
            return short(str(value.content), "")
    return value.kind if value.kind in ("null", "nothing") else f"an empty {value.kind}"


def short(text: str, quote: str = '"') -> str:
    """In one line, and not too long."""
    told = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text[:SHOWN])
    return f"{quote}{told}{quote}" + (" ..." if len(text) > SHOWN else "")
