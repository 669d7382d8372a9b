"""What a verdict looks like, in colour and without, and how wide an edge is."""

from __future__ import annotations

import math
from dataclasses import dataclass

THINNEST, WIDEST = 1.5, 14.0


@dataclass(frozen=True, slots=True)
class Look:
    """`dashes` tells verdicts apart where colours do not; `style` is graphviz's word for it."""

    colour: str
    dashes: str
    style: str


LOOKS = {
    "allow": Look("#1b6e43", "none", "solid"),
    "would_deny": Look("#8a5a00", "9 4", "dashed"),
    "deny": Look("#b3261e", "2 4", "dotted"),
}
"""Each colour is dark enough on white to be read."""


def look(verdict: str) -> Look:
    return LOOKS.get(verdict, LOOKS["deny"])


def width(requests: int, most: int) -> float:
    """Pixels. By the root: a hundred times the requests is ten times as wide."""
    return max(THINNEST, WIDEST * math.sqrt(requests / max(1, most)))
