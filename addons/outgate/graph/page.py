"""The graph as a page in one file: the picture, a box to filter by, and a table that can be sorted.

Owns its text. The page asks no network for anything and is told not to: its policy allows its own script and style
alone, by their digests, so that whatever a name holds never runs.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterator

from outgate.graph.edges import TLS, Graph, Row, moment, size, span
from outgate.graph.svg import TITLE, described, shown, svg

STYLE = """
:root { color-scheme: light; }
body { margin: 1.5rem; color: #1c1c1e; background: #fff; font: 14px/1.45 system-ui, sans-serif; }
svg { max-width: 100%; height: auto; }
label { display: block; margin: 1rem 0 .5rem; }
input { font: inherit; padding: .3rem .5rem; width: 24rem; max-width: 100%; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
caption { text-align: left; padding-bottom: .5rem; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid #d8d8dc; text-align: left; white-space: nowrap; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
th button { font: inherit; font-weight: 600; padding: 0; border: 0; background: none; cursor: pointer; }
th[aria-sort=ascending] button::after { content: " \\2191"; }
th[aria-sort=descending] button::after { content: " \\2193"; }
.allow { color: #1b6e43; } .would_deny { color: #8a5a00; } .deny { color: #b3261e; }
[hidden] { display: none; }
"""
SCRIPT = """
"use strict";
const body = document.querySelector("tbody"), box = document.querySelector("input");
const rows = [...body.rows], told = document.querySelector("output");
const edges = new Map([...document.querySelectorAll("g.edge")].map(edge => [edge.dataset.row, edge]));
function filter() {
  const words = box.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let left = 0;
  for (const row of rows) {
    const text = row.textContent.toLowerCase(), out = !words.every(word => text.includes(word));
    row.hidden = out;
    left += !out;
    edges.get(row.dataset.row)?.toggleAttribute("hidden", out);
  }
  told.textContent = `${left} of ${rows.length} edges`;
}
function sort(head) {
  const up = head.getAttribute("aria-sort") !== "ascending", at = head.cellIndex;
  const value = row => row.cells[at].dataset.value ?? row.cells[at].textContent;
  const numeric = rows.every(row => row.cells[at].dataset.value !== undefined);
  const order = (a, b) => numeric ? value(a) - value(b) : value(a).localeCompare(value(b));
  for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  rows.sort((a, b) => up ? order(a, b) : order(b, a));
  body.append(...rows);
}
for (const head of document.querySelectorAll("th")) head.firstChild.addEventListener("click", () => sort(head));
const asked = new URLSearchParams(location.hash.slice(1));
box.value = asked.get("filter") ?? "";
box.addEventListener("input", filter);
document.querySelectorAll("th")[asked.get("sort") ?? -1]?.firstChild.click();
filter();
"""
COLUMNS = (
    "caller",
    "destination",
    "kind",
    "verdict",
    "requests",
    "errors",
    "p50",
    "p95",
    "sent",
    "received",
    "protocol",
    "TLS",
    "ports",
    "codes",
    "last seen",
)


def page(graph: Graph) -> str:
    return "\n".join(_lines(graph)) + "\n"


def _lines(graph: Graph) -> Iterator[str]:
    policy = f"default-src 'none'; style-src {_digest(STYLE)}; script-src {_digest(SCRIPT)}; form-action 'none'"
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width">'
    yield f"<title>{TITLE}: {shown(graph.source)}</title>\n<style>{STYLE}</style>\n</head>\n<body>"
    yield svg(graph)
    yield '<label>Filter by words <input type="search" autocomplete="off" spellcheck="false"></label>'
    yield '<p><output aria-live="polite"></output></p>'
    yield f"<p>{shown(described(graph))}</p>"
    yield '<div class="wide" tabindex="0">\n<table>\n<caption>Every edge</caption>'
    heads = "".join(f'<th scope="col"><button type="button">{name}</button></th>' for name in COLUMNS)
    yield f"<thead><tr>{heads}</tr></thead>\n<tbody>"
    yield from (_row(number, row) for number, row in enumerate(graph.rows))
    yield f"</tbody>\n</table>\n</div>\n<script>{SCRIPT}</script>\n</body>\n</html>"


def _row(number: int, row: Row) -> str:
    edge = row.edge
    errors = f"{edge.errors} ({row.share:.1%})" if edge.errors else "0"
    cells = [
        f"<td>{shown(row.caller)}</td><td>{shown(row.destination)}</td><td>{shown(edge.place.kind)}</td>",
        f'<td class="{shown(edge.verdict)}">{shown(row.verdict)}</td>',
        _number(edge.requests, f"{edge.requests:,}"),
        _number(row.share, errors),
        _number(-1 if row.p50 is None else row.p50, span(row.p50)),
        _number(-1 if row.p95 is None else row.p95, span(row.p95)),
        _number(edge.sent, size(edge.sent)),
        _number(edge.received, size(edge.received)),
        *(f"<td>{shown(text)}</td>" for text in _lists(row)),
        _number(edge.last, moment(edge.last)),
    ]
    return f'<tr data-row="{number}">{"".join(cells)}</tr>'


def _lists(row: Row) -> Iterator[str]:
    yield ", ".join(row.protocols)
    yield ", ".join(TLS.get(each, each) for each in row.tls)
    yield ", ".join(map(str, row.ports))
    yield ", ".join(row.codes)


def _number(value: float, text: str) -> str:
    return f'<td class="number" data-value="{value}">{shown(text)}</td>'


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
