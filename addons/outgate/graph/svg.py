"""The graph as SVG: two columns, and between them edges as wide as their traffic.

Owns lines, boxes and text. Every text is escaped; nothing is loaded, nothing runs, and the same graph is the same text.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from outgate.graph.edges import VERDICTS, Graph, Row, count, legible, moment, span
from outgate.graph.layout import Box, Layout, laid_out
from outgate.graph.looks import look, width
from outgate.telemetry.calls import ALLOW, DENY, INTERNAL, REGISTERED

WIDTH, MARGIN, TOP = 1240, 20, 96
"""Pixels; `TOP` is the height of heading and legend."""
LEFT, CURVE, NOTE, RIGHT = 270, 540, 550, 930
"""Where the left boxes end, edges end, their words begin, and the right boxes begin."""
LETTERS, NOTED = 34, 66
"""Characters of a name and of an edge's words that fit; the whole is in a title."""
TITLE = "Who calls what"


def svg(graph: Graph) -> str:
    return "\n".join(_lines(graph)) + "\n"


def shown(text: str, most: int | None = None) -> str:
    """Text for SVG and HTML, between tags or in quotes."""
    plain = legible(text)
    return escape(plain if most is None or len(plain) <= most else f"{plain[: most - 1]}\N{HORIZONTAL ELLIPSIS}")


def _lines(graph: Graph) -> Iterator[str]:
    layout = laid_out(graph.rows)
    height = TOP + max(layout.height, 40) + 44
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'role="img" aria-labelledby="calls-title calls-desc" font-family="system-ui, sans-serif" font-size="13" '
        'fill="#1c1c1e">'
    )
    yield f'<title id="calls-title">{TITLE}</title>'
    yield f'<desc id="calls-desc">{shown(described(graph))}</desc>'
    yield f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>'
    yield f'<text x="{MARGIN}" y="32" font-size="18" font-weight="600">{TITLE}</text>'
    yield f'<text x="{MARGIN}" y="54" fill="#55555a">{shown(_about(graph), 150)}</text>'
    yield from _legend()
    yield f'<g transform="translate(0 {TOP})">'
    yield from _edges(layout)
    yield from (_box(box, MARGIN, LEFT - MARGIN, "caller", "") for box in layout.callers)
    yield from (_box(box, RIGHT, WIDTH - MARGIN - RIGHT, "place", _kind(box)) for box in layout.destinations)
    yield "</g>"
    yield from _further(graph, layout, height)
    yield "</svg>"


def described(graph: Graph) -> str:
    """The picture in words."""
    callers, places = ({row.edge.caller for row in graph.rows}, {row.edge.place for row in graph.rows})
    sums = {words: sum(row.edge.requests for row in graph.rows if row.verdict == words) for words in VERDICTS.values()}
    told = f"{count(len(callers), 'caller')}, {count(len(places), 'destination')}; "
    told += "requests: " + ", ".join(f"{number:,} {words}" for words, number in sums.items()) + "."
    if graph.rows:
        first = graph.rows[0]
        told += f" Most of them: {first.caller} to {first.destination}, {first.words}."
    return told


def _about(graph: Graph) -> str:
    if not graph.rows:
        return f"{graph.source}, since {moment(graph.since)}: nothing was called"
    return f"{graph.source}, since {moment(graph.since)}, last call {moment(graph.until)}"


def _legend() -> Iterator[str]:
    for number, (verdict, words) in enumerate(VERDICTS.items()):
        x = MARGIN + 170 * number
        yield f'<path d="M{x} 74h36" {_stroke(verdict, 4)}/><text x="{x + 44}" y="78">{words}</text>'
    yield f'<text x="{MARGIN + 530}" y="78" fill="#55555a">the wider, the more requests</text>'


def _edges(layout: Layout) -> Iterator[str]:
    most = max((row.edge.requests for row in layout.rows), default=1)
    for number, (row, (start, end)) in enumerate(zip(layout.rows, layout.heights, strict=True)):
        middle, stroke = (LEFT + CURVE) // 2, _stroke(row.edge.verdict, width(row.edge.requests, most))
        yield (
            f'<g class="edge" data-row="{number}">'
            f"<title>{shown(f'{row.caller} to {row.destination}: {row.words}')}</title>"
            f'<path d="M{LEFT} {start}C{middle} {start} {middle} {end} {CURVE} {end}" {stroke} stroke-opacity="0.75"/>'
            f'<text x="{NOTE}" y="{end + 4}" font-size="11" fill="{look(row.edge.verdict).colour}">'
            f"{shown(noted(row), NOTED)}</text></g>"
        )


def noted(row: Row) -> str:
    """What fits beside an edge, the most telling first."""
    told = [f"{row.edge.requests:,}"]
    if row.edge.verdict != ALLOW:
        told += row.codes[:1]
    if row.edge.verdict != DENY:
        told += [f"{row.share:.1%} errors"] if row.edge.errors else []
        told += [f"p50 {span(row.p50)}, p95 {span(row.p95)}"] if row.p50 is not None else []
    return " \N{MIDDLE DOT} ".join([*told, *row.protocols[:1], *row.tls[:1]])


def _stroke(verdict: str, wide: float) -> str:
    seen = look(verdict)
    return f'fill="none" stroke="{seen.colour}" stroke-width="{wide:.1f}" stroke-dasharray="{seen.dashes}"'


def _kind(box: Box) -> str:
    return box.rows[0].edge.place.kind


def _box(box: Box, x: int, wide: int, role: str, kind: str) -> str:
    dashes = "none" if not kind or kind in (REGISTERED, INTERNAL) else "4 3"
    told = f"{box.name}{f', {kind}' if kind else ''}: {count(box.requests, 'request')}"
    return (
        f'<g class="{role}"><title>{shown(told)}</title>'
        f'<rect x="{x}" y="{box.top}" width="{wide}" height="{box.height}" rx="4" fill="#f2f3f5" stroke="#8a8a90" '
        f'stroke-dasharray="{dashes}"/>'
        f'<text x="{x + 10}" y="{box.top + box.height // 2 + 4}">{shown(box.name, LETTERS)}</text></g>'
    )


def _further(graph: Graph, layout: Layout, height: int) -> Iterator[str]:
    if more := len(graph.rows) - len(layout.rows):
        told = f"{count(more, 'edge')} with fewer requests are not drawn; -o html and -o json have them"
        yield f'<text x="{MARGIN}" y="{height - 16}" fill="#55555a">{told}</text>'
