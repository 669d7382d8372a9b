"""The head of a part of a multipart body: its fields, and the names of the part and of its file.

Owns how they are written. Knows no body.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes

from outgate.redact.codecs.names import telling
from outgate.redact.codecs.utf8 import decoded, encoded, one_line
from outgate.redact.leaf import Kind, Leaf, Path, Unreadable

FIELD = re.compile(rb"([^\s:]++):(?:(?:\r?\n)?[ \t])*+((?:[^\r\n]|\r?\n[ \t])*+)(?:\r?\n|\Z)")
NAME = re.compile(
    rb';\s*+(name|filename)(?:\s*+=\s*+("(?:[^"\\]|\\.){0,1024}+"|[^\s;"]++)|\*=([^\s;"]++))',
    re.IGNORECASE | re.DOTALL,
)
FOLD = re.compile(rb"\r?\n[ \t]?")
ESCAPE = re.compile(r'\\(["\\])')
DESCRIBING = frozenset({"content-disposition", "content-type"})
TECHNICAL = frozenset({"content-transfer-encoding", "content-length"})


class Field(NamedTuple):
    """`at`: where its value begins."""

    name: str
    at: int
    value: bytes


def fields(head: bytes) -> Iterator[Field]:
    """Raises `Unreadable`."""
    at = 0
    while at < len(head):
        found = FIELD.match(head, at)
        if found is None:
            raise Unreadable("the head of a part is none")
        yield Field(found[1].decode("latin-1").lower(), found.start(2), found[2])
        at = found.end()


def value(head: Sequence[Field], name: str) -> str:
    """Of the first field of this name, which mail and forms have once."""
    return next((field.value.decode("latin-1") for field in head if field.name == name), "")


def name(head: Sequence[Field]) -> str:
    """Of the field of a form that the part is."""
    for field in head:
        for found in NAME.finditer(field.value) if field.name == "content-disposition" else ():
            if found[1].lower() == b"name":
                return _parameter(found).text
    return ""


def leaves(head: Sequence[Field], path: Path) -> Iterator[Leaf]:
    """The names of files, a part's name that is no word, and fields that nobody has to have."""
    for field in head:
        if field.name in DESCRIBING:
            yield from _names(field, path)
        elif field.name not in TECHNICAL:
            end = field.at + len(field.value)
            yield Leaf(field.at, end, _unfolded(field.value), one_line, (*path, f"@{field.name}"), field.name)


def _names(field: Field, path: Path) -> Iterator[Leaf]:
    for found in NAME.finditer(field.value):
        leaf = _parameter(found)
        leaf = leaf._replace(start=leaf.start + field.at, end=leaf.end + field.at)
        if found[1].lower() == b"filename" or field.name == "content-type":
            yield leaf._replace(path=(*path, "@filename"), name="filename")
        elif telling(leaf.text):
            yield leaf._replace(path=path, name=leaf.text, kind=Kind.KEY)


def _parameter(found: re.Match[bytes]) -> Leaf:
    """A value in quotes, without, or as RFC 8187 has it: in a charset, with percent signs."""
    if (extended := found[3]) is not None:
        text = decoded(unquote_to_bytes(extended.rpartition(b"'")[2]))
        return Leaf(*found.span(3), text, _extended)
    raw = found[2]
    text = ESCAPE.sub(r"\1", _unfolded(raw[1:-1])) if raw.startswith(b'"') else decoded(raw)
    return Leaf(*found.span(2), text, _quoted)


def _extended(text: str) -> bytes:
    return b"UTF-8''" + quote(encoded(text), safe="").encode()


def _unfolded(raw: bytes) -> str:
    return decoded(FOLD.sub(b" ", raw))


def _quoted(text: str) -> bytes:
    return b'"' + one_line(text.replace("\\", "\\\\").replace('"', '\\"')) + b'"'
