"""One content coding each, undone piece by piece.

Owns that no piece is large, whatever comes in, and that the time it takes is linear in what comes in and goes out.
Knows no bounds on the whole: that is `decoding`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Protocol

import brotli
import zstandard

PIECE = 64 * 1024
"""Bytes that come out at once."""
SLICE = 4096
"""Bytes that go in at once: zlib copies what it has not come to."""
ZSTD_SLICE = 128
"""zstd has no bound on what comes out. Four bytes are a block of 128 KiB at most, so these are 4 MiB."""
ZSTD_WINDOW = 8 * 1024 * 1024
"""RFC 9659: no more has to be kept in memory for a content coding."""
GZIP, ZLIB, RAW = 31, 15, -15


class Reason(StrEnum):
    """Why a body cannot be decoded."""

    UNKNOWN_CODING = "unknown_coding"
    TOO_MANY_CODINGS = "too_many_codings"
    TOO_LARGE = "too_large"
    TOO_DENSE = "too_dense"
    CORRUPT = "corrupt"
    TRUNCATED = "truncated"
    TRAILING = "trailing_data"


class Undecodable(ValueError):
    """A body whose content cannot be seen, or not within the bounds."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(f"the body cannot be decoded: {reason.replace('_', ' ')}")
        self.reason = reason


class Unpacker(Protocol):
    """One coding of one body. Both raise `Undecodable`."""

    def feed(self, data: bytes) -> Iterator[bytes]: ...

    def finish(self) -> None: ...


def _slices(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


class Zlib:
    """gzip, whose members may follow each other, or one stream of deflate."""

    def __init__(self, bits: int, several: bool) -> None:
        self._bits, self._several = bits, several
        self._member = zlib.decompressobj(bits)
        self._ended = self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        for rest in _slices(data, SLICE):
            yield from self._slice(rest)

    def _slice(self, rest: bytes) -> Iterator[bytes]:
        full = False
        while rest or full:
            if self._member.eof:
                self._next()
            made = self._piece(rest)
            if made:
                yield made
            full = len(made) == PIECE and not self._member.eof  # more may wait inside, with nothing left to go in
            rest = self._member.unused_data if self._member.eof else self._member.unconsumed_tail

    def _piece(self, rest: bytes) -> bytes:
        try:
            made = self._member.decompress(rest, PIECE)
        except zlib.error as error:
            raise Undecodable(Reason.TRAILING if self._ended and not self._begun else Reason.CORRUPT) from error
        self._begun = True
        return made

    def _next(self) -> None:
        if not self._several:
            raise Undecodable(Reason.TRAILING)
        self._member = zlib.decompressobj(self._bits)
        self._ended, self._begun = True, False

    def finish(self) -> None:
        if self._begun and not self._member.eof:
            raise Undecodable(Reason.TRUNCATED)


class Deflate:
    """`deflate` is a stream of zlib's, and without its head where a server took the name at its word."""

    def __init__(self) -> None:
        self._head, self._inner = b"", None

    _inner: Zlib | None

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._inner is None:
            self._head += data
            if len(self._head) < 2:
                return
            data = self._head
            self._inner = Zlib(ZLIB if self._has_head(data) else RAW, several=False)
        yield from self._inner.feed(data)

    @staticmethod
    def _has_head(data: bytes) -> bool:
        return data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0

    def finish(self) -> None:
        if self._inner is not None:
            self._inner.finish()
        elif self._head:
            raise Undecodable(Reason.TRUNCATED)


class Brotli:
    """One stream of brotli."""

    def __init__(self) -> None:
        self._stream = brotli.Decompressor()
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        for piece in _slices(data, SLICE):
            if self._stream.is_finished():
                raise Undecodable(Reason.TRAILING)
            self._begun = True
            yield (made := self._piece(piece))
            while not self._stream.is_finished() and (len(made) >= PIECE or not self._stream.can_accept_more_data()):
                yield (made := self._piece(b""))

    def _piece(self, data: bytes) -> bytes:
        try:
            made: bytes = self._stream.process(data, output_buffer_limit=PIECE)
        except brotli.error as error:
            raise Undecodable(Reason.CORRUPT) from error
        return made

    def finish(self) -> None:
        if self._begun and not self._stream.is_finished():
            raise Undecodable(Reason.TRUNCATED)


class Zstd:
    """Frames of zstd, one after the other."""

    def __init__(self) -> None:
        self._maker = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
        self._frame = self._maker.decompressobj()
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        for rest in _slices(data, ZSTD_SLICE):
            while rest:
                if self._frame.eof:
                    self._frame = self._maker.decompressobj()
                self._begun = True
                yield self._piece(rest)
                rest = self._frame.unused_data

    def _piece(self, rest: bytes) -> bytes:
        try:
            return self._frame.decompress(rest)
        except zstandard.ZstdError as error:
            raise Undecodable(Reason.CORRUPT) from error

    def finish(self) -> None:
        if self._begun and not self._frame.eof:
            raise Undecodable(Reason.TRUNCATED)


UNPACKERS: dict[str, Callable[[], Unpacker]] = {
    "gzip": lambda: Zlib(GZIP, several=True),
    "deflate": Deflate,
    "br": Brotli,
    "zstd": Zstd,
}
