"""Content codings, done again after a body was changed: for whole bodies and for streams.

Owns how each is made. A stream is flushed with every piece, so that nobody waits for an event that has been sent.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import brotli
import zstandard

GZIP, ZLIB = 31, 15
LEVEL = 6
BROTLI_QUALITY = 5
ZSTD_LEVEL = 3


class Packer(NamedTuple):
    """One coding of one body. `sync` gives what was held back, `end` that and the end."""

    pack: Callable[[bytes], bytes]
    sync: Callable[[], bytes]
    end: Callable[[], bytes]


def _zlib(bits: int) -> Packer:
    made = zlib.compressobj(LEVEL, zlib.DEFLATED, bits)
    return Packer(made.compress, lambda: made.flush(zlib.Z_SYNC_FLUSH), made.flush)


def _brotli() -> Packer:
    made = brotli.Compressor(quality=BROTLI_QUALITY)
    return Packer(made.process, made.flush, made.finish)


def _zstd() -> Packer:
    made = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compressobj()
    return Packer(made.compress, lambda: made.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK), made.flush)


PACKERS: dict[str, Callable[[], Packer]] = {
    "gzip": lambda: _zlib(GZIP),
    "deflate": lambda: _zlib(ZLIB),
    "br": _brotli,
    "zstd": _zstd,
}


class Encoder:
    """Does the codings of a body that goes in pieces. `names` are what a `Decoder` took."""

    def __init__(self, names: Sequence[str]) -> None:
        self._packers = [PACKERS[name]() for name in names]

    def feed(self, data: bytes) -> bytes:
        """All bytes that it takes to read this piece."""
        for packer in self._packers:
            data = packer.pack(data) + packer.sync() if data else b""
        return data

    def finish(self) -> bytes:
        """The end of the body."""
        data = b""
        for packer in self._packers:
            data = packer.pack(data) + packer.end()
        return data


def encode(body: bytes, names: Sequence[str]) -> bytes:
    """A whole body with its codings, which `decoding.codings` has read."""
    for name in names:
        packer = PACKERS[name]()
        body = packer.pack(body) + packer.end()
    return body
