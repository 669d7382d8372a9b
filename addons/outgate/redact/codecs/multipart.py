"""Multipart bodies (RFC 2046, RFC 7578): what is in each part, and what its head says.

Owns where parts lie, and that the boundary stays one: it never comes to stand in a part. Parts may be multipart, too.
"""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from collections.abc import Callable, Iterator
from functools import partial

from outgate.redact.codecs import part_head
from outgate.redact.codecs.media_type import parameters
from outgate.redact.leaf import Codec, Found, Part, Unreadable

LONGEST_BOUNDARY = 200
LINE_END = re.compile(rb"\r?\n")
HEAD_END = re.compile(rb"\r?\n\r?\n")
LINE = 76

type Write = Callable[[bytes], bytes]


def codec(media_type: str) -> Codec:
    """For the boundary of this media type. Raises `Unreadable` without one."""
    boundary = parameters(media_type).get("boundary", "").encode("latin-1", "replace")
    if not 0 < len(boundary) <= LONGEST_BOUNDARY:
        raise Unreadable("a multipart body without a boundary")
    return partial(_read, boundary)


def _read(boundary: bytes, body: bytes) -> Iterator[Found]:
    delimiter = re.compile(rb"(?:\A|(\r?\n))--" + re.escape(boundary) + rb"(--)?+[ \t]*+(?=\r?\n|\Z)")
    write = partial(_without_delimiters, delimiter)
    opened, begin, number = -1, -1, 0
    for found in delimiter.finditer(body):
        line = max(found.start(), found.end(1))
        if begin < 0:
            yield from _around(body, 0, found.start(), write)
        else:
            for each in _part(body, begin, found.span(1), number, write):
                yield each._replace(whole=(opened, line)) if isinstance(each, Part) else each
            number += 1
        opened, begin = line, found.end()
        if found[2]:
            yield from _around(body, begin, len(body), bytes)
            return
    raise Unreadable("a multipart body without its end")


def _without_delimiters(delimiter: re.Pattern[bytes], body: bytes) -> bytes:
    """Whatever is put into a part, no line of it ends the part."""
    return delimiter.sub(lambda found: found[0].replace(b"--", b"__", 1), body)


def _around(body: bytes, begin: int, end: int, write: Write) -> Iterator[Found]:
    """What stands before the first part and behind the last one, which nobody should read."""
    if (text := body[begin:end]) and not text.isspace():
        yield Part(begin, end, text, write, media_type="text/plain")


def _part(body: bytes, begin: int, line_end: tuple[int, int], number: int, write: Write) -> Iterator[Found]:
    """From behind one delimiter to the next, which the end of a line belongs to."""
    first = LINE_END.match(body, begin)
    blank = HEAD_END.match(body, begin, line_end[1])
    head_end = blank or HEAD_END.search(body, begin, line_end[1])
    if first is None or head_end is None:
        raise Unreadable("a part of a multipart body without an empty line")
    head = body[first.end() : max(first.end(), head_end.start())]
    fields = [field._replace(at=field.at + first.end()) for field in part_head.fields(head)]
    name = part_head.name(fields)
    path = (name or number,)
    yield from part_head.leaves(fields, path)
    start, end = head_end.end(), max(head_end.end(), line_end[0])  # an empty part may have no line of its own
    inner, write = _content(body[start:end], part_head.value(fields, "content-transfer-encoding"), write)
    yield Part(start, end, inner, write, path, name, part_head.value(fields, "content-type"))


def _content(content: bytes, coding: str, write: Write) -> tuple[bytes, Write]:
    """Without the transfer encoding that mail has."""
    match coding.strip().lower():
        case "base64":
            try:
                return base64.b64decode(content), _in_base64
            except binascii.Error:
                raise Unreadable("a part that is no base64, as it is said to be") from None
        case "quoted-printable":
            return quopri.decodestring(content), lambda body: write(quopri.encodestring(body))
    return content, write


def _in_base64(body: bytes) -> bytes:
    text = base64.b64encode(body)
    return b"\r\n".join(text[at : at + LINE] for at in range(0, len(text), LINE))
