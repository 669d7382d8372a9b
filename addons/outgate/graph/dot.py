"""The graph for graphviz.

Owns its quoting: between quotes graphviz obeys backslashes, and reads `&` as the beginning of a character's name.
"""

from __future__ import annotations

from collections.abc import Iterator

from outgate.graph.edges import Graph, Row, legible
from outgate.graph.looks import look, width


def dot(graph: Graph) -> str:
    return "\n".join(_lines(graph)) + "\n"


def _lines(graph: Graph) -> Iterator[str]:
    callers = {row.edge.caller: row.caller for row in graph.rows}
    places = {row.edge.place: row.destination for row in graph.rows}
    numbers = {end: number for number, end in enumerate([*callers, *places])}
    most = max((row.edge.requests for row in graph.rows), default=1)
    yield "digraph calls {"
    yield '  graph [rankdir=LR, fontname="sans-serif"];'
    yield '  node [shape=box, fontname="sans-serif"];'
    yield '  edge [fontname="sans-serif", fontsize=10];'
    for caller, name in callers.items():
        yield f"  n{numbers[caller]} [label={quoted(name)}];"
    for place, name in places.items():
        yield f"  n{numbers[place]} [label={quoted(name)}, tooltip={quoted(place.kind)}, style=rounded];"
    for row in graph.rows:
        yield f"  n{numbers[row.edge.caller]} -> n{numbers[row.edge.place]} [{_drawn(row, most)}];"
    yield "}"


def _drawn(row: Row, most: int) -> str:
    seen, pen = look(row.edge.verdict), width(row.edge.requests, most) / 2
    return f'label={quoted(row.words)}, color="{seen.colour}", style={seen.style}, penwidth={pen:.1f}'


def quoted(text: str) -> str:
    """A string that is shown as it is."""
    plain = legible(text).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
    return f'"{plain}"'
