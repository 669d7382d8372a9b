"""DNS messages, as much of RFC 1035 as a resolver needs that only ever answers for itself.

Owns bytes and their bounds: one question a message, names without compression, nothing of a query is copied but the
question. Pure; knows no names.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address

HEADER = struct.Struct("!HHHHHH")
KIND = struct.Struct("!HH")
RECORD = struct.Struct("!HHHIH")
INTERNET = 1
RESPONSE, OPCODE, TRUNCATED, RECURSION_DESIRED, RECURSION_AVAILABLE = 0x8000, 0x7800, 0x0200, 0x0100, 0x0080
SAME_NAME = 0xC000 | HEADER.size
"""A pointer to the question's name."""
MAX_LABEL, MAX_NAME = 63, 255
MAX_DATAGRAM = 512

type Address = IPv4Address | IPv6Address


class Kind(IntEnum):
    """Types of record that are answered with something."""

    A = 1
    AAAA = 28


class Outcome(IntEnum):
    """Response codes."""

    ANSWERED = 0
    MALFORMED = 1
    FAILED = 2
    NO_SUCH_NAME = 3
    NOT_IMPLEMENTED = 4
    REFUSED = 5


class NotAQuery(ValueError):
    """Bytes that no answer is given to: an answer itself, or too short to have a number."""


class Malformed(ValueError):
    """A query that can be answered only by saying that it is none."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. `name` is ASCII text without the root dot, as it was sent."""

    name: str
    kind: int
    family: int
    raw: bytes
    """The question as it goes into the answer."""


def number(query: bytes) -> int:
    """The flags of a query. Raises NotAQuery."""
    if len(query) < HEADER.size:
        raise NotAQuery(f"{len(query)} bytes are no query")
    flags: int = HEADER.unpack_from(query)[1]
    if flags & RESPONSE:
        raise NotAQuery("it is an answer")
    return flags


def question(query: bytes) -> Question:
    """The one question of a query. Raises NotAQuery and Malformed."""
    number(query)
    if (count := HEADER.unpack_from(query)[2]) != 1:
        raise Malformed(f"{count} questions, not one")
    labels, end = _labels(query)
    if len(query) < end + KIND.size:
        raise Malformed("the question has no end")
    kind, family = KIND.unpack_from(query, end)
    return Question(".".join(labels), kind, family, query[HEADER.size : end + KIND.size])


def answer(
    query: bytes, asked: Question | None, outcome: Outcome, found: Iterable[Address] = (), ttl: int = 0
) -> bytes:
    """The answer to a query, with an address record for each that was found."""
    flags = RESPONSE | RECURSION_AVAILABLE | (number(query) & (OPCODE | RECURSION_DESIRED)) | outcome
    records = [RECORD.pack(SAME_NAME, _kind(ip), INTERNET, ttl, len(ip.packed)) + ip.packed for ip in found]
    header = HEADER.pack(HEADER.unpack_from(query)[0], flags, int(asked is not None), len(records), 0, 0)
    return header + (asked.raw if asked is not None else b"") + b"".join(records)


def fitted(reply: bytes) -> bytes:
    """An answer for a datagram: one that does not fit says so, and the client asks again over TCP."""
    if len(reply) <= MAX_DATAGRAM:
        return reply
    name, flags, questions, *_ = HEADER.unpack_from(reply)
    end = _labels(reply)[1] + KIND.size
    return HEADER.pack(name, flags | TRUNCATED, questions, 0, 0, 0) + reply[HEADER.size : end]


def _kind(ip: Address) -> Kind:
    return Kind.A if ip.version == 4 else Kind.AAAA


def _labels(message: bytes) -> tuple[list[str], int]:
    """The labels of the first name and where it ends. Raises Malformed."""
    found = list(_walk(message))
    end = HEADER.size + sum(len(label) + 1 for label in found) + 1
    if end - HEADER.size > MAX_NAME:
        raise Malformed("the name is too long")
    return [label.decode("ascii", "backslashreplace") for label in found], end


def _walk(message: bytes) -> Iterator[bytes]:
    at = HEADER.size
    while True:
        if at >= len(message):
            raise Malformed("the name has no end")
        size = message[at]
        if size == 0:
            return
        label = message[at + 1 : at + 1 + size]
        if size > MAX_LABEL or len(label) < size:
            raise Malformed("a label is too long, or a pointer")
        if b"." in label:
            raise Malformed("a label has a dot in it")
        yield label
        at += 1 + size
