"""DNS messages, as far as a resolver of few words needs them (RFC 1035).

Owns the reading of one question and the writing of one answer. The question is sent back byte by byte as it came, for
careful clients compare it. Knows no policy.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address

type Address = IPv4Address | IPv6Address

HEADER = struct.Struct("!HHHHHH")
TAIL = struct.Struct("!HH")
RECORD = struct.Struct("!HHHIH")
RESPONSE, OPCODE, RECURSION_DESIRED, RECURSION_AVAILABLE = 0x8000, 0x7800, 0x0100, 0x0080
IN = 1
FIRST_NAME = 0xC00C
"""A pointer to the name of the question."""
LONGEST_NAME = 255
LONGEST_LABEL = 63


class Type(IntEnum):
    """Types of records that are told apart."""

    A = 1
    AAAA = 28


class Answered(IntEnum):
    """RCODE."""

    FINE = 0
    MALFORMED = 1
    FAILED = 2
    NO_SUCH_NAME = 3
    NOT_IMPLEMENTED = 4


class MalformedQuery(ValueError):
    """Not a question that could be answered, nor a header that could be sent back."""


@dataclass(frozen=True, slots=True)
class Query:
    """One question. `fault` is what to answer where it cannot be taken, and its name is empty then."""

    number: int
    flags: int
    name: str
    kind: int
    question: bytes
    """As it came."""
    fault: Answered = Answered.FINE


def read(message: bytes) -> Query:
    """The question of a message. Raises `MalformedQuery` for what cannot even be told that it is malformed."""
    if len(message) < HEADER.size:
        raise MalformedQuery(f"{len(message)} bytes are no DNS message")
    number, flags, questions, *_ = HEADER.unpack_from(message)
    if flags & RESPONSE:
        raise MalformedQuery("an answer, and not a question")
    if flags & OPCODE:
        return Query(number, flags, "", 0, b"", Answered.NOT_IMPLEMENTED)
    try:
        name, end = _name(message)
        kind, group = TAIL.unpack_from(message, end)
    except (ValueError, struct.error):
        return Query(number, flags, "", 0, b"", Answered.MALFORMED)
    if questions != 1:
        return Query(number, flags, "", 0, b"", Answered.MALFORMED)
    question = message[HEADER.size : end + TAIL.size]
    fault = Answered.FINE if group == IN else Answered.NOT_IMPLEMENTED
    return Query(number, flags, name, kind, question, fault)


def written(query: Query, code: Answered, addresses: Iterable[Address] = (), ttl: int = 0) -> bytes:
    """The answer. Addresses of another type than was asked for are left out: the name is there, and has none."""
    records = [_record(address, ttl) for address in addresses if _type(address) == query.kind]
    flags = RESPONSE | RECURSION_AVAILABLE | (query.flags & RECURSION_DESIRED) | code
    header = HEADER.pack(query.number, flags, 1 if query.question else 0, len(records), 0, 0)
    return b"".join((header, query.question, *records))


def _name(message: bytes) -> tuple[str, int]:
    """The name of the question, and where it ends. Nothing stands before it that it could point to."""
    labels, at = [], HEADER.size
    while size := message[at] if at < len(message) else LONGEST_LABEL + 1:
        if size > LONGEST_LABEL or at + size >= len(message) or at - HEADER.size > LONGEST_NAME:
            raise ValueError("not a name")
        labels.append(message[at + 1 : at + 1 + size].decode("ascii"))
        at += 1 + size
    return ".".join(labels), at + 1


def _record(address: Address, ttl: int) -> bytes:
    return RECORD.pack(FIRST_NAME, _type(address), IN, ttl, len(address.packed)) + address.packed


def _type(address: Address) -> Type:
    return Type.A if isinstance(address, IPv4Address) else Type.AAAA
