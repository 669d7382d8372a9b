"""What was exported, and what redaction had done to it: counts by rule, never a value.

Owns the counting, which takes no more memory for more exchanges.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from outgate.redact.redacted import Redacted


@dataclass(slots=True)
class Report:
    """`left_out`: how many had no place in the format, by why. `marks`: how often a rule replaced something, by the
    rule and how. `dropped`: bodies that were taken out whole, by why."""

    written: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    marks: Counter[tuple[str, str]] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)

    @property
    def read(self) -> int:
        return self.written + self.left_out.total()

    def add(self, kept: Redacted, why: str) -> None:
        """`why` it was left out; empty where it was written."""
        if why:
            self.left_out[why] += 1
            return
        self.written += 1
        self.marks.update((mark.rule, mark.strategy) for mark in kept.manifest.marks)
        self.dropped.update(reason for _, reason in kept.manifest.dropped)
