"""Values of several processes as one, and as a message from one process to another.

Owns the sum and the plain form. Of processes that have ended, what they counted stays counted; what they were at the
time does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import add
from typing import Any

from outgate.telemetry.aggregate import Labels, Scraped, Value, is_level
from outgate.telemetry.names import SPECS, Kind


def merged(parts: Iterable[Scraped]) -> Scraped:
    """Counters, histograms and levels added up; of marks the highest."""
    whole: Scraped = {}
    for part in parts:
        for name, series in part.items():
            into, mark = whole.setdefault(name, {}), SPECS[name].kind is Kind.MARK
            for labels, value in series.items():
                before = into.get(labels)
                into[labels] = value if before is None else _both(before, value, mark)
    return whole


def ended(part: Scraped) -> Scraped:
    """What stays of a process that has ended."""
    return {name: series for name, series in part.items() if not is_level(SPECS[name])}


def _both(one: Value, other: Value, mark: bool) -> Value:
    if isinstance(one, list) and isinstance(other, list):
        return list(map(add, one, other))
    assert not isinstance(one, list)
    assert not isinstance(other, list)
    return max(one, other) if mark else one + other


def plain(part: Scraped) -> dict[str, Any]:
    """As JSON can say it. Names and sets of labels stand in it once, for most metrics share them."""
    names: dict[tuple[str, ...], int] = {}
    sets: dict[Labels, int] = {}
    series = {
        name: [[sets.setdefault(labels, len(sets)), value] for labels, value in found.items()]
        for name, found in part.items()
    }
    told = [[names.setdefault(labels[0], len(names)), labels[1]] for labels in sets]
    return {"names": list(names), "labels": told, "series": series}


def read(message: Mapping[str, Any]) -> Scraped:
    """What `plain` made. Metrics that are not known here are left out."""
    names = [tuple(each) for each in message["names"]]
    sets: list[Labels] = [(names[number], tuple(values)) for number, values in message["labels"]]
    return {
        name: {sets[number]: value for number, value in found}
        for name, found in message["series"].items()
        if name in SPECS
    }
