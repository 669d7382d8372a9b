"""What goes with a value that is removed: its key, its name, its element, its part, and the sign that set it apart.

Owns how far such a thing reaches in the bytes, by format. Where a format cannot be without it, such as a place in a
list or the one element of a document, an empty value stays. Takes a time that is linear in the body.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence

from outgate.redact.codecs.formats import Format
from outgate.redact.leaf import Edit, Found, Leaf, Part

type Span = tuple[int, int]

BLANK = b" \t\r\n"
NO_NAME = b" \t\r\n/>=<\"'&!?;"
OPENED = re.compile(rb"<([^\s/>=<\"'&!?;]+)[^<]*>\s*")
CLOSED = re.compile(rb"\s*</([^\s/>=<\"'&!?;]+)\s*>")
SIGNS = {Format.JSON: b",", Format.FORM: b"&", Format.URL: b"&"}
"""What stands between two of them."""
SECTIONS = {"query": b"?", "fragment": b"#"}
"""Of a URL, and what they begin with."""


def without(body: bytes, kind: Format, gone: Iterable[Found], edits: Iterable[Edit]) -> list[Edit]:
    """The edits that take all of `gone` away, and those of `edits` that are not about something in it."""
    spans: list[Span] = []
    kept = list(edits)
    for found in gone:
        span = _reach(body, kind, found)
        if span is None:
            kept.append(Edit(found.start, found.end, _nothing(found)))
        else:
            spans.append(span)
    runs = list(_runs(body, SIGNS.get(kind, b""), _outer(spans)))
    return [*_outside(kept, runs), *(Edit(start, end, b"") for start, end in runs)]


def _nothing(found: Found) -> bytes:
    return found.write("") if isinstance(found, Leaf) else found.write(b"")


def _reach(body: bytes, kind: Format, found: Found) -> Span | None:
    """From where to where it stands with its name; None: it cannot be left out."""
    if isinstance(found, Part):
        return found.whole
    reach = REACHES.get(kind)
    return reach(body, found) if reach is not None else None


def _member(body: bytes, leaf: Leaf) -> Span | None:
    """With its key, if it has one."""
    colon = _back(body, leaf.start, BLANK) - 1
    if not leaf.path or body[colon : colon + 1] != b":":
        return None
    quote = body.rindex(b'"', 0, _back(body, colon, BLANK) - 1)
    while (quote - _back(body, quote, b"\\")) % 2:
        quote = body.rindex(b'"', 0, quote)
    return quote, leaf.end


def _pair(body: bytes, leaf: Leaf) -> Span:
    return body.rfind(b"&", 0, leaf.start) + 1, leaf.end


def _parameter(body: bytes, leaf: Leaf) -> Span | None:
    if not leaf.path or (sign := SECTIONS.get(str(leaf.path[0]))) is None:
        return None
    begin = body.rfind(b"&", 0, leaf.start) + 1
    begin = body.rfind(b"\n", begin, leaf.start) + 1 or begin
    return body.find(sign, begin, leaf.start) + 1 or begin, leaf.end


def _node(body: bytes, leaf: Leaf) -> Span | None:
    """An attribute, or an element with this text and nothing else."""
    if str(leaf.path[-1]).startswith("@"):
        equals = _back(body, leaf.start, BLANK) - 1
        end = _back(body, equals, BLANK)
        while body[end - 1] not in NO_NAME:
            end -= 1
        return _back(body, end, BLANK), leaf.end
    opened = OPENED.fullmatch(body, body.rfind(b"<", 0, leaf.start), leaf.start)
    closed = CLOSED.match(body, leaf.end)
    if len(leaf.path) < 2 or opened is None or closed is None or opened[1] != closed[1]:
        return None
    return opened.start(), closed.end()


REACHES: dict[Format, Callable[[bytes, Leaf], Span | None]] = {
    Format.JSON: _member,
    Format.FORM: _pair,
    Format.URL: _parameter,
    Format.XML: _node,
}


def _back(body: bytes, at: int, over: bytes) -> int:
    while at and body[at - 1] in over:
        at -= 1
    return at


def _on(body: bytes, at: int, over: bytes) -> int:
    while at < len(body) and body[at] in over:
        at += 1
    return at


def _outer(spans: Iterable[Span]) -> Iterator[Span]:
    """Without those that lie in others, in their order."""
    last = 0
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start >= last:
            yield start, end
            last = end


def _runs(body: bytes, sign: bytes, spans: Iterable[Span]) -> Iterator[Span]:
    """Neighbours as one, each with one of the signs around it."""
    begin, last = -1, -1
    for start, end in spans:
        if begin >= 0 and sign and not body[last:start].strip(BLANK + sign):
            last = end
            continue
        if begin >= 0:
            yield _with_sign(body, sign, begin, last)
        begin, last = start, end
    if begin >= 0:
        yield _with_sign(body, sign, begin, last)


def _with_sign(body: bytes, sign: bytes, start: int, end: int) -> Span:
    if not sign:
        return start, end
    blank = BLANK if sign == b"," else b""
    before, after = _back(body, start, blank), _on(body, end, blank)
    if body[before - 1 : before] == sign:
        return before - 1, end
    if body[after : after + 1] == sign:
        return start, _on(body, after + 1, blank)
    return (start - 1, end) if sign == b"&" and body[start - 1 : start] in (b"?", b"#") else (start, end)


def _outside(edits: Sequence[Edit], runs: Sequence[Span]) -> Iterator[Edit]:
    starts = [start for start, _ in runs]
    for edit in edits:
        at = bisect_right(starts, edit.start) - 1
        if at < 0 or edit.end > runs[at][1]:
            yield edit
