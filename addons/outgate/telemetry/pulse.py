"""What is sent to a collector at intervals: the metrics, as they stand.

Owns the thread and its rhythm. Knows nothing of metrics: whoever has them gives a function, which is called in that
thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from outgate.telemetry.outbox import Sender, Telling


class Pulse[T]:
    """Calls `read` every `interval` seconds, and once more at the end, and sends what it returns."""

    def __init__(self, name: str, connect: Callable[[], Sender[T]], read: Callable[[], T], interval: float) -> None:
        self.name = name
        self.sent = self.failed = 0
        """Times that it arrived, and that it did not: what was not sent is in what is sent next."""
        self._connect, self._read, self._interval = connect, read, interval
        self._sender: Sender[T] | None = None
        self._end = threading.Event()
        self._telling = Telling(name)
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name=f"send-{self.name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Send a last time; `join` waits for that."""
        self._end.set()

    def join(self, timeout: float) -> None:
        if self._thread is None:
            return
        self._thread.join(max(0.0, timeout))
        if self._thread.is_alive() and self._sender is not None:
            self._sender.close()

    def _run(self) -> None:
        with suppress(Exception):  # why it cannot be is told by the first beat
            self._sender = self._connect()  # what it imports is better loaded before there is traffic
        over = False
        while not over:
            over = self._end.wait(self._interval)
            self._beat()
        if self._sender is not None:
            self._sender.close()

    def _beat(self) -> None:
        try:
            self._sender = self._sender or self._connect()
            self._sender.send([self._read()])
        except Exception as error:  # a collector that is away, or a certificate that is not there: next time, then
            self.failed += 1
            self._telling.failed(error)
        else:
            self.sent += 1
            self._telling.worked()
