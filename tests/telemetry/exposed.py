"""A page of metrics as data."""

from __future__ import annotations

import re

SERIES = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

type Series = list[tuple[dict[str, str], float]]


def read(page: str) -> dict[str, Series]:
    """Labels and value of each series, by name; a histogram's parts are names of their own."""
    found: dict[str, Series] = {}
    for line in page.splitlines():
        if not line.startswith("#"):
            match = SERIES.fullmatch(line)
            assert match is not None, line
            found.setdefault(match[1], []).append((dict(LABEL.findall(match[2] or "")), float(match[3])))
    return found


def total(series: Series, **labels: str) -> float:
    """The sum of those that have these labels."""
    return sum(value for known, value in series if labels.items() <= known.items())
