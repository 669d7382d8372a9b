"""Where lines go: each sink has a queue with a bound and a thread of its own.

Owns the queue, what is counted when it is full or a line cannot be written, and what is told of that. Whoever writes
never waits: a stalled reader, a full disk and a receiver that is gone cost lines, and nothing else.
"""

from __future__ import annotations

import collections
import logging
import threading
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import BinaryIO

from outgate.telemetry.turn import Alone

log = logging.getLogger(__name__)

GATHER = 0.05
"""Seconds in which lines are gathered into one write: waking the thread for each would cost more than the line."""
MAX_WAITING = 32 * 1024 * 1024
"""Bytes that wait for a sink's thread; what comes on top is dropped."""
TOLD = 10.0
"""Seconds in which it is told once that lines are lost: a disk that is nearly full takes some and others not."""


class Cut(Exception):
    """Only part of a line was written, and why."""


class Sink[Line]:
    """A queue and a thread. Whoever makes one says how lines are sent."""

    what = "the access log"
    """What it is called where it is told that it cannot be written."""

    def __init__(self, *, starts: bool = True) -> None:
        self.waiting: collections.deque[Line] = collections.deque()
        self.written = 0
        self.refused = self.failed = 0
        """Lines lost because too many waited, and because they could not be written."""
        self.taken = self.done = 0
        """Bytes handed to the thread and finished by it; each has one thread that counts."""
        self.wake = threading.Event()
        self.closing = False
        self._lost_before: int | None = None
        """What had been lost when it was told that writing fails; None while that is not so, or was not told."""
        self._told = -TOLD
        self.thread: threading.Thread | None = None
        if starts:
            self.thread = threading.Thread(target=self._run, name="access-log", daemon=True)
            self.thread.start()

    @property
    def dropped(self) -> int:
        return self.refused + self.failed

    @property
    def ended(self) -> bool:
        """Nothing is written any more."""
        return self.thread is not None and not self.thread.is_alive()

    def put(self, line: Line) -> None:
        """Hand over a line. Never waits."""
        if self.thread is None:
            return
        if self.closing or self.taken - self.done >= MAX_WAITING:
            self.refused += 1
            return
        self.taken += self.size(line)
        self.waiting.append(line)
        if not self.wake.is_set():
            self.wake.set()

    def close(self, timeout: float = 2.0) -> None:
        """Write what waits, within a bound; without waiting for that where it is 0."""
        self.closing = True
        self.wake.set()
        if self.thread is not None and timeout > 0:
            self.thread.join(timeout)

    def size(self, line: Line) -> int:
        raise NotImplementedError

    def send(self, lines: list[Line]) -> Exception | None:
        """Send all of them, or say why not. Counts what was sent in `written`; what was not is lost. In the thread."""
        raise NotImplementedError

    def finish(self) -> None:
        """Nothing more comes. In the thread."""

    def _run(self) -> None:
        while not self.closing or self.waiting:
            self.wake.wait()
            if not self.closing:
                time.sleep(GATHER)
            self.wake.clear()
            self._send_waiting()
        self.finish()

    def _send_waiting(self) -> None:
        lines = []
        while self.waiting:
            lines.append(self.waiting.popleft())
        if not lines:
            return
        before, error = self.written, None
        try:
            error = self.send(lines)
        except Exception as raised:  # the disk is full or the reader is gone: the gate goes on
            error = raised
        self.failed += len(lines) - (self.written - before)
        self._tell_of(error)
        self.done += sum(map(self.size, lines))

    def _tell_of(self, error: Exception | None) -> None:
        """When writing begins to fail, and when it does not any more."""
        if error is not None and self._lost_before is None and time.monotonic() - self._told >= TOLD:
            self._lost_before, self._told = self.dropped, time.monotonic()
            log.error("%s cannot be written, its lines are dropped and counted: %s", self.what, error)
        elif error is None and self._lost_before is not None:
            lost, self._lost_before = self.dropped - self._lost_before, None
            log.warning("%s is written again; %d lines more were lost", self.what, lost)


class StreamSink(Sink[bytes]):
    """Writes lines to a binary stream, in order; in `turn` where others write, too.

    The stream is better one without a buffer: it would keep what it could not write, and write it among later lines.
    """

    def __init__(self, stream: BinaryIO | None, turn: AbstractContextManager[bytes] | None = None) -> None:
        self.stream = stream
        self.turn = turn or Alone()
        super().__init__(starts=stream is not None)

    def size(self, line: bytes) -> int:
        return len(line)

    def send(self, lines: list[bytes]) -> Exception | None:
        with self.turn as begin:
            return self._put(begin, lines)

    def _put(self, begin: bytes, lines: list[bytes]) -> Exception | None:
        """Write all of it, or say why not. Raises `Cut` where the next line needs a line end before it."""
        assert self.stream is not None
        whole, done = begin + b"".join(lines), 0
        try:
            while done < len(whole):
                if (more := self.stream.write(whole[done:])) is None:
                    raise BlockingIOError("standard output does not take anything now")
                done += more
            self.stream.flush()
        except (OSError, ValueError) as error:
            if whole[:done].endswith(b"\n") or not (done or begin):
                return error
            raise Cut(str(error)) from error
        finally:
            self.written += within(lines, done - len(begin))[0]
        return None


def within(lines: Sequence[bytes], size: int) -> tuple[int, int]:
    """How many of the lines lie whole in their first bytes, and how many bytes these are. A format may have a line go
    over several."""
    count = length = 0
    while count < len(lines) and length + len(lines[count]) <= size:
        length += len(lines[count])
        count += 1
    return count, length
