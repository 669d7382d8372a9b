"""What waits to be sent to a collector, and the thread that sends it.

Owns the bounds: how many wait, how many bytes they hold on to, how many leave at once, how long an end may take. What
is too much is dropped and counted, and whoever hands things over never waits. Knows no protocol.
"""

from __future__ import annotations

import collections
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

log = logging.getLogger(__name__)

MAX_BYTES = 16 * 1024 * 1024
TOLD = 10.0
"""Seconds in which it is told once that things are lost."""


class Sender[T](Protocol):
    """Sends batches. Used by one thread, and may take its time."""

    def send(self, batch: Sequence[T]) -> None:
        """Raises where it did not arrive; the message says why."""

    def close(self) -> None:
        """From any thread: give up what is under way."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of an outbox."""

    waiting: int = 2048
    batch: int = 512
    delay: float = 1.0
    """Seconds that something waits for company."""
    bytes: int = MAX_BYTES


class Outbox[T]:
    """A bounded queue with a thread of its own. `connect` makes the sender, in that thread: it may import a lot."""

    def __init__(self, name: str, connect: Callable[[], Sender[T]], bounds: Bounds | None = None) -> None:
        self.name = name
        self.bounds = bounds or Bounds()
        self.sent = self.refused = self.failed = 0
        """What arrived, what was dropped because too much waited, and what could not be sent."""
        self._under_way = 0
        self._over = False
        self._connect = connect
        self._sender: Sender[T] | None = None
        self._waiting: collections.deque[tuple[T, int]] = collections.deque()
        self._taken = self._done = 0
        """Bytes put in and taken out; each has one thread that counts."""
        self._wake = threading.Event()
        self._closing = False
        self._telling = Telling(name)
        self._thread: threading.Thread | None = None

    @property
    def dropped(self) -> int:
        """What was lost, all in all. After the end that is also what was left."""
        return self.refused + self.failed + (len(self._waiting) + self._under_way if self._over or self.ended else 0)

    @property
    def ended(self) -> bool:
        """Nothing is sent any more."""
        return self._thread is not None and not self._thread.is_alive()

    def __len__(self) -> int:
        return len(self._waiting)

    def start(self) -> None:
        """Not before the process is the one that goes on: a fork takes no threads along."""
        self._thread = threading.Thread(target=self._run, name=f"send-{self.name}", daemon=True)
        self._thread.start()

    def put(self, item: T, size: int = 0) -> bool:
        """Hand over something that holds on to `size` bytes. False: there is no room. Never waits."""
        if not self.takes(size):
            return False
        self._taken += size
        self._waiting.append((item, size))
        if len(self._waiting) >= self.bounds.batch and not self._wake.is_set():
            self._wake.set()
        return True

    def takes(self, size: int = 0) -> bool:
        """Whether there is room for something; what there is none for is counted as dropped."""
        bounds = self.bounds
        if self._closing or len(self._waiting) >= bounds.waiting or self._taken - self._done + size > bounds.bytes:
            self.refused += 1
            return False
        return True

    def close(self) -> None:
        """Take nothing more and send what waits; `join` waits for that."""
        self._closing = True
        self._wake.set()

    def join(self, timeout: float) -> None:
        """Wait for the end, so long; then what is left is lost, and counted."""
        if self._thread is not None:
            self._thread.join(max(0.0, timeout))
        self._over = True
        if self._thread is not None and self._thread.is_alive() and self._sender is not None:
            self._sender.close()

    def _run(self) -> None:
        try:
            self._sender = self._connect()
        except Exception as error:  # a certificate that is not there, say: the gate goes on without
            self._telling.failed(error)
        closing = False
        while not closing:
            full = self._wake.wait(self.bounds.delay)
            self._wake.clear()
            closing = self._closing
            if not self._send_waiting(self.bounds.batch if full and not closing else 1) and self._closing:
                break
        if self._sender is not None:
            self._sender.close()

    def _send_waiting(self, least: int) -> bool:
        """In batches, as long as so many wait. False: near the end, where a collector that does not answer is not asked
        twice."""
        while len(self._waiting) >= least and not self._over:
            batch = self._next()
            self._under_way = len(batch)
            arrived = self._send(batch)
            self._under_way = 0
            if arrived:
                self.sent += len(batch)
            else:
                self.failed += len(batch)
            if self._closing and not arrived:
                return False
        return True

    def _next(self) -> list[T]:
        batch: list[T] = []
        while self._waiting and len(batch) < self.bounds.batch:
            item, size = self._waiting.popleft()
            self._done += size
            batch.append(item)
        return batch

    def _send(self, batch: list[T]) -> bool:
        if self._sender is None:
            return False
        try:
            self._sender.send(batch)
        except Exception as error:  # whatever it is, it is the batch's: the thread has to live
            self._telling.failed(error)
            return False
        self._telling.worked()
        return True


class Telling:
    """Says when sending begins to fail and when it does not any more, and not more often than is of use."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self._clock = clock
        self._since: float | None = None
        self._told = -TOLD

    def failed(self, error: Exception) -> None:
        now = self._clock()
        if self._since is None and now - self._told >= TOLD:
            self._since = self._told = now
            log.error("%s cannot be exported, they are dropped and counted: %s", self.name, error)

    def worked(self) -> None:
        if self._since is not None:
            log.warning("%s are exported again after %.0f s", self.name, self._clock() - self._since)
            self._since = None
