"""Text that others have sent, as an output may hold it.

Owns the escapes alone: of what a terminal obeys, what ends a line and what ends a quotation. What is secret, and has to
go before, is known to `urls` and `showing`.
"""

from __future__ import annotations

from functools import lru_cache

MAX_TEXT = 1024
"""Characters of one value of the gate's own lines, and of spans."""
PLACES = 1024
"""Addresses that are kept as they are written: every line has one or two, and most have the same."""
MAX_VALUE = 4096
"""Characters of one value of a format that somebody wrote: a user agent may be longer than it should."""


def plain(text: str) -> str:
    """Without what a terminal would obey or JSON and protobuf cannot hold: controls, changes of direction, lone
    surrogates."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def bounded(text: str, most: int = MAX_TEXT) -> str:
    """As `plain`, and no longer than that."""
    return plain(text[:most])[:most]


def quoted(text: str) -> str:
    """As `plain`, and nothing in it ends the quotation that it may stand in."""
    if is_plain(text):
        return text
    return plain(text.replace("\\", "\\\\").replace('"', '\\"'))


def is_plain(text: str) -> bool:
    """Whether neither `plain` nor `quoted` changes anything."""
    return text.isprintable() and '"' not in text and "\\" not in text


def decoded(value: bytes) -> str:
    """The value of a header, which is UTF-8 where it is anything."""
    return value[: 4 * MAX_VALUE].decode("utf-8", "surrogateescape")


@lru_cache(PLACES)
def place(address: tuple[str, int] | None) -> str:
    """An address and its port; empty for none."""
    if address is None:
        return ""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
