"""A log in a file, which several processes may write to, and which is turned over when it is large.

Owns the file's lock, its turning over, and that a full disk leaves no part of a line. The lock is on the file itself:
whoever has it looks whether the path still leads there, so that one process may move the file away beneath the others,
and so may `logrotate`.
"""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

from outgate.telemetry.sinks import Sink, within

MAX_BYTES = 100 * 1024 * 1024
KEPT = 5
MODE = 0o640


class FileSink(Sink[bytes]):
    """Appends lines to a file. When it would hold more than `most` bytes it becomes `NAME.1`, and of these `kept` stay;
    0 bytes: never."""

    def __init__(self, path: Path, most: int = MAX_BYTES, kept: int = KEPT) -> None:
        self.path, self.most, self.kept = path, most, kept
        self.what = f"the access log {path}"
        self._file: int | None = None
        super().__init__()

    def size(self, line: bytes) -> int:
        return len(line)

    def finish(self) -> None:
        self._let_go()

    def send(self, lines: list[bytes]) -> Exception | None:
        file = self._locked()
        try:
            if not stat.S_ISREG((status := os.fstat(file)).st_mode):
                return self._append(file, b"", lines)
            length, first = status.st_size, 0
            while first < len(lines):
                count = self._fitting(lines, first, length)
                if count == 0:
                    self._turn_over()
                    self._let_go()
                    file, length = self._locked(), 0
                    length = os.fstat(file).st_size  # another process may have been faster
                    count = max(1, self._fitting(lines, first, length))
                if error := self._append(file, _begun(file, length), lines[first : first + count], length):
                    return error
                first, length = first + count, os.fstat(file).st_size
        finally:
            if self._file is not None:
                fcntl.flock(self._file, fcntl.LOCK_UN)
        return None

    def _fitting(self, lines: list[bytes], first: int, length: int) -> int:
        """How many lines the file still takes. One that is longer than a file may be has a file of its own."""
        if self.most <= 0:
            return len(lines) - first
        count = 0
        for line in lines[first:]:
            length += len(line)
            if length > self.most and not (count == 0 and length == len(line)):
                break
            count += 1
        return count

    def _append(self, file: int, begin: bytes, lines: list[bytes], length: int | None = None) -> Exception | None:
        """Write all of it. What a full disk takes of a line is taken back, where `length` says what was there."""
        text, done = begin + b"".join(lines), 0
        try:
            while done < len(text):
                done += os.write(file, text[done:])
        except OSError as error:
            count, whole = within(lines, done - len(begin))
            self.written += count
            if length is not None:
                os.ftruncate(file, length + (len(begin) + whole if count else 0))
            return error
        self.written += len(lines)
        return None

    def _locked(self) -> int:
        """The file that the path leads to, and nobody else writes to it."""
        while True:
            if self._file is None:
                self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                if os.path.samestat(os.stat(self.path), os.fstat(self._file)):
                    return self._file
            except FileNotFoundError:
                pass
            self._let_go()

    def _turn_over(self) -> None:
        """Move the files up by one; the oldest goes."""
        if self.kept < 1:
            self.path.unlink()
            return
        for number in range(self.kept - 1, 0, -1):
            if (older := self._numbered(number)).exists():
                older.replace(self._numbered(number + 1))
        self.path.replace(self._numbered(1))

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def _let_go(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _begun(file: int, length: int) -> bytes:
    """A line end, where whoever wrote before ended in the middle of a line."""
    return b"\n" if length and os.pread(file, 1, length - 1) != b"\n" else b""
