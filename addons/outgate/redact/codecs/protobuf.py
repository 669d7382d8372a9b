"""Messages of protobuf without their schema: texts and numbers by their fields' numbers, and messages in messages.

Owns the guess at what a field with a length is: text where it can be read, a message where it is one, bytes elsewhere.
Knows the wire format from `wire`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from functools import partial

from outgate.redact.codecs import wire
from outgate.redact.codecs.utf8 import encoded
from outgate.redact.codecs.wire import Field, Wire
from outgate.redact.leaf import Found, Kind, Leaf, Part, Path, Unreadable

MESSAGE, BYTES = "application/protobuf", "application/octet-stream"
FLOATS = {Wire.FIXED64: "<d", Wire.FIXED32: "<f"}
READABLE = re.compile(r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]++")
INTEGER = re.compile(r"-?[0-9]{1,20}")


def read(body: bytes) -> Iterator[Found]:
    """A message. Raises `Unreadable` where it is none, to its last byte."""
    for field in wire.fields(body):
        if field.end > field.content:
            yield _found(body, field)


def _found(body: bytes, field: Field) -> Found:
    start, end, path = field.start, field.end, field.path
    name = ".".join(map(str, path))
    if field.wire is Wire.VARINT:
        return Leaf(start, end, str(field.value), _varint, path, name, Kind.NUMBER)
    content = body[field.content : end]
    if (form := FLOATS.get(field.wire)) is not None:
        text = repr(struct.unpack(form, content)[0])
        return Leaf(start, end, text, partial(_float, form), path, name, Kind.NUMBER)
    return _guessed(content, start, end, path, name)


def _guessed(content: bytes, start: int, end: int, path: Path, name: str) -> Found:
    text = _text(content)
    if text is not None and not holds_texts(content):
        return Leaf(start, end, text, _string, path, name)
    kind = MESSAGE if is_message(content) else BYTES
    return Part(start, end, content, wire.with_length, path, name, kind)


def _text(content: bytes) -> str | None:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return text if READABLE.fullmatch(text) else None


def is_message(content: bytes) -> bool:
    try:
        return sum(1 for _ in wire.fields(content)) > 0
    except Unreadable:
        return False


def holds_texts(content: bytes) -> bool:
    """Whether it is a message in which something has a length: hardly any text happens to be one."""
    try:
        return sum(field.wire is Wire.LENGTH and field.end > field.content for field in wire.fields(content)) > 0
    except Unreadable:
        return False


def _string(text: str) -> bytes:
    return wire.with_length(encoded(text))


def _varint(text: str) -> bytes:
    """What is no number becomes 0: nothing else has its place there."""
    return wire.varint(int(text) % 2**64 if INTEGER.fullmatch(text) else 0)


def _float(form: str, text: str) -> bytes:
    try:
        return struct.pack(form, float(text))
    except (ValueError, OverflowError):
        return struct.pack(form, 0.0)
