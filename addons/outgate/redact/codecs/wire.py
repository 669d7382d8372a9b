"""The wire format of protobuf: fields, and where their values lie.

Owns numbers of variable length, lengths and groups. Knows nothing of what is in a field.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from outgate.redact.codecs.names import DEEPEST
from outgate.redact.leaf import Unreadable

MOST_FIELD = 2**29
LONGEST_VARINT = 10


class Wire(IntEnum):
    """What follows a tag."""

    VARINT = 0
    FIXED64 = 1
    LENGTH = 2
    GROUP = 3
    GROUP_END = 4
    FIXED32 = 5


SIZES = {Wire.FIXED64: 8, Wire.FIXED32: 4}
WIRES = {int(each): each for each in Wire}


class Field(NamedTuple):
    """`start` to `end` is the value, with its length where it has one; without that it begins at `content`."""

    path: tuple[int, ...]
    """Its number, behind those of the groups that it is in."""
    wire: Wire
    start: int
    content: int
    end: int
    value: int = 0
    """Of VARINT."""


def fields(body: bytes) -> Iterator[Field]:
    """Of one message, which raises `Unreadable` unless it is one to its last byte."""
    at = 0
    groups: tuple[int, ...] = ()
    while at < len(body):
        tag, at = _varint(body, at)
        number, wire = tag >> 3, WIRES.get(tag & 7)
        if not 0 < number < MOST_FIELD or wire is None:
            raise Unreadable("this is no message of protobuf")
        if wire is Wire.GROUP and len(groups) < DEEPEST:
            groups = (*groups, number)
        elif wire is Wire.GROUP_END and groups[-1:] == (number,):
            groups = groups[:-1]
        else:
            field = _field(body, at, wire, (*groups, number))
            yield field
            at = field.end
    if groups:
        raise Unreadable("a group of a message does not end")


def _field(body: bytes, at: int, wire: Wire, path: tuple[int, ...]) -> Field:
    value = 0
    if wire is Wire.VARINT:
        value, end = _varint(body, at)
        content = at
    elif wire is Wire.LENGTH:
        length, content = _varint(body, at)
        end = content + length
    elif wire in SIZES:
        content, end = at, at + SIZES[wire]
    else:
        raise Unreadable("this is no message of protobuf")
    if end > len(body):
        raise Unreadable("a message of protobuf is cut short")
    return Field(path, wire, at, content, end, value)


def _varint(body: bytes, at: int) -> tuple[int, int]:
    """A number, and where it ends."""
    value = 0
    for shift, byte in enumerate(body[at : at + LONGEST_VARINT]):
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return value % 2**64, at + shift + 1
    raise Unreadable("a number in a message of protobuf does not end")


def varint(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])


def with_length(content: bytes) -> bytes:
    return varint(len(content)) + content
