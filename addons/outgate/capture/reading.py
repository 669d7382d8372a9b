"""Captures read back: a file, a folder that several processes wrote to, compressed or plain.

Owns the reading up to where a writer was killed, and what is told of what could not be read. Holds one record at a
time of each writer.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import zstandard

from outgate.capture.files import SUFFIX, begun, found
from outgate.capture.frames import ends_whole
from outgate.capture.recorded import read
from outgate.capture.told import Malformed
from outgate.redact.redacted import Redacted

MAGIC = b"\x28\xb5\x2f\xfd"
PIECE = 128 * 1024
SLICE = 1024
"""Bytes that are decoded at once: four of them may be 128 KiB."""
LONGEST = 256 * 1024 * 1024
"""Bytes of one record: more than a gate keeps of an exchange, less than what a bomb inflates to."""


class Capture:
    """Iterated as often as is wanted: the records of each file as they were written, files of several writers beside
    each other by when their exchanges began."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[str] = []
        """What could not be read in the last iteration, a line each."""

    def __iter__(self) -> Iterator[Redacted]:
        """Raises `OSError` where there is nothing to read."""
        self.problems = []
        return self._merged(found(self.path)) if self.path.is_dir() else self._file(self.path)

    def _merged(self, paths: list[Path]) -> Iterator[Redacted]:
        """A file is opened when its time has come, so that no more are open than were written at once."""
        heads: list[tuple[float, int, Redacted, Iterator[Redacted]]] = []
        for number, path in enumerate(paths):
            while heads and heads[0][0] < begun(path):
                yield from self._next(heads)
            records = self._of_folder(path)
            if (first := next(records, None)) is not None:
                heapq.heappush(heads, (first.exchange.started, number, first, records))
        while heads:
            yield from self._next(heads)

    def _of_folder(self, path: Path) -> Iterator[Redacted]:
        """What can be read of it: it may be gone by now, as too old."""
        try:
            yield from self._file(path)
        except OSError as error:
            self.problems.append(f"{path}: it cannot be read: {error.strerror}")

    def _next(self, heads: list[tuple[float, int, Redacted, Iterator[Redacted]]]) -> Iterator[Redacted]:
        _, number, kept, records = heads[0]
        if (following := next(records, None)) is None:
            heapq.heappop(heads)
        else:
            heapq.heapreplace(heads, (following.exchange.started, number, following, records))
        yield kept

    def _file(self, path: Path) -> Iterator[Redacted]:
        with path.open("rb") as file:
            for number, (line, whole) in enumerate(self._lines(path, file), 1):
                try:
                    yield read(line)
                except Malformed as error:
                    what = f"is left out: {error}" if whole else f"is torn: {len(line)} bytes of it are there"
                    self.problems.append(f"{path}: record {number} {what}")

    def _lines(self, path: Path, file: IO[bytes]) -> Iterator[tuple[bytes, bool]]:
        """Lines, and whether they have an end."""
        parts: list[bytes] = []
        try:
            for piece in _pieces(file):
                first, *others = piece.split(b"\n")
                parts.append(first)
                for other in others:
                    yield b"".join(parts), True
                    parts = [other]
                if sum(map(len, parts)) > LONGEST:
                    self.problems.append(f"{path}: a record is longer than {LONGEST} bytes; the rest is not read")
                    return
        except zstandard.ZstdError as error:
            self.problems.append(f"{path}: the rest cannot be read: {error}")
        else:
            if not any(parts) and _packed(file) and not ends_whole(file):
                self.problems.append(f"{path}: it breaks off in the middle of a record")
        if rest := b"".join(parts):
            yield rest, False


def _packed(file: IO[bytes]) -> bool:
    """By its first bytes, also where it was torn in these."""
    file.seek(0)
    begins = file.read(len(MAGIC))
    file.seek(0)
    return begins == MAGIC or (file.name.endswith(SUFFIX) and MAGIC.startswith(begins))


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    if _packed(file):
        # Not `stream_reader`: at the end of a torn file it may keep what it has already decoded.
        decoder = zstandard.ZstdDecompressor().decompressobj(read_across_frames=True)
        while packed := file.read(SLICE):
            yield decoder.decompress(packed)
    else:
        while piece := file.read(PIECE):
            yield piece
