"""Counters and histograms by their labels, each metric with no more series than it has room for.

Owns the numbers and the bound. What the labels are is decided elsewhere; who counts holds on to a series and adds to
it, so that counting costs no look-up. Used by one thread.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from outgate.telemetry.names import OVERFLOWS, Kind, Spec

type Labels = tuple[tuple[str, ...], tuple[str, ...]]
"""Names and values, in one order."""
type Value = float | list[float]
"""A number, or of a histogram the counts of its buckets and then the sum."""
type Scraped = dict[str, dict[Labels, Value]]
"""Values of metrics by name and labels, apart from what goes on being counted."""

SERIES = 5000
"""Of one metric."""
STRANGERS = 4
"""One in so many of these is for what is not registered: others choose how much of it there is."""


class Count:
    """One series of a counter, or a level. Whoever counts may add to `value` by itself."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: float = 0

    def plain(self) -> Value:
        return self.value


class Histogram:
    """One series of a histogram."""

    __slots__ = ("bounds", "buckets", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.buckets: list[float] = [0] * (len(bounds) + 1)
        self.sum: float = 0

    def add(self, value: float) -> None:
        self.buckets[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def plain(self) -> Value:
        return [*self.buckets, self.sum]


class Family[S: Count | Histogram]:
    """All series of one metric. `full` is called where one more does not fit."""

    def __init__(self, spec: Spec, make: Callable[[], S], most: int, full: Callable[[], None]) -> None:
        self.spec = spec
        self.series: dict[Labels, S] = {}
        self._make, self._most, self._full = make, most, full
        self._strangers = 0

    def at(self, labels: Labels, folded: Labels | None = None, *, known: bool = True) -> S:
        """The series, or where it is new and there is no room, the one of `folded`, of which there are few.

        `known` says that nobody but the policy can make more of such.
        """
        found = self.series.get(labels)
        if found is not None:
            return found
        if folded is not None and not self._room(known):
            self._full()
            labels = folded
        elif not known:
            self._strangers += 1
        return self.series.setdefault(labels, self._make())

    def _room(self, known: bool) -> bool:
        return len(self.series) < self._most and (known or self._strangers < self._most // STRANGERS)


@dataclass
class Families:
    """Every metric that is counted here. `most` bounds the series of each."""

    most: int = SERIES
    counters: dict[str, Family[Count]] = field(default_factory=dict)
    histograms: dict[str, Family[Histogram]] = field(default_factory=dict)
    readings: list[Callable[[], Iterable[tuple[Spec, Mapping[str, str], float]]]] = field(default_factory=list)
    """What is read when it is asked for: a metric, labels and a number."""

    def counter(self, spec: Spec) -> Family[Count]:
        """Of a counter, a level or a mark."""
        return self.counters.setdefault(spec.name, Family(spec, Count, self.most, self._full))

    def histogram(self, spec: Spec) -> Family[Histogram]:
        made = Family(spec, lambda: Histogram(spec.bounds), self.most, self._full)
        return self.histograms.setdefault(spec.name, made)

    def count(self, spec: Spec, *values: str) -> Count:
        """The one series that has these values for the metric's labels, to be held on to."""
        return self.counter(spec).at((spec.labels, values))

    def overflow(self, label: str) -> None:
        """A value of a label has become `other`, or a series of `series`."""
        self.count(OVERFLOWS, label).value += 1

    def scraped(self) -> Scraped:
        """All values of now."""
        families: list[Family[Count] | Family[Histogram]] = [*self.counters.values(), *self.histograms.values()]
        found: Scraped = {
            family.spec.name: {labels: one.plain() for labels, one in family.series.items()}
            for family in families
            if family.series
        }
        for reading in self.readings:
            for spec, labels, value in reading():
                found.setdefault(spec.name, {})[tuple(labels), tuple(labels.values())] = value
        return found

    def _full(self) -> None:
        self.overflow("series")


def is_level(spec: Spec) -> bool:
    """Whether it is of now alone, and ends with the process."""
    return spec.kind in (Kind.LEVEL, Kind.MARK)
