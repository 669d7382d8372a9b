"""One file of a capture while it is written: a frame of zstd that is flushed after the records that came together.

Owns its name, its lock and that a full disk leaves no part of a record. The file can be read while it grows and after
its writer was killed: what `append` has returned from is in the kernel's hands. Its compressor remembers what it wrote,
so a file that could not take a record takes no more; the next record begins another one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import zstandard

PREFIX, SUFFIX = "capture-", ".ndjson.zst"
STAMP = "%Y%m%dT%H%M%S.%fZ"
MODE = 0o640
LEVEL = 1
"""Of zstd: of short records it makes as little as the next ones, in half of the time and of the caches."""

type Note = Callable[[Path, int, int], None]
"""Is told, before they are written, to which file of what size how many bytes are added."""


def unnoted(path: Path, size: int, added: int) -> None:
    """For what nobody goes on with."""


class CaptureFile:
    """Made in a folder, for one process. Names sort by the time at which files were begun. Raises `OSError`."""

    def __init__(self, folder: Path, now: float) -> None:
        self.path, self._file = _made(folder, now)
        self.size = 0
        """Bytes, as written."""
        self.begun = time.monotonic()
        self._frame = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compressobj()

    def append(self, lines: bytes, note: Note = unnoted) -> None:
        """Write whole records. Raises `OSError`: then nothing of them is there, and the file is to be dropped."""
        block = self._frame.compress(lines) + self._frame.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        note(self.path, self.size, len(block))
        self._write(block)

    def close(self) -> None:
        """End the frame, which lets readers know that nothing is missing."""
        with contextlib.suppress(OSError):
            self._write(self._frame.flush())
        os.close(self._file)

    def drop(self) -> None:
        """Close it after it could not take a record. What it holds stays; without a record it goes."""
        if self.size == 0:
            self.path.unlink(missing_ok=True)
        os.close(self._file)

    def _write(self, block: bytes) -> None:
        done = 0
        try:
            while done < len(block):
                done += os.write(self._file, block[done:])
        except OSError:
            os.ftruncate(self._file, self.size)
            os.lseek(self._file, self.size, os.SEEK_SET)
            raise
        self.size += len(block)


def _made(folder: Path, now: float) -> tuple[Path, int]:
    """A new file, locked: who deletes old files asks for the lock first."""
    while True:
        path = folder / f"{PREFIX}{datetime.fromtimestamp(now, UTC):{STAMP}}-{os.getpid()}{SUFFIX}"
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
        except FileExistsError:
            now += 1e-6
            continue
        fcntl.flock(file, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.stat(path), os.fstat(file)):
                return path, file
        os.close(file)  # deleted before it was locked


def found(folder: Path) -> list[Path]:
    """The files of captures in a folder, the oldest first."""
    return sorted(path for path in folder.iterdir() if path.name.startswith(PREFIX) and path.name.endswith(SUFFIX))


def begun(path: Path) -> float:
    """When a file was begun, in seconds since the epoch; 0 where its name does not tell."""
    stamp = path.name.removeprefix(PREFIX).partition("-")[0]
    try:
        return datetime.strptime(stamp, STAMP).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0
