"""The shapes that documents may take, as data, and the one reader that checks a document against its shape.

Owns types, required fields, unknown keys with a suggestion, and the account of every field. A shape says only what
can be said of one value; what needs two values at once is the front-end's. Knows no kind and no mesh.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Protocol

from outgate.policy.documents import Node
from outgate.policy.model import Fate, FieldReport
from outgate.problems import Problem, Severity, Where

DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:h|ms|us|ns|m|s))+", re.ASCII)
DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|us|ns|m|s)")
SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


HUGE = 1e300
"""No number of a policy is as large; infinity is larger, and what is no number is not smaller."""
LONGEST = 1e9
"""Seconds of a duration, about 31 years."""


@dataclass(slots=True)
class Reading:
    """What was found while one document was read."""

    kind: str
    strict: bool = True
    problems: list[Problem] = field(default_factory=list)
    fields: list[FieldReport] = field(default_factory=list)
    inherited: Fate | None = None
    """While the content of a field that is not applied is read: its fate, which the content shares."""
    aside: list[tuple[str, str]] = field(default_factory=list)
    """Paths of what has no effect although it could be read, and why; an empty path is the whole document."""

    def set_aside(self, path: str, reason: str) -> None:
        self.aside.append((path, reason))

    def error(self, where: Where, path: str, what: str, hint: str = "") -> None:
        self.problems.append(Problem(where, f"{path}: {what}" if path else what, hint, field=path))

    def warn(self, where: Where, path: str, what: str, hint: str = "") -> None:
        text = f"{path}: {what}" if path else what
        self.problems.append(Problem(where, text, hint, Severity.WARNING, path))

    @property
    def failed(self) -> bool:
        return any(problem.severity is Severity.ERROR for problem in self.problems)


class Shape(Protocol):
    """Anything that can read a node. Returns None after reporting a problem."""

    def read(self, node: Node, path: str, reading: Reading) -> Any: ...


class Record:
    """A mapping that was read: values by name, and the place of each."""

    __slots__ = ("path", "places", "values", "where")

    def __init__(self, where: Where, path: str, values: dict[str, Any], places: dict[str, Where]) -> None:
        self.where = where
        self.path = path
        self.values = values
        self.places = places

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def get(self, name: str, default: Any = None) -> Any:
        return self.values.get(name, default)

    def at(self, name: str) -> Where:
        """Where a field's value stands (for a mapping or a list, its key), or the record when it has no such field."""
        return self.places.get(name, self.where)

    def under(self, name: str) -> str:
        """The path of a field, for messages."""
        return f"{self.path}.{name}" if self.path else name


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a mapping. `guards` says that leaving it out of effect would change a verdict, an identity or what
    is recorded: strict loading then refuses a document that sets it, unless its fate is to be applied."""

    shape: Shape
    required: bool = False
    fate: Fate = Fate.APPLIED
    note: str = ""
    guards: bool = False


def _expected(reading: Reading, node: Node, path: str, what: str) -> None:
    shown = "nothing" if node.data is None else f"{type(node.data).__name__} {str(node.data)[:60]!r}"
    if isinstance(node.data, (dict, list)):
        shown = "a mapping" if isinstance(node.data, dict) else "a list"
    reading.error(node.where, path, f"expected {what}, found {shown}")


def _range(least: float | None, most: float | None) -> str:
    if most is None:
        return f"at least {least}"
    return f"{least} to {most}" if least is not None else f"at most {most}"


@dataclass(frozen=True, slots=True)
class Text:
    """A string; numbers and booleans are not read as strings."""

    pattern: str = ""
    hint: str = ""
    maximum: int = 0
    empty: bool = True

    def read(self, node: Node, path: str, reading: Reading) -> str | None:
        if not isinstance(node.data, str):
            _expected(reading, node, path, "a string (quote it)")
            return None
        if self.pattern and not re.fullmatch(self.pattern, node.data):
            reading.error(node.where, path, f'"{node.data}" is not valid', self.hint)
            return None
        if self.maximum and len(node.data) > self.maximum:
            reading.error(node.where, path, f"{len(node.data)} characters, at most {self.maximum} are allowed")
            return None
        if not self.empty and not node.data:
            reading.error(node.where, path, "must not be empty")
            return None
        return node.data


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number, also written as a decimal string, as protobuf's JSON does."""

    least: int | None = None
    most: int | None = None

    def read(self, node: Node, path: str, reading: Reading) -> int | None:
        value = node.data
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,19}", value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            _expected(reading, node, path, "a whole number")
            return None
        if (self.least is not None and value < self.least) or (self.most is not None and value > self.most):
            reading.error(node.where, path, f"{value} is out of range", f"use {_range(self.least, self.most)}")
            return None
        return value


@dataclass(frozen=True, slots=True)
class Number:
    """A number, whole or not."""

    least: float | None = None
    most: float | None = None

    def read(self, node: Node, path: str, reading: Reading) -> float | None:
        if isinstance(node.data, bool) or not isinstance(node.data, (int, float)):
            _expected(reading, node, path, "a number")
            return None
        value = float(node.data) if abs(node.data) < HUGE else math.nan
        if math.isnan(value):
            reading.error(node.where, path, f"{str(node.data)[:60]} is no number to count with", "write it in digits")
            return None
        if (self.least is not None and value < self.least) or (self.most is not None and value > self.most):
            reading.error(node.where, path, f"{node.data} is out of range", f"use {_range(self.least, self.most)}")
            return None
        return value


@dataclass(frozen=True, slots=True)
class Boolean:
    def read(self, node: Node, path: str, reading: Reading) -> bool | None:
        if isinstance(node.data, bool):
            return node.data
        _expected(reading, node, path, "true or false")
        return None


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some names. `fold` compares without case and returns the name as listed."""

    names: tuple[str, ...]
    fold: bool = False

    def read(self, node: Node, path: str, reading: Reading) -> str | None:
        if not isinstance(node.data, str):
            _expected(reading, node, path, f"one of {', '.join(self.names)}")
            return None
        for name in self.names:
            if name == node.data or (self.fold and name.lower() == node.data.lower()):
                return name
        hint = _suggest(node.data, self.names) or f"use one of {', '.join(self.names)}"
        reading.error(node.where, path, f'"{node.data}" is not known', hint)
        return None


@dataclass(frozen=True, slots=True)
class Duration:
    """Go or protobuf notation (`1.5s`, `1h30m`), returned in seconds."""

    least: float = 0.001

    def read(self, node: Node, path: str, reading: Reading) -> float | None:
        if not isinstance(node.data, str) or not DURATION.fullmatch(node.data):
            _expected(reading, node, path, 'a duration such as "1.5s"')
            return None
        seconds = sum(float(number) * SECONDS[unit] for number, unit in DURATION_PART.findall(node.data))
        if seconds > LONGEST:
            reading.error(node.where, path, f'"{node.data[:60]}" is too long', f"use at most {LONGEST:.0f}s")
            return None
        if seconds < self.least:
            reading.error(node.where, path, f'"{node.data}" is too short', f"use at least {self.least:g}s")
            return None
        if abs(seconds * 1000 - round(seconds * 1000)) > 1e-6:
            reading.error(node.where, path, f'"{node.data}" is finer than a millisecond', "use whole milliseconds")
            return None
        return seconds


@dataclass(frozen=True, slots=True)
class Timestamp:
    """An RFC 3339 time or a date, returned aware and in UTC."""

    def read(self, node: Node, path: str, reading: Reading) -> datetime | None:
        value = node.data
        if isinstance(value, str):
            try:
                # Python takes any character between the date and the time.
                value = (
                    datetime.fromisoformat(value) if value.isascii() and value[10:11] in ("", "T", "t", " ") else None
                )
            except ValueError:
                value = None
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day, tzinfo=UTC)
        if isinstance(value, datetime):
            # A time of day before the first year in UTC, or after the last, is none.
            with suppress(OverflowError):
                return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        _expected(reading, node, path, 'a time such as "2026-01-31T12:00:00Z"')
        return None


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list of one shape. Elements that cannot be read are reported and left out."""

    of: Shape
    least: int = 0
    most: int = 0

    def read(self, node: Node, path: str, reading: Reading) -> list[Any] | None:
        if not isinstance(node.data, list):
            _expected(reading, node, path, "a list")
            return None
        if len(node.data) < self.least:
            reading.error(node.where, path, f"{len(node.data)} entries, at least {self.least} needed")
        if self.most and len(node.data) > self.most:
            reading.error(node.where, path, f"{len(node.data)} entries, at most {self.most} are allowed")
        return [value for value in self._items(node, path, reading) if value is not None]

    def _items(self, node: Node, path: str, reading: Reading) -> Iterator[Any]:
        for index, item in enumerate(node.sequence):
            if item.data is None:
                reading.error(item.where, f"{path}[{index}]", "an empty list entry", "remove it or fill it in")
            else:
                yield self.of.read(item, f"{path}[{index}]", reading)


@dataclass(frozen=True, slots=True)
class Mapping:
    """Free keys, one shape for all values."""

    of: Shape
    least: int = 0

    def read(self, node: Node, path: str, reading: Reading) -> dict[str, Any] | None:
        if not isinstance(node.data, dict):
            _expected(reading, node, path, "a mapping")
            return None
        if len(node.data) < self.least:
            reading.error(node.where, path, f"{len(node.data)} entries, at least {self.least} needed")
        read = {key: self.of.read(value, f"{path}.{key}", reading) for key, value in node.mapping.items()}
        return {key: value for key, value in read.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Anything:
    """A value that is kept as it is, with its places."""

    def read(self, node: Node, path: str, reading: Reading) -> Node:
        return node


class Fields:
    """A mapping of known fields. Unknown keys are errors with the likeliest name; null counts as absent."""

    def __init__(self, fields: dict[str, Field], *, snake: bool = False) -> None:
        self.fields = fields
        self.snake = snake
        """Also take `snake_case` for `camelCase`, as protobuf's JSON does."""

    def read(self, node: Node, path: str, reading: Reading) -> Record | None:
        if not isinstance(node.data, dict):
            _expected(reading, node, path, "a mapping")
            return None
        values: dict[str, Any] = {}
        places: dict[str, Where] = {}
        for key, value in node.mapping.items():
            name = self._name(key)
            if name not in self.fields:
                self._unknown(key, node, path, reading)
            elif name in places:
                reading.error(node.keys[key], f"{path}.{key}" if path else key, "is given twice", f'keep "{name}"')
            elif value.data is not None:
                places[name] = node.keys[key] if isinstance(value.data, (dict, list)) else value.where
                self._take(name, value, path, reading, values)
        self._require(node, path, reading, places)
        return Record(node.where, path, values, places)

    def _name(self, key: str) -> str:
        if key in self.fields or not self.snake or "_" not in key:
            return key
        head, *rest = key.split("_")
        return head + "".join(part.capitalize() for part in rest)

    def _take(self, name: str, value: Node, path: str, reading: Reading, values: dict[str, Any]) -> None:
        known, under = self.fields[name], f"{path}.{name}" if path else name
        fate, outer = reading.inherited or known.fate, reading.inherited
        reading.inherited = None if fate in (Fate.APPLIED, Fate.APPROXIMATED) else fate
        read = known.shape.read(value, under, reading)
        reading.inherited = outer
        if read is not None:
            values[name] = read
        reading.fields.append(FieldReport(value.where, reading.kind, under, fate, known.note))
        if outer is None and fate in (Fate.LATER, Fate.REJECTED):
            self._report(known, value, under, reading)

    def _report(self, known: Field, value: Node, path: str, reading: Reading) -> None:
        if known.fate is Fate.REJECTED:
            reading.error(value.where, path, "is not supported", known.note)
        elif known.guards and reading.strict:
            reading.error(
                value.where,
                path,
                "is not yet applied, and leaving it out would change what is allowed",
                known.note or "remove it, or load with --lenient",
            )
        else:
            reading.warn(value.where, path, "is not yet applied", known.note)

    def _unknown(self, key: str, node: Node, path: str, reading: Reading) -> None:
        hint = _suggest(key, tuple(self.fields)) or f"known here: {', '.join(sorted(self.fields))}"
        reading.error(node.keys[key], f"{path}.{key}" if path else key, "unknown field", hint)

    def _require(self, node: Node, path: str, reading: Reading, places: dict[str, Where]) -> None:
        for name, known in self.fields.items():
            if known.required and name not in places:
                under = f"{path}.{name}" if path else name
                reading.error(node.where, under, "required value is missing", "add it")


def _suggest(word: str, names: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(word.lower(), [name.lower() for name in names], 1, 0.6)
    best = next((name for name in names if close and name.lower() == close[0]), "")
    return f'did you mean "{best}"?' if best else ""
