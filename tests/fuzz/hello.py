"""The first bytes of a connection: what is read of a ClientHello is what OpenSSL reads of it."""

from __future__ import annotations

import ssl
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache

from fuzz.target import Draw, given, target
from outgate.proxy.classify import Speech, classify, may_be_http
from outgate.proxy.hello import ClientHello, Hello, MalformedHello, read_hello
from proxy.openings import HELLOS, PREFACE, REQUEST, block, client_hello, extension, handmade, recut, server_names

FRAMING = ("LENGTH_MISMATCH", "LENGTH_TOO_SHORT", "BAD_EXTENSION", "BAD_PACKET", "RECORD_LENGTH_MISMATCH")
"""Reasons of OpenSSL's that speak of what is read here as well, where there is no other extension."""


RECORDS = ("PACKET_LENGTH_TOO_LONG", "NOT_ON_RECORD_BOUNDARY", "BAD_LEGACY_VERSION", "UNEXPECTED_MESSAGE")
"""Those that speak of records and versions."""


@dataclass(frozen=True)
class Seen:
    """What OpenSSL made of a hello: the name that it tells a server, or why there is none."""

    name: str | None = None
    why: str = ""


@cache
def _server() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


def openssls(data: bytes) -> Seen:
    """A hello as a server of OpenSSL reads it."""
    told: list[str | None] = []
    context = _server()
    context.sni_callback = lambda _sock, name, _context: told.append(name) or ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    incoming.write(data)
    server = context.wrap_bio(incoming, outgoing, server_side=True)
    try:
        server.do_handshake()
    except ssl.SSLWantReadError:
        return Seen(why="MORE")
    except ssl.SSLError as error:
        return Seen(told[0]) if told else Seen(why=str(error.reason))
    raise AssertionError("a handshake ended without a certificate")


def openings() -> list[bytes]:
    whole = [client_hello(wanted) for wanted in HELLOS[::3]]
    ech = extension(0xFE0D, b"\0" + bytes(40))
    return [*whole, recut(whole[0], [3, 60]), handmade(None), handmade(server_names(b"a.example") + ech)]


def _read(data: bytes) -> ClientHello | None:
    try:
        found = read_hello(data)
        marked = Hello(marked=True).read(data)
    except MalformedHello:
        return None
    assert marked is None or replace(marked, ja3="", ja4="") == found
    return found


@target("hello", openings, b"\x16\x03\x01", b"\x00\x00", b"\x00\x10", b"\xfe\x0d", b"\x02h2")
def hello(data: bytes) -> None:
    """Any bytes are a hello, a wish for more or malformed, in one piece or two; and OpenSSL is told the same name."""
    found, reader = _read(data), Hello()
    with suppress(MalformedHello):
        assert (reader.read(data[: len(data) // 2]) or reader.read(data)) == found
    if found is not None:
        _agree(found, openssls(data), RECORDS)


def _agree(found: ClientHello, seen: Seen, faults: tuple[str, ...]) -> None:
    assert seen.why not in faults, f"OpenSSL refuses it ({seen.why}), the gate reads {found}"
    assert seen.why or (seen.name or "") == found.sni, f"OpenSSL reads {seen.name!r}, the gate {found.sni!r}"


BODIES = (
    b"\0" + block(2, b"\0" + block(2, b"a.example")),
    b"\0" + block(2, b"\0" + block(2, b"a.example") + b"\1" + block(2, b"b")),
    b"\1" + block(2, block(1, b"h2") + block(1, b"http/1.1")),
)


@target("hello-extension", given(*BODIES), b"\x00\x00", b"a.example")
def one_extension(data: bytes) -> None:
    """A server name or ALPN that OpenSSL refuses is refused; any other is read alike."""
    draw = Draw(data)
    kind, body = draw.one((0, 16)), draw.rest()
    whole = handmade(extension(kind, body)) if len(body) < 16000 else b""
    if (found := _read(whole)) is not None:
        _agree(found, openssls(whole), FRAMING)


@target(
    "first-bytes", lambda: [*openings()[:3], PREFACE, REQUEST, b"\r\n" + REQUEST, b"SSH-2.0-x\r\n"], b"HTTP/1.1\r\n"
)
def first_bytes(data: bytes) -> None:
    """Any bytes have a verdict, and a verdict on a part is the verdict on the whole."""
    part = data[: len(data) * 2 // 3]
    with suppress(MalformedHello):
        early = classify(part)
        if early.speech is not Speech.MORE:
            assert classify(data) == early
            assert early.speech is not Speech.HTTP1 or may_be_http(data)
