"""The process that all workers come from, as the supervisor has it: it loads the program once and forks for each seat.

Owns that process, and that there is one. It runs no event loop, knows no policy and serves nobody; what it does is
`offspring`'s. Workers are the supervisor's children, so its end is not theirs.
"""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Sequence

from outgate.workers.bonds import adopt_orphans
from outgate.workers.seat import Seat

REST = 2.0
"""Seconds between two starts: one that ends at once is not to keep a core busy."""


class Nursery:
    """`command` is the program and its arguments; `--worker`, with the descriptor of a socket, is added."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = tuple(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._started = 0.0
        self.failure = 0
        """The exit code with which it has last ended by itself: it could not load the program."""

    def start(self) -> None:
        """Raises `OSError`."""
        self.close()
        adopt_orphans()
        self._started = time.monotonic()
        self._control, theirs = socket.socketpair()
        with theirs:
            command = (*self._command, "--worker", str(theirs.fileno()))
            self._process = subprocess.Popen(command, pass_fds=(theirs.fileno(),))

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    @property
    def lives(self) -> bool:
        if self._process is None:
            return False
        self.failure = max(self._process.poll() or 0, self.failure)
        return self._process.returncode is None

    def replenish(self) -> None:
        """See that it is there when a worker has to be followed. Raises `OSError`."""
        if not self.lives and time.monotonic() - self._started > REST:
            self.start()

    def fill(self, seat: Seat) -> None:
        """Have a worker sit there. It says so itself, over the seat's socket; where that ends first, there is none.

        Raises `OSError`.
        """
        if not self.lives:
            self.start()
        assert self._control is not None
        seat.hand(self._control)

    def close(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.kill()
            self.failure = max(self._process.wait(), self.failure)
        self._control = self._process = None
