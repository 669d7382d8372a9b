"""What others have sent, as text that may be shown: bounded, and without what a terminal would obey.

Owns the form alone. What is secret, and has to go before, is known to `urls`.
"""

from __future__ import annotations

MAX_TEXT = 1024


def plain(text: str, most: int = MAX_TEXT) -> str:
    """Without controls, changes of direction and lone surrogates, which JSON and protobuf cannot hold either."""
    text = text[:most]
    if text.isprintable():
        return text
    escaped = (char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
    return "".join(escaped)[:most]


def decoded(value: bytes, most: int = MAX_TEXT) -> str:
    """A header's value, which is UTF-8 where it is anything; what is not is shown as its bytes."""
    return plain(value[: 4 * most].decode("utf-8", "surrogateescape"), most)
