"""Text and the UTF-8 that it stands for, without loss: bytes that are none come back as they were.

Owns the spelling of such bytes in text, which is that of `surrogateescape`. Codecs look at a body as latin-1, in which
the place of a character is the place of its byte.
"""

from __future__ import annotations


def seen(body: bytes) -> str:
    """A body to be searched: one character for each byte."""
    return body.decode("latin-1")


def said(view: str) -> str:
    """What a part of `seen` says."""
    return view if view.isascii() else decoded(view.encode("latin-1"))


def decoded(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def encoded(text: str) -> bytes:
    """Lone surrogates that stand for no byte become question marks."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def one_line(text: str) -> bytes:
    """In a place that a line's end would close."""
    return encoded(text.replace("\r", " ").replace("\n", " "))
