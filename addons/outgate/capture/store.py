"""Where kept exchanges go: a bounded queue, and a thread that writes files.

Owns the bounds, when a file is followed by another, and what is told when nothing can be written. Whoever hands an
exchange over never waits: a full disk and a slow one cost records, which are counted, and nothing else. A process that
is killed loses the record being written and what still waits here; a record waits only while others are written.
"""

from __future__ import annotations

import collections
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from outgate.capture import record
from outgate.capture.files import CaptureFile
from outgate.capture.retention import prune
from outgate.policy.redaction_model import CapturePolicy
from outgate.redact.exchange import Request, Response
from outgate.redact.redacted import Redacted

log = logging.getLogger(__name__)

RETRY = 1.0
"""Seconds after a failure in which nothing is tried."""
TOLD = 10.0
"""Seconds in which it is told once that records are lost: a disk that is nearly full takes some and others not."""
TICK = 60.0
"""Seconds between looks at the age of files."""
AT_ONCE = 256 * 1024
"""Bytes of records that are written together, where so many wait."""
OVERHEAD = 1024
"""Bytes of an exchange beside its bodies and messages, about."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of what waits to be written."""

    waiting: int = 4096
    bytes: int = 32 * 1024 * 1024


class Store:
    """The files of one `EgressCapture`, of this process. `start` it in the process that goes on: a fork takes no
    threads along."""

    def __init__(
        self, policy: CapturePolicy, bounds: Bounds | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self.policy = policy
        self.folder = Path(policy.folder)
        self.bounds = bounds or Bounds()
        self.written = self.refused = self.failed = 0
        """Records that are in a file, and those lost because too much waited, or because they could not be written."""
        self._clock = clock
        self._waiting: collections.deque[tuple[Redacted, int]] = collections.deque()
        self._taken = self._done = 0
        """Bytes put in and taken out; each has one thread that counts."""
        self._wake = threading.Event()
        self._closing = False
        self._file: CaptureFile | None = None
        self._resumes = self._looked = self._told = float("-inf")
        self._lost_before: int | None = None
        """What had been lost when it was told that writing fails; None while that is not so, or was not told."""
        self._thread = threading.Thread(target=self._run, name=f"capture-{policy.name}", daemon=True)

    @property
    def dropped(self) -> int:
        return self.refused + self.failed

    def start(self) -> None:
        self._thread.start()

    def put(self, kept: Redacted) -> bool:
        """Hand over an exchange. False: it is lost, and counted. Never waits."""
        if not isinstance(kept, Redacted):
            raise TypeError(f"{type(kept).__name__} cannot be kept; only what the pipeline has been over can")
        size, bounds = weight(kept), self.bounds
        if self._closing or len(self._waiting) >= bounds.waiting or self._taken - self._done + size > bounds.bytes:
            self.refused += 1
            return False
        self._taken += size
        self._waiting.append((kept, size))
        if not self._wake.is_set():
            self._wake.set()
        return True

    def close(self, timeout: float = 2.0) -> None:
        """Write what waits, within a bound, and end the file."""
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        closing = False
        while not closing:
            self._wake.wait(min(TICK, self.policy.rotate_seconds))
            self._wake.clear()
            closing = self._closing
            while self._waiting:
                self._write(self._together())
                self._turn()
            self._turn()
        self._end()

    def _together(self) -> list[tuple[Redacted, int]]:
        """Some of what waits, the first at least, and no more than the file has room for."""
        room = min(AT_ONCE, self._largest - (self._file.size if self._file is not None else 0))
        taken = [self._waiting.popleft()]
        room -= taken[0][1]
        while self._waiting and (room := room - self._waiting[0][1]) >= 0:
            taken.append(self._waiting.popleft())
        return taken

    def _write(self, records: list[tuple[Redacted, int]]) -> None:
        lines = []
        for kept, _ in records:
            try:
                lines.append(record.write(kept))
            except Exception as error:  # whatever it is, it is this record's: the thread has to live
                self._fail(1, error)
        try:
            if lines and time.monotonic() < self._resumes:
                self.failed += len(lines)
            elif lines:
                self._append(b"".join(lines))
                self.written += len(lines)
                self._recovered()
        except Exception as error:
            self._fail(len(lines), error)
        finally:
            self._done += sum(size for _, size in records)

    def _append(self, lines: bytes) -> None:
        if self._file is None:
            self.folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            self._prune()
            self._file = CaptureFile(self.folder, self._clock())
        self._file.append(lines)
        if self._file.size >= self._largest:
            self._end()

    @property
    def _largest(self) -> int:
        return min(self.policy.rotate_bytes, self.policy.max_bytes)

    def _turn(self) -> None:
        """What time alone brings: a file that is old is ended, and older ones go."""
        now = time.monotonic()
        if self._file is not None and now - self._file.begun >= self.policy.rotate_seconds:
            self._end()
        if now - self._looked >= TICK and self.folder.is_dir():
            self._prune()

    def _prune(self) -> None:
        """Leaves room for the file that is written now."""
        self._looked = time.monotonic()
        oldest = self._clock() - self.policy.retention if self.policy.retention > 0 else float("-inf")
        try:
            prune(self.folder, oldest, self.policy.max_bytes - (self._largest if self._file is None else 0))
        except OSError as error:
            log.warning("old files of the capture in %s cannot be looked for: %s", self.folder, error)

    def _end(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _fail(self, lost: int, error: Exception) -> None:
        self.failed += lost
        if self._file is not None:
            self._file.drop()
            self._file = None
        now = time.monotonic()
        self._resumes = now + RETRY
        if self._lost_before is None and now - self._told >= TOLD:
            self._lost_before, self._told = self.dropped - lost, now
            log.error("the capture in %s cannot be written, exchanges pass without: %s", self.folder, error)

    def _recovered(self) -> None:
        if self._lost_before is not None:
            lost, self._lost_before = self.dropped - self._lost_before, None
            log.warning("the capture in %s is written again; %d exchanges are missing", self.folder, lost)


def weight(kept: Redacted) -> int:
    """Bytes that an exchange holds on to, about."""
    exchange = kept.exchange
    sides = _weight(exchange.request) + _weight(exchange.response)
    return OVERHEAD + sides + sum(len(each.content) for each in exchange.messages)


def _weight(side: Request | Response | None) -> int:
    if side is None:
        return 0
    return len(side.body.content or b"") + sum(len(name) + len(value) for name, value in side.fields)
