"""Values as Kuma writes them, refused for Kuma's reasons.

Owns Go's durations with their bounds, counts, and percentages that may be decimal strings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from outgate.policy.documents import Node
from outgate.policy.model import Fate
from outgate.policy.schema import DURATION_PART, LONGEST, SECONDS, Anything, Field, Reading

SPAN = re.compile(r"-?(?:0|(?:\d*\.?\d+(?:h|ms|us|µs|ns|m|s))+)")
IGNORED = Fate.IGNORED


@dataclass(frozen=True, slots=True)
class Span:
    """A duration, in seconds. 0 is taken unless `positive`."""

    positive: bool = False
    above: float = 0.0
    """It has to be longer."""

    def read(self, node: Node, path: str, reading: Reading) -> float | None:
        if not isinstance(node.data, str) or not SPAN.fullmatch(node.data):
            reading.error(node.where, path, f"{str(node.data)[:60]!r} is no duration", 'write one such as "1.5s"')
            return None
        seconds = sum(float(number) * SECONDS[unit] for number, unit in DURATION_PART.findall(node.data))
        seconds = -seconds if node.data.startswith("-") else seconds
        problem = self._problem(seconds)
        if problem:
            reading.error(node.where, path, problem, f'"{node.data}" is not')
            return None
        return seconds

    def _problem(self, seconds: float) -> str:
        if seconds > LONGEST:
            return f"must be at most {LONGEST:.0f}s"
        if self.above and seconds <= self.above:
            return f"must be greater than: {self.above * 1000:.0f}ms"
        if self.positive and seconds <= 0:
            return "must be greater than zero when defined"
        return "must not be negative when defined" if seconds < 0 else ""


@dataclass(frozen=True, slots=True)
class Count:
    """A whole number between bounds."""

    least: int = 1
    most: int = 2**32 - 1
    what: str = "must be greater than 0"

    def read(self, node: Node, path: str, reading: Reading) -> int | None:
        value = node.data
        if isinstance(value, bool) or not isinstance(value, int):
            reading.error(node.where, path, f"{str(value)[:60]!r} is no whole number", "write it in digits")
            return None
        if not self.least <= value <= self.most:
            what = self.what if value < self.least else f"must be in inclusive range [{self.least}, {self.most}]"
            reading.error(node.where, path, what, f"{value} is not")
            return None
        return value


@dataclass(frozen=True, slots=True)
class Decimal:
    """A whole number, or a decimal in quotes."""

    least: float = 0.0
    most: float = 100.0
    what: str = "must be in inclusive range [0.0, 100.0]"
    positive: bool = False
    wrong: str = "string must be a valid number"

    def read(self, node: Node, path: str, reading: Reading) -> float | None:
        value = self._number(node)
        if value is None:
            reading.error(node.where, path, self.wrong, f'{str(node.data)[:60]!r} is not; "0.5" is')
            return None
        if self.positive and value <= 0:
            reading.error(node.where, path, "must be greater than 0", f"{node.data} is not")
            return None
        if not self.least <= value <= self.most:
            reading.error(node.where, path, self.what, f"{node.data} is not")
            return None
        return value

    def _number(self, node: Node) -> float | None:
        text = node.data
        if isinstance(text, int) and not isinstance(text, bool) and abs(text) < 2**63:
            return float(text)
        return float(text) if isinstance(text, str) and re.fullmatch(r"-?\d{1,18}(\.\d{1,18})?", text) else None


PERCENT = Decimal()
UNUSED = Anything()


def ignored(*names: str, note: str) -> dict[str, Field]:
    """Fields that are read and say nothing here."""
    return dict.fromkeys(names, Field(UNUSED, fate=IGNORED, note=note))


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of some names of a field."""

    field: str
    names: tuple[str, ...]

    def read(self, node: Node, path: str, reading: Reading) -> str | None:
        if node.data in self.names:
            return str(node.data)
        shown = ", ".join(f'"{name}"' for name in self.names)
        reading.error(node.where, path, f'"{self.field}" must be one of [{shown}]', f"{node.data!r} is none of them")
        return None
