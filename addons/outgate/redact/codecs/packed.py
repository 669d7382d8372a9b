"""Bodies that are compressed themselves, as files are: gzip, zstd, and streams of zlib that do not begin like a text.

Owns the bound on what comes out. What is in them is a part.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from outgate.redact.decoding import Bounds, decode
from outgate.redact.encoding import encode
from outgate.redact.leaf import Found, Part, Unreadable
from outgate.redact.unpacking import Undecodable

MOST = 16 * 1024 * 1024
"""Bytes that come out."""
MAGIC = {
    b"\x1f\x8b\x08": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x78\x01": "deflate",
    b"\x78\x9c": "deflate",
    b"\x78\xda": "deflate",
}
BEGIN = tuple(MAGIC)


def read(body: bytes) -> Iterator[Found]:
    coding = next((name for magic, name in MAGIC.items() if body.startswith(magic)), None)
    if coding is None:
        raise Unreadable("this is none of these")
    try:
        inner = decode(body, [coding], Bounds(MOST))
    except Undecodable as error:
        raise Unreadable(f"the file cannot be unpacked: {error.reason}") from None
    yield Part(0, len(body), inner, partial(encode, names=[coding]))
