"""The process that redacts for a gate: it reads the memory that both have, until the gate closes it or is gone.

Owns its life: when it sleeps and is woken, what it still does at the end, and that no signal to a terminal or a group
of processes ends it before its gate. It is started by `attendant`, has descriptors of nothing else, and says what it
has to say through the gate.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import marshal
import os
import pickle
import select
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from outgate.capture.redacting import Redacting

BEAT = 0.02
"""Seconds in which more may come before what waits is redacted: what comes together is written together."""
IDLE = 1.0
"""Seconds after which it looks whether it should have been woken."""
LAST = 60.0
"""Seconds for what waits when the gate is gone."""
LONGEST = 4096
"""Characters of what is said."""


class Said(logging.Handler):
    """To the gate, as far as it listens: what it does not take is lost."""

    def __init__(self, line: socket.socket) -> None:
        super().__init__()
        self._line = line

    def emit(self, record: logging.LogRecord) -> None:
        told = (record.name, record.levelno, record.getMessage()[:LONGEST])
        with contextlib.suppress(OSError):
            self._line.send(marshal.dumps(told), socket.MSG_DONTWAIT)


class Process:
    def __init__(self, redacting: Redacting, wake: int, line: socket.socket) -> None:
        self._redacting, self._wake, self._line = redacting, wake, line
        self._poll = select.poll()
        for descriptor in (wake, line.fileno()):
            self._poll.register(descriptor, select.POLLIN)
        self._until = float("inf")

    def run(self) -> None:
        """Until the end that the gate sets, or that it comes to itself."""
        while True:
            self._redacting.work(self._until)
            self._redacting.turn()
            if self._ending:
                break
            self._wait()
        self._redacting.close()

    @property
    def _ending(self) -> bool:
        """Whether this was the last time. What comes while it is found out is for another one."""
        if self._until < float("inf"):
            return True
        if until := self._redacting.until:
            self._until = until
        return False

    def _wait(self) -> None:
        """Until there is something to do, and a moment more for what comes with it."""
        if not self._redacting.waiting and self._until == float("inf"):
            self._redacting.asleep(True)
            if not self._redacting.waiting:
                self._listen(IDLE)
            self._redacting.asleep(False)
        if self._until == float("inf"):
            self._listen(BEAT)

    def _listen(self, seconds: float) -> None:
        for descriptor, _ in self._poll.poll(seconds * 1000):
            if descriptor == self._wake:
                os.eventfd_read(self._wake)
            else:  # the gate says nothing here: it is gone
                self._until = min(self._until, time.monotonic() + LAST)


def main(arguments: list[str]) -> None:
    """The descriptors of the memory, of what wakes it, of a socket to the gate, and of what it begins with."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    from outgate.capture.redacting import begun  # most of what it takes to start

    memory, wake, talk, beginning = map(int, arguments)
    with open(beginning, "rb") as file:
        keeping, master = pickle.load(file)
    with socket.socket(fileno=talk) as line:
        logging.basicConfig(level=logging.INFO, handlers=[Said(line)])
        process = Process(begun(memory, keeping, master), wake, line)
        gc.freeze()
        process.run()


if __name__ == "__main__":
    main(sys.argv[1:])
