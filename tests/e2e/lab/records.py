"""What origins saw, as JSON lines in a file that the test reads while they run.

Owns writing and reading. An event is on disk before the peer gets the answer to it.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Record = dict[str, Any]


class Recorder:
    """The origins' side. `connection` numbers count over all servers that share the recorder."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()
        self._connections = itertools.count(1)

    def connection(self, server: str, peer: object, local: object) -> int:
        """A connection was accepted; nothing has been read from it yet. Gives its number."""
        number = next(self._connections)
        self.event("connection", server, number, peer=peer, local=local)
        return number

    def event(self, event: str, server: str, connection: int, **facts: Any) -> None:
        """Write one event, with the wall-clock time in seconds."""
        line = json.dumps({"event": event, "server": server, "connection": connection, "at": time.time(), **facts})
        with self._lock:
            if not self._file.closed:
                self._file.write(line + "\n")
                self._file.flush()

    def close(self) -> None:
        with self._lock:
            self._file.close()


class Records:
    """The test's side: events in the order in which they happened.

    `connection` (with `peer`, `local`), `tls` (facts), `tls_failed` (`error`), `request` (`line`, `headers`), `body`
    (`length`, `sha256`), `call` (gRPC), `message` (WebSocket), `closed` (`received`, in bytes of content).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.touch()
        self._from = self._last = 0

    def __call__(self, event: str = "", server: str = "") -> list[Record]:
        """Events since the last `forget`, all or of one kind and server."""
        wanted = (seen for seen in self._read()[self._from :] if not self._ends_earlier(seen))
        return [seen for seen in wanted if event in ("", seen["event"]) and server in ("", seen["server"])]

    def forget(self) -> None:
        """Start anew: what happened until now is no longer given, nor that a connection from before has ended."""
        seen = self._read()
        self._from, self._last = len(seen), max((each["connection"] for each in seen), default=0)

    def wait(
        self, wanted: Callable[[list[Record]], bool], event: str = "", server: str = "", within: float = 5.0
    ) -> list[Record]:
        """The events, once `wanted` says so of them. Raises TimeoutError with what there is."""
        deadline = time.monotonic() + within
        while not wanted(seen := self(event, server)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not seen within {within:g} s; there is {seen}")
            time.sleep(0.02)
        return seen

    def _read(self) -> list[Record]:
        """Whole lines only: the last one may still be being written."""
        text = self._path.read_text(encoding="utf-8")
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def _ends_earlier(self, seen: Record) -> bool:
        return seen["event"] == "closed" and seen["connection"] <= self._last
