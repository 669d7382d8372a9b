"""Forms by their names: the order of fields and the boundary between parts do not count.

Owns both kinds of form. Several fields of one name are compared in their order.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from email.message import Message
from urllib.parse import unquote_to_bytes

from outgate.capture.matching.values import Meaning, Unread, Value, Values
from outgate.redact.leaf import Path

LINE = re.compile(rb"\r?\n")
HEAD_END = re.compile(rb"(?:^|\r?\n)\r?\n")
LONGEST_BOUNDARY = 200


def pairs(text: bytes) -> dict[str, tuple[str, ...]]:
    """Names and their values, as forms and queries have them."""
    found: dict[str, list[str]] = {}
    for pair in filter(None, text.split(b"&")):
        name, _, value = pair.partition(b"=")
        found.setdefault(_unescaped(name), []).append(_unescaped(value))
    return {name: tuple(values) for name, values in found.items()}


def _unescaped(raw: bytes) -> str:
    return unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8", "surrogateescape")


def form(body: bytes, _media_type: str) -> Meaning:
    return Meaning("form", {(name,): Value(name.lower(), "string", several) for name, several in pairs(body).items()})


def multipart(body: bytes, media_type: str, meaning: Callable[[bytes, str], Meaning]) -> Meaning:
    """Parts by their names, and where they have none by their numbers; each means what `meaning` says."""
    values: dict[Path, Value] = {}
    seen: set[Path] = set()
    for number, (head, content) in enumerate(_parts(body, media_type)):
        name = _parameter(head, "content-disposition", "name")
        step: Path = (name or number,)
        if step in seen:
            step = (*step, number)
        seen.add(step)
        values |= _part(step, name.lower(), head, meaning(content, head.get("content-type", "")).values)
    return Meaning("multipart", values)


def parts(body: bytes, media_type: str) -> list[tuple[str, str, bytes]]:
    """Name, media type and content of each part. Raises `Unread`."""
    found = _parts(body, media_type)
    return [
        (_parameter(head, "content-disposition", "name"), head.get("content-type", ""), inner) for head, inner in found
    ]


def _part(step: Path, name: str, head: Message, inner: Values) -> dict[Path, Value]:
    found = {step + path: value._replace(name=value.name or name) for path, value in inner.items()}
    if file := _parameter(head, "content-disposition", "filename"):
        found[(*step, "@filename")] = Value("filename", "string", file)
    return found or {step: Value(name, "nothing", None)}


def _parts(body: bytes, media_type: str) -> list[tuple[Message, bytes]]:
    boundary = _boundary(body, media_type)
    delimiter = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    found, begin = [], -1
    for match in delimiter.finditer(body):
        if begin >= 0:
            found.append(_split(body[begin : match.start()]))
        begin = match.end()
        if match[1]:
            return found
    raise Unread


def _boundary(body: bytes, media_type: str) -> bytes:
    """What the media type says, or what the body begins with."""
    head = Message()
    head["content-type"] = media_type.replace("\r", " ").replace("\n", " ")
    said = _parameter(head, "content-type", "boundary").encode("latin-1", "replace")
    first = LINE.split(body, maxsplit=1)[0]
    boundary = said or (first[2:] if first.startswith(b"--") else b"")
    if not 0 < len(boundary) <= LONGEST_BOUNDARY:
        raise Unread
    return boundary


def _split(part: bytes) -> tuple[Message, bytes]:
    """Its head and its content. It begins with the end of the delimiter's line."""
    first = LINE.match(part)
    rest = part[first.end() :] if first else part
    end = HEAD_END.search(rest)
    if end is None:
        raise Unread
    head = Message()
    for line in LINE.split(rest[: end.start()]):
        name, _, value = line.decode("utf-8", "replace").partition(":")
        if name.strip():
            head[name.strip().lower()] = value.strip()
    return head, rest[end.end() :]


def _parameter(head: Message, field: str, name: str) -> str:
    try:
        found = head.get_param(name, "", header=field)
    except (ValueError, LookupError):
        return ""
    return found[2] if isinstance(found, tuple) else str(found)
