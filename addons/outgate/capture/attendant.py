"""The gate's side of the process that redacts: it is started, heard, and followed by another one where it ends.

Owns the process, and a thread that waits for it. One that ends, or cannot be started, costs captures at most: they wait
in memory for the next one. What kills two of them at the same place is left out.
"""

from __future__ import annotations

import logging
import marshal
import os
import pickle
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from outgate.capture.shared import AT, SKIP, UNTIL, Shared
from outgate.policy.redaction_model import KeepingPolicy

log = logging.getLogger(__name__)

MODULE = "outgate.capture.process"
SHORTEST, LONGEST = 0.1, 60.0
"""Seconds before another one is started: twice as long each time, until one has lived long."""
LONG = 60.0
"""Seconds."""
GONE = 1.0
"""Seconds for one that was killed to be gone: not even that ends what waits for a broken disk."""
MESSAGE = 1 << 16
EARLIER = 0.8
"""Of the time for the end, the part in which the process is to end by itself."""


class Attendant:
    """`start` it in the process that goes on: a fork takes no threads along. `in_force` tells what holds at the ring's
    tail."""

    def __init__(self, shared: Shared, master: bytes, in_force: Callable[[], KeepingPolicy]) -> None:
        self.wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._shared, self._master, self._in_force = shared, master, in_force
        self._ending = threading.Event()
        self._until = float("inf")
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._killed_at = 0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
            self._thread.start()

    def close(self, timeout: float) -> None:
        """Have what waits dealt with, within a bound; `join` waits for that."""
        now = time.monotonic()
        self._until = now + timeout
        self._shared.moment[UNTIL] = now + EARLIER * timeout
        self._ending.set()
        os.eventfd_write(self.wake, 1)

    def join(self) -> None:
        """Wait as long as `close` has said. The process does not outlive that."""
        if self._thread is not None:
            self._thread.join(max(0.0, self._until - time.monotonic()))
            if self._thread.is_alive() and self._process is not None:
                self._process.kill()
                self._thread.join(GONE)
        os.close(self.wake)

    # In the thread.

    def _run(self) -> None:
        pause = SHORTEST
        while True:
            begun = time.monotonic()
            why = self._attend()
            now = time.monotonic()
            if self._ending.is_set() and (now >= self._until or not self._shared.waiting):
                return
            pause = SHORTEST if now - begun >= LONG else pause
            if not self._ending.is_set():
                log.error("the process that redacts captures %s; another one is started in %g s", why, pause)
            self._look()
            self._ending.wait(pause)
            if self._ending.is_set():
                time.sleep(SHORTEST)
            pause = min(LONGEST, 2 * pause)

    def _attend(self) -> str:
        """From its start to its end; how it ended."""
        try:
            line = self._started()
        except Exception as error:  # whatever it is, traffic goes on
            return f"cannot be started: {error}"
        assert self._process is not None
        with line:
            while told := line.recv(MESSAGE):
                name, level, text = marshal.loads(told)
                logging.getLogger(name).log(level, "%s", text)
        code = self._process.wait()
        return f"was ended by signal {-code}" if code < 0 else f"has ended with code {code}"

    def _started(self) -> socket.socket:
        """Raises `OSError`."""
        line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with theirs, os.fdopen(os.memfd_create("outgate-beginning"), "w+b") as beginning:
                pickle.dump((self._in_force(), self._master), beginning)
                beginning.flush()
                beginning.seek(0)
                handed = (self._shared.descriptor, self.wake, theirs.fileno(), beginning.fileno())
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", MODULE, *map(str, handed)],
                    env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=handed,
                    start_new_session=True,
                )
        except BaseException:
            line.close()
            raise
        return line

    def _look(self) -> None:
        """What two have ended at is left out by the next one."""
        words = self._shared.words
        at, words[AT] = words[AT], 0  # nobody else's now; the next one may end before it comes to say its own
        if at and at == self._killed_at:
            words[SKIP] = at
        self._killed_at = at or self._killed_at
