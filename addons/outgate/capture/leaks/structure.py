"""What was written, read back: the pieces of a file in each format, as texts, lists and objects.

Owns the reading, which is another than that of the importers. What cannot be read back is `Unreadable`: nobody knows
what it holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import yaml


class Unreadable(ValueError):
    """What was written is not what it should be."""


def of_json(piece: bytes) -> Any:
    """One value, with the signs around it that part it from others."""
    return _loaded(json.loads, piece.strip(b" \n,"))


def of_yaml(piece: bytes) -> Any:
    return _loaded(lambda text: yaml.load(text, yaml.CSafeLoader), piece)


def of_flow(piece: bytes) -> Any:
    """The netstrings with types that mitmproxy writes."""
    found, end = _netstring(piece, 0)
    if end != len(piece):
        raise Unreadable("something follows a flow")
    return found


def of_bytes(piece: bytes) -> Any:
    return piece


def _loaded(load: Callable[[str], Any], piece: bytes) -> Any:
    try:
        return load(piece.decode())
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise Unreadable("it cannot be read back") from error


def _netstring(piece: bytes, at: int) -> tuple[Any, int]:
    colon = piece.find(b":", at, at + 12)
    if colon < 0 or not piece[at:colon].isdigit():
        raise Unreadable("no length where one should be")
    start, end = colon + 1, colon + 1 + int(piece[at:colon])
    content, kind = piece[start:end], piece[end : end + 1]
    if kind in (b"]", b"}"):
        values = list(_several(content))
        return (dict(zip(values[::2], values[1::2], strict=True)) if kind == b"}" else values), end + 1
    if kind not in (b",", b";", b"#", b"^", b"!", b"~"):
        raise Unreadable("no type where one should be")
    return (content if kind in (b",", b";") else None), end + 1


def _several(content: bytes) -> Iterator[Any]:
    at = 0
    while at < len(content):
        value, at = _netstring(content, at)
        yield value


def texts(found: Any) -> Iterator[bytes]:
    """All that is text or bytes in it, keys too."""
    waiting = [found]
    while waiting:
        match waiting.pop():
            case str() as text:
                yield text.encode("utf-8", "surrogatepass")
            case bytes() as raw:
                yield raw
            case dict() as members:
                waiting += [*members, *members.values()]
            case list() as each:
                waiting += each
