"""Bytes of no known format: the texts that stand in them, as in MessagePack, CBOR, Avro or a picture's remarks.

Owns what counts as one. Another text in its place has its length unless the writer sees to that, and lengths that the
format keeps elsewhere are not known: whoever replaces something here may break the format, and never shows the value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from outgate.redact.codecs.utf8 import encoded
from outgate.redact.leaf import Found, Leaf

RUN = re.compile(rb"(?:[\t\r\n -~]|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}){6,}+")
"""Six characters or more."""


def read(body: bytes) -> Iterator[Found]:
    """All bytes are binary."""
    for found in RUN.finditer(body):
        yield Leaf(*found.span(), found[0].decode("utf-8", "surrogateescape"), encoded)
