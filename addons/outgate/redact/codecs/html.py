"""HTML as it is found: texts, attributes, comments, and scripts with the JSON that is in them.

Owns a reader that takes everything, as browsers do, and gives the place of each value in the bytes. The value of an
input has the name of the input, and that of a cell the name of its row or column. Elements have no depth here: few
pages close what they open.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

from outgate.redact.codecs import scripts
from outgate.redact.codecs.cells import Cells
from outgate.redact.codecs.entities import in_comment
from outgate.redact.codecs.utf8 import encoded, said, seen
from outgate.redact.leaf import Found, Leaf

MARKUP = re.compile(r"<(?:(!--)|([!?])|(/?)([a-zA-Z][^\s/>]*+))", re.ASCII)
ATTRIBUTE = re.compile(r"[\s/]*+([^\s/>][^\s/>=]*+)(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s>]++)))?+", re.ASCII)
BLANK = " \t\r\n\f"
RAW = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE | re.ASCII)
    for name in ("script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes")
}
"""Elements in which nothing but their own end is markup."""
NAMED = ("name", "id", "property", "http-equiv", "itemprop")
"""Attributes that say what the value of an element is called."""


class Attribute(NamedTuple):
    """`span`: with its quotes, where it has some."""

    name: str
    raw: str
    span: tuple[int, int]


def read(body: bytes) -> Iterator[Found]:
    """All bytes are HTML."""
    view, at, element, cells = seen(body), 0, "", Cells()
    while (found := MARKUP.search(view, at)) is not None:
        yield from _in_a_cell(_text(view, at, found.start(), element), cells)
        if found[1]:
            begin, at = found.end(), _after(view, "-->", found.end())
            yield from _comment(view, begin, at)
        elif found[2] or found[3]:
            cells.closed((found[4] or "").lower())
            element, at = "", _after(view, ">", found.end())
        else:
            element = found[4].lower()
            cells.opened(element)
            attributes, at = _attributes(view, found.end())
            yield from _values(element, attributes)
            if element in RAW:
                begin, at = at, _raw_end(view, at, element)
                yield from _raw(view, begin, at, element, attributes)
    yield from _text(view, at, len(view), element)


def _after(view: str, end: str, begin: int) -> int:
    """Behind the end of something, which is the end of all where it is missing."""
    at = view.find(end, begin)
    return len(view) if at < 0 else at + len(end)


def _raw_end(view: str, begin: int, element: str) -> int:
    found = RAW[element].search(view, begin)
    return len(view) if found is None else found.start()


def _text(view: str, begin: int, end: int, element: str) -> Iterator[Leaf]:
    if text := view[begin:end].strip(BLANK):
        start, known = view.index(text[0], begin), html.unescape(said(text))
        if known.strip():
            yield Leaf(start, start + len(text), known, _escaped, (element,), element)


def _in_a_cell(leaves: Iterator[Leaf], cells: Cells) -> Iterator[Leaf]:
    for leaf in leaves:
        yield leaf._replace(name=cells.name(leaf.text) or leaf.name)


def _escaped(text: str) -> bytes:
    return encoded(html.escape(text, quote=False))


def _quoted(text: str) -> bytes:
    return encoded(f'"{html.escape(text)}"')


def _comment(view: str, begin: int, end: int) -> Iterator[Leaf]:
    end -= 3 if view.endswith("-->", begin, end) else 0
    if view[begin:end].strip(BLANK):
        yield Leaf(begin, end, said(view[begin:end]), in_comment, ("#comment",))


def _attributes(view: str, at: int) -> tuple[list[Attribute], int]:
    """Of a tag that is open, and where it ends."""
    made = []
    while found := ATTRIBUTE.match(view, at):
        at = found.end()
        for group, quotes in ((2, 1), (3, 1), (4, 0)):
            if found[group] is not None:
                begin, end = found.span(group)
                made.append(Attribute(said(found[1]).lower(), found[group], (begin - quotes, end + quotes)))
    return made, _after(view, ">", at)


def _values(element: str, attributes: list[Attribute]) -> Iterator[Leaf]:
    called = _called(attributes)
    for name, raw, span in attributes:
        known = called if name in ("value", "content") and called else name
        yield Leaf(*span, html.unescape(said(raw)), _quoted, (element, f"@{name}"), known)


def _called(attributes: list[Attribute]) -> str:
    """What a form or a page calls the value of an element."""
    found = {name: raw for name, raw, _ in reversed(attributes)}
    return next((html.unescape(said(found[name])) for name in NAMED if found.get(name)), "")


def _raw(view: str, begin: int, end: int, element: str, attributes: list[Attribute]) -> Iterator[Found]:
    if element == "script":
        kind = next((raw for name, raw, _ in attributes if name == "type"), "")
        yield from scripts.read(view, begin, end, kind)
    elif element == "style":
        if view[begin:end].strip(BLANK):
            yield Leaf(begin, end, said(view[begin:end]), _style, (element,), element)
    else:
        name = _called(attributes) or element
        yield from (leaf._replace(name=name) for leaf in _text(view, begin, end, element))


def _style(text: str) -> bytes:
    return encoded(re.sub(r"</(?=style)", r"<\\/", text, flags=re.IGNORECASE))
