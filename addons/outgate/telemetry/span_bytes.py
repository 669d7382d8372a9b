"""Spans in OTLP's own bytes.

Owns the numbers of its fields and the writing of them. OpenTelemetry's encoder makes several objects of each attribute,
which takes ten times as long, and every request waits meanwhile; a test holds that both say the same. Attributes that
come again, which most do, are written once. Needs nothing of OpenTelemetry.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache

from outgate.telemetry.span_attributes import Value
from outgate.telemetry.spans import Shared, Span

KEPT = 4096
"""Attributes that are kept as they are written; then it is begun anew."""
LONGEST = 128
"""Characters of a text that is kept."""
SERVER, CLIENT = b"\x30\x02", b"\x30\x03"
UNSET, ERROR = b"\x7a\x00", b"\x7a\x02\x18\x02"
LOCAL, REMOTE = b"\x85\x01\x00\x01\x00\x00", b"\x85\x01\x00\x03\x00\x00"
"""Flags: it is known whether the parent is of another process, and it is not, or is."""
TIMES, DOUBLE = struct.Struct("<BQBQ"), struct.Struct("<d")
LOW = (1 << 64) - 1

_kept: dict[tuple[str, Value], bytes] = {}
"""All values of one name are of one type: `True` and 1 would be the same here."""


def message(resource: Mapping[str, str], scope: tuple[str, str], spans: Sequence[bytes]) -> bytes:
    """What is exported: who tells, by name and version of what, and spans as `span` makes them. These are many, and
    copied once."""
    who = b"".join(field(b"\x0a", _pair(name, _text(value))) for name, value in resource.items())
    what = b"".join(field(tag, text.encode()) for tag, text in zip((b"\x0a", b"\x12"), scope, strict=True))
    size = sum(map(len, spans))
    inner = _begun(b"\x12", field(b"\x0a", what), size)
    return b"".join((_begun(b"\x0a", field(b"\x0a", who) + inner, size), *spans))


def span(one: Span) -> bytes:
    """One span, as a field of what it is sent in."""
    trace = one.trace
    return field(
        b"\x12",
        b"".join(
            (
                b"\x0a\x10",
                trace.trace_id.to_bytes(16),
                b"\x12\x08",
                one.span_id.to_bytes(8),
                field(b"\x1a", trace.state.encode()) if trace.state else b"",
                b"\x22\x08" + one.parent_id.to_bytes(8) if one.parent_id else b"",
                TIMES.pack(0x39, one.start, 0x41, one.end),
                one.shared.written or shared(one.name, one.shared, client=one.client),
                attributes(one.own),
                REMOTE if one.remote else LOCAL,
            )
        ),
    )


def shared(name: str, of: Shared, *, client: bool) -> bytes:
    """What spans share: name, kind, attributes and status."""
    parts = field(b"\x2a", name.encode("utf-8", "replace")), CLIENT if client else SERVER, attributes(of.attributes)
    of.written = b"".join((*parts, ERROR if of.failed else UNSET))
    return of.written


def attributes(given: Mapping[str, Value]) -> bytes:
    """Those of a span, or some of them."""
    return b"".join([_kept.get(pair) or _attribute(pair) for pair in given.items()])


def _attribute(pair: tuple[str, Value]) -> bytes:
    """One, which is kept unless it is long or no other is likely to be the same."""
    name, value = pair
    if isinstance(value, float):
        return _before_double(name) + DOUBLE.pack(value)
    if isinstance(value, str):
        made = field(b"\x4a", _pair(name, _text(value)))
        if len(value) > LONGEST:
            return made
    elif isinstance(value, bool):
        made = field(b"\x4a", _pair(name, b"\x10\x01" if value else b"\x10\x00"))
    else:
        made = field(b"\x4a", _pair(name, b"\x18" + _varint(value & LOW)))
    if len(_kept) >= KEPT:
        _kept.clear()
    _kept[pair] = made
    return made


@lru_cache(KEPT)
def _before_double(name: str) -> bytes:
    return _begun(b"\x4a", _name(name) + b"\x12\x09\x21", DOUBLE.size)


def _pair(name: str, value: bytes) -> bytes:
    return _name(name) + field(b"\x12", value)


@lru_cache(KEPT)
def _name(name: str) -> bytes:
    return field(b"\x0a", name.encode("utf-8", "replace"))


def _text(value: str) -> bytes:
    return field(b"\x0a", value.encode("utf-8", "replace"))


def field(tag: bytes, content: bytes) -> bytes:
    """Text, bytes or another message, after their length."""
    return tag + _varint(len(content)) + content


def _begun(tag: bytes, content: bytes, more: int) -> bytes:
    """The same, where so many bytes are still to come."""
    return tag + _varint(len(content) + more) + content


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    if number < 0x80:
        return SMALL[number]
    if number < 0x4000:
        return bytes((number & 0x7F | 0x80, number >> 7))
    made = bytearray()
    while number >= 0x80:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    made.append(number)
    return bytes(made)


SMALL = [bytes((number,)) for number in range(0x80)]
