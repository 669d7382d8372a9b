"""Questions to a resolver, and its answers taken apart, by code that the resolver does not use."""

import struct
from ipaddress import ip_address

A, AAAA, HTTPS, TXT, PTR = 1, 28, 65, 16, 12
FINE, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP = 0, 1, 2, 3, 4


def question(name: str, kind: int = A, number: int = 7, flags: int = 0x0100, group: int = 1, count: int = 1) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label)
    return struct.pack("!6H", number, flags, count, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", kind, group)


def told(answer: bytes, asked: bytes) -> tuple[int, list[str]]:
    """The code and the addresses of an answer that fits its question."""
    number, flags, questions, records, others, more = struct.unpack_from("!6H", answer)
    assert number == struct.unpack_from("!H", asked)[0]
    assert flags & 0x8000
    assert flags & 0x0100 == struct.unpack_from("!H", asked, 2)[0] & 0x0100
    assert (others, more) == (0, 0)
    at = 12
    if questions:
        assert answer[12 : len(asked)] == asked[12:]
        at = len(asked)
    found = []
    for _ in range(records):
        pointer, kind, group, ttl, size = struct.unpack_from("!HHHIH", answer, at)
        assert (pointer, group) == (0xC00C, 1)
        assert ttl > 0
        data = answer[at + 12 : at + 12 + size]
        assert size == {A: 4, AAAA: 16}[kind]
        found.append(str(ip_address(data)))
        at += 12 + size
    assert at == len(answer)
    return flags & 0xF, found
