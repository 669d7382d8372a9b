"""Server-sent events: the data of each event as a part, and what stands beside it.

Owns lines and events. Lines of data that follow each other are one part, as a client puts them together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from outgate.redact.codecs.utf8 import decoded, one_line
from outgate.redact.leaf import Found, Kind, Leaf, Part

BOM = b"\xef\xbb\xbf"
_END = rb"(?:\r\n|\n|\r|\Z)"
_DATA = rb"data(?::[^\r\n]*+)?+"
LINE = re.compile(
    rb"(?:(?P<data>" + _DATA + rb"(?:(?:\r\n|\n|\r)" + _DATA + rb"(?=[\r\n]|\Z))*+)"
    rb"|(?P<name>[^:\r\n]*+)(?:: ?(?P<value>[^\r\n]*+))?+)" + _END
)  # fmt: skip
LINE_END = re.compile(rb"\r\n|\n|\r")
HEAD = re.compile(rb"\Adata(?:: ?)?+")


def read(body: bytes) -> Iterator[Found]:
    """All bytes are events, and clients ignore what they do not know."""
    event = 0
    for found in LINE.finditer(body, len(BOM) if body.startswith(BOM) else 0):
        if (data := found["data"]) is not None:
            said = b"\n".join(HEAD.sub(b"", line) for line in LINE_END.split(data))
            between = LINE_END.search(data)
            write = partial(_lines, b"\n" if between is None else between[0])
            yield Part(*found.span("data"), said, write, (event, "data"), "data")
        elif (value := found["value"]) is not None:
            name = decoded(found["name"])
            kind = Kind.NUMBER if value.isdigit() else Kind.STRING
            yield Leaf(*found.span("value"), decoded(value), one_line, (event, name or "#comment"), name, kind)
        elif not found["name"]:
            event += 1


def _lines(line_end: bytes, data: bytes) -> bytes:
    return line_end.join(b"data: " + line for line in LINE_END.split(data))
