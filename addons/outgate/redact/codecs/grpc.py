"""Calls of gRPC, gRPC-Web and Connect: each message a part, without its compression.

Owns the frames. What is in a message is protobuf's, or what the media type says.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from functools import partial

from outgate.redact.codecs.media_type import essence
from outgate.redact.decoding import Bounds, decode
from outgate.redact.encoding import encode
from outgate.redact.leaf import Codec, Found, Part, Unreadable
from outgate.redact.unpacking import Undecodable

HEAD = 5
COMPRESSED, END_STREAM, TRAILERS = 0x01, 0x02, 0x80
FLAGS = COMPRESSED | END_STREAM | TRAILERS
MOST = 16 * 1024 * 1024
"""Bytes of all messages of a body, without their compression."""
PADDED = re.compile(rb"[^=]+={0,2}")


def codec(media_type: str, encoding: str) -> Codec:
    """`encoding`: what `grpc-encoding` or `connect-content-encoding` says."""
    kind = essence(media_type)
    if kind.startswith("application/grpc-web-text"):
        return partial(_text, kind.replace("-text", ""))
    inner = "application/json" if kind.endswith("+json") else "application/protobuf"
    return partial(_read, inner, encoding.strip().lower())


def _read(media_type: str, encoding: str, body: bytes) -> Iterator[Found]:
    at, number, room = 0, 0, MOST
    while at < len(body):
        flags, begin = body[at], at + HEAD
        end = begin + int.from_bytes(body[at + 1 : begin], "big")
        if begin > len(body) or end > len(body):
            raise Unreadable("a message of gRPC is cut short")
        if flags & ~FLAGS or (flags & COMPRESSED and encoding in ("", "identity")):
            raise Unreadable("a message of gRPC has flags that say nothing")
        coding = encoding if flags & COMPRESSED else ""
        message = _unpacked(body[begin:end], coding, room)
        room -= len(message)
        kind = {END_STREAM: "application/json", TRAILERS: "text/plain"}.get(flags & ~COMPRESSED, media_type)
        yield Part(at, end, message, partial(_framed, flags, coding), (number,), media_type=kind)
        at, number = end, number + 1


def _unpacked(message: bytes, coding: str, room: int) -> bytes:
    try:
        return decode(message, [coding] if coding else [], Bounds(room))
    except Undecodable as error:
        raise Unreadable(f"a message of gRPC cannot be decoded: {error.reason}") from None


def _framed(flags: int, coding: str, message: bytes) -> bytes:
    packed = encode(message, [coding] if coding else [])
    return bytes([flags]) + len(packed).to_bytes(4, "big") + packed


def _text(media_type: str, body: bytes) -> Iterator[Found]:
    """gRPC-Web in base64, each flush of which may have its own padding."""
    try:
        inner = b"".join(base64.b64decode(piece, validate=True) for piece in PADDED.findall(body.strip()))
    except binascii.Error:
        raise Unreadable("this is no base64, as gRPC-Web has it") from None
    yield Part(0, len(body), inner, base64.b64encode, media_type=media_type)
