"""What bytes say to whoever decodes them: escapes, percent signs, entities, hexadecimal, base64, compression.

Owns the decoders and how deep they go. They take whatever looks like something, which redaction's own codecs do not:
what is read wrongly is noise, and nobody is bothered by it. What would grow beyond all bounds is `Unbounded`.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
import zlib
from collections.abc import Callable, Iterator
from urllib.parse import unquote_to_bytes

import zstandard

DEEPEST = 4
"""Decoders, one after the other."""
MOST = 256 * 1024 * 1024
"""Bytes of all that is said, of one piece."""
PIECE = 1024 * 1024
SLICE = 128
"""Bytes that go in at once: four of zstd may be 128 KiB, and what is torn loses what came of its last ones."""
APART = b"\0"
"""Stands between what was found in different places."""
ESCAPE = re.compile(
    rb"\\u([dD][89abAB][0-9A-Fa-f]{2})\\u([dD][c-fC-F][0-9A-Fa-f]{2})|\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2}))"
    rb"|\\([\"\\/bfnrt'])"
)
SHORT = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}
PERCENT = re.compile(rb"%[0-9A-Fa-f]{2}")
ENTITY = re.compile(rb"&#?\w{2,8};")
HEX = re.compile(rb"(?:[0-9a-f]{2}){6,}|(?:[0-9A-F]{2}){6,}")
RUN = re.compile(rb"(?:[A-Za-z0-9+/]{60,}\r?\n[ \t]*)*[A-Za-z0-9+/_-]{8,}")
WIDE = re.compile(rb"[\t\r\n -~]\0{1,3}(?:[\t\r\n -~]\0{1,3}){5,}[\t\r\n -~]?")
BLANK = re.compile(rb"\s+")
STANDARD = bytes.maketrans(b"-_", b"+/")
PACKED = re.compile(rb"\x1f\x8b\x08|\x28\xb5\x2f\xfd|\x78[\x01\x5e\x9c\xda]")
GZIP, ZSTD, ZLIB = b"\x1f\x8b", b"\x28\xb5", b"\x78"


class Unbounded(ValueError):
    """It says more than anybody can look at."""


class Views:
    """Of one piece."""

    def __init__(self, most: int = MOST) -> None:
        self._left = most

    def of(self, data: bytes, how: tuple[str, ...] = ()) -> Iterator[tuple[str, bytes]]:
        """Itself and everything that is in it, each with how it was found. Raises `Unbounded`."""
        self._spend(len(data))
        yield ", in ".join(reversed(how)), data
        if len(how) == DEEPEST:
            return
        for name, decode in DECODERS.items():
            said = decode(data, self._left)
            if said and said != data:
                yield from self.of(said, (*how, name))

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise Unbounded


def _unescaped(data: bytes, _most: int) -> bytes:
    """As JSON, JavaScript and YAML escape. Two halves of a character are put together."""
    if b"\\" not in data:
        return b""
    return ESCAPE.sub(_escape, data)


def _escape(found: re.Match[bytes]) -> bytes:
    high, low, unicode, byte, short = found.groups()
    if short is not None:
        return SHORT.get(short, short)
    if high is not None:
        return chr(0x10000 + (int(high, 16) - 0xD800 << 10) + int(low, 16) - 0xDC00).encode()
    return chr(int(unicode or byte, 16)).encode("utf-8", "surrogatepass")


def _unquoted(data: bytes, _most: int) -> bytes:
    """Of URLs and forms, where a plus may be a blank; both are there."""
    if not PERCENT.search(data):
        return b""
    said = unquote_to_bytes(data)
    return said + APART + unquote_to_bytes(data.replace(b"+", b" ")) if b"+" in data else said


def _entities(data: bytes, _most: int) -> bytes:
    if not ENTITY.search(data):
        return b""
    return html.unescape(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def _hexadecimal(data: bytes, _most: int) -> bytes:
    return APART.join(bytes.fromhex(found[0].decode()) for found in HEX.finditer(data))


def _base64(data: bytes, _most: int) -> bytes:
    """From each of the four places where it may begin, as a longer run may have something else before it."""
    return APART.join(
        said for found in RUN.finditer(data) for said in _each(BLANK.sub(b"", found[0]).translate(STANDARD))
    )


def _each(run: bytes) -> Iterator[bytes]:
    for begin in range(4):
        rest = run[begin : begin + (len(run) - begin) // 4 * 4]
        tail = run[begin + len(rest) :]
        padded = rest + (tail + b"=" * (-len(tail) % 4) if len(tail) > 1 else b"")
        try:
            yield base64.b64decode(padded)
        except binascii.Error:
            continue


def _narrow(data: bytes, _most: int) -> bytes:
    """Characters of two or four bytes, of which one says something."""
    return APART.join(found[0].replace(b"\0", b"") for found in WIDE.finditer(data))


def _unpacked(data: bytes, most: int) -> bytes:
    return APART.join(_from(data[found.start() :], most) for found in PACKED.finditer(data))


def _from(data: bytes, most: int) -> bytes:
    """As much as there is. What only looks packed says nothing."""
    said = bytearray()
    try:
        for piece in (_zstd if data.startswith(ZSTD) else _zlib)(data):
            said += piece
            if len(said) > most:
                raise Unbounded
    except (zlib.error, zstandard.ZstdError):
        pass
    return bytes(said)


def _zlib(data: bytes) -> Iterator[bytes]:
    """All members, one behind the other."""
    while data.startswith((GZIP, ZLIB)):
        decoder, at = zlib.decompressobj(31 if data.startswith(GZIP) else 15), 0
        while at < len(data) and not decoder.eof:
            given = data[at : at + SLICE]
            while given and not decoder.eof:
                yield decoder.decompress(given, PIECE)
                given = decoder.unconsumed_tail
            at += SLICE
        data = decoder.unused_data + data[at:]


def _zstd(data: bytes) -> Iterator[bytes]:
    """All frames, one behind the other."""
    while data.startswith(ZSTD):
        decoder, at = zstandard.ZstdDecompressor().decompressobj(), 0
        while at < len(data) and not decoder.eof:
            yield decoder.decompress(data[at : at + SLICE])
            at += SLICE
        data = decoder.unused_data + data[at:]


DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "compression": _unpacked,
    "wide characters": _narrow,
    "escapes": _unescaped,
    "percent signs": _unquoted,
    "entities": _entities,
    "hexadecimal": _hexadecimal,
    "base64": _base64,
}
