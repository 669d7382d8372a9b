"""Where everything stands in the picture: callers on the left, destinations on the right, a slot for each edge.

Owns the order and the heights, which depend on the edges alone: the same edges are the same picture. Draws nothing.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from outgate.graph.edges import Row
from outgate.telemetry.calls import Place

SLOT, GAP = 20, 12
"""Pixels: the height of an edge's slot, and the space between two boxes."""
DRAWN = 150
"""Edges that are drawn, those with the most requests: more of them are a tangle."""


@dataclass(frozen=True, slots=True)
class Box:
    """One end, from `top` on."""

    name: str
    top: int
    height: int
    requests: int
    rows: tuple[Row, ...]
    """Its edges from top to bottom."""


@dataclass(frozen=True, slots=True)
class Layout:
    """`heights` are of the middle of each edge's slot, on the left and on the right, by its index in `rows`."""

    rows: tuple[Row, ...]
    callers: tuple[Box, ...]
    destinations: tuple[Box, ...]
    heights: tuple[tuple[int, int], ...]
    height: int


def laid_out(rows: Sequence[Row]) -> Layout:
    """`rows` are in the order of their requests."""
    drawn = tuple(rows[:DRAWN])
    left = _grouped((row.edge.caller, row) for row in drawn)
    callers = sorted(left, key=lambda end: (-_requests(left[end]), left[end][0].caller, end))
    place_of = {end: number for number, end in enumerate(callers)}
    right = _grouped((row.edge.place, row) for row in drawn)

    def middle(end: Place) -> float:
        """Where its callers are, on the average: edges that run level cross less often."""
        weighed = [(place_of[row.edge.caller], row.edge.requests) for row in right[end]]
        return sum(place * weight for place, weight in weighed) / max(1, sum(weight for _, weight in weighed))

    places = sorted(right, key=lambda end: (middle(end), right[end][0].destination, end))
    rank = {end: number for number, end in enumerate(places)}
    lefts = [sorted(left[end], key=lambda row: (rank[row.edge.place], row.edge.verdict)) for end in callers]
    rights = [sorted(right[end], key=lambda row: (place_of[row.edge.caller], row.edge.verdict)) for end in places]
    starts = _stacked([(each[0].caller, each) for each in lefts])
    ends = _stacked([(each[0].destination, each) for each in rights])
    begin, finish = _slots(starts), _slots(ends)
    heights = tuple((begin[id(row)], finish[id(row)]) for row in drawn)
    return Layout(drawn, starts, ends, heights, max((box.top + box.height for box in (*starts, *ends)), default=0))


def _grouped[End: Hashable](pairs: Iterable[tuple[End, Row]]) -> dict[End, list[Row]]:
    found: dict[End, list[Row]] = {}
    for end, row in pairs:
        found.setdefault(end, []).append(row)
    return found


def _requests(rows: Iterable[Row]) -> int:
    return sum(row.edge.requests for row in rows)


def _stacked(groups: Iterable[tuple[str, Sequence[Row]]]) -> tuple[Box, ...]:
    boxes, top = [], 0
    for name, rows in groups:
        boxes.append(Box(name, top, SLOT * len(rows), _requests(rows), tuple(rows)))
        top += SLOT * len(rows) + GAP
    return tuple(boxes)


def _slots(boxes: Iterable[Box]) -> dict[int, int]:
    """The middle of each edge's slot, by the identity of its row."""
    return {id(row): box.top + SLOT * slot + SLOT // 2 for box in boxes for slot, row in enumerate(box.rows)}
