"""Tables as text (RFC 4180): each cell, with the name of its column where the first row has names.

Owns rows, cells and their quotation, also with semicolons and tabs between cells.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

from outgate.redact.codecs.names import telling
from outgate.redact.codecs.utf8 import encoded, said, seen
from outgate.redact.leaf import Found, Leaf, Unreadable

DELIMITERS = ",;\t|"
FIRST_LINE = re.compile(r"[^\r\n]*+")

type Row = list[tuple[int, int, str]]


def read(body: bytes) -> Iterator[Found]:
    """Raises `Unreadable` where a quotation does not end, or something follows it."""
    view = seen(body)
    delimiter = _delimiter(view)
    rows = _rows(view, delimiter)
    write = partial(_written, delimiter)
    first = next(rows, [])
    names = [text for _, _, text in first]
    if not _are_names(names):
        yield from _cells(first, 0, [], write)
        names = []
    for number, row in enumerate(rows, start=not names):
        yield from _cells(row, number, names, write)


def _delimiter(view: str) -> str:
    found = FIRST_LINE.match(view)
    count = Counter(found[0] if found else "")
    return max(DELIMITERS, key=lambda each: count[each])


def _are_names(names: list[str]) -> bool:
    """Whether a row is a head: each of its cells is a name, and no two are the same."""
    return all(name.strip() and not name.isdigit() and not telling(name) for name in names) and len(set(names)) == len(
        names
    )


def _rows(view: str, delimiter: str) -> Iterator[Row]:
    mark = re.escape(delimiter)
    cell = re.compile(rf'(?:"((?:[^"]|"")*+)"|((?!")[^{mark}\r\n]*+))({mark}|\r\n|[\r\n]|\Z)')
    row: Row = []
    at = 0
    while at < len(view) or row:
        found = cell.match(view, at)
        if found is None:
            raise Unreadable("a quotation in the table does not end")
        raw, at = found[1], found.end()
        text = said(found[2] if raw is None else raw.replace('""', '"'))
        row.append((found.start(), found.start(3), text))
        if found[3] != delimiter:
            yield row
            row = []


def _cells(row: Row, number: int, names: list[str], write: Callable[[str], bytes]) -> Iterator[Leaf]:
    for column, (start, end, text) in enumerate(row):
        name = names[column] if column < len(names) else ""
        if text:
            yield Leaf(start, end, text, write, (number, name or column), name)


def _written(delimiter: str, text: str) -> bytes:
    if any(each in text for each in (delimiter, '"', "\r", "\n")):
        text = '"' + text.replace('"', '""') + '"'
    return encoded(text)
