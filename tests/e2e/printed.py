"""Lines of access logs that are no JSON of the gate's own: on standard output, in files, at a receiver.

Owns waiting for them: the gate writes a line when an attempt is over, which may be after its client was answered.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .lab.gate import RunningGate

PATIENCE = 15.0  # seconds for a line
QUIET = 0.3  # seconds in which a line that is on its way would have been written

type Text = Callable[[], str]


class Printed:
    """What a text grows by from here on, which is lines of one form."""

    def __init__(self, text: Text, form: str) -> None:
        self._text, self._form = text, re.compile(form, re.MULTILINE)
        self._from = len(text())

    def __call__(self) -> list[dict[str, Any]]:
        """The lines so far, by the names of their parts."""
        return [found.groupdict() for found in self._form.finditer(self.text)]

    @property
    def text(self) -> str:
        return self._text()[self._from :]

    def wait(self, count: int) -> list[dict[str, Any]]:
        """So many lines, as soon as they are there, and no more."""
        deadline = time.monotonic() + PATIENCE
        while len(lines := self()) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(lines) == count, f"wanted {count} lines; there is {self.text!r}"
        return lines

    def one(self) -> dict[str, Any]:
        return self.wait(1)[0]

    def none(self) -> None:
        """Nothing comes."""
        time.sleep(QUIET)
        assert self.text == ""


def on_stdout(gate: RunningGate, form: str) -> Printed:
    return Printed(lambda: f"{gate.stdout()}\n" if gate.stdout() else "", form)


def in_file(path: Path, form: str) -> Printed:
    return Printed(lambda: path.read_text(encoding="utf-8") if path.exists() else "", form)


class Receiver:
    """Takes lines over TCP, as many connections as come."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.target = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.pieces: list[bytes] = []
        self.taken: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def text(self) -> str:
        return b"".join(self.pieces).decode()

    def hang_up(self) -> None:
        """Close what is open; more may come."""
        while self.taken:
            with suppress(OSError):  # the gate was faster
                self.taken.pop().shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.hang_up()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _accept(self) -> None:
        while True:
            try:
                taken, _ = self.listener.accept()
            except OSError:
                return
            self.taken.append(taken)
            thread = threading.Thread(target=self._read, args=(taken,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _read(self, taken: socket.socket) -> None:
        with taken:
            while data := taken.recv(65536):
                self.pieces.append(data)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on this thread's loopback."""
    made = Receiver()
    try:
        yield made
    finally:
        made.close()
