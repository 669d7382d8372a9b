"""Origins under a test's control: in a lab's world, or on this machine's loopback.

Owns starting, addresses, the record and stopping. What they serve is `upstreams`' business.
"""

from __future__ import annotations

import asyncio
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from .namespaces import Lab
from .records import Records
from .upstreams import Addresses, Server, serve

PATIENCE = 15.0  # seconds until servers that do not start are given up


class Origins(ABC):
    """What a test sees of running origins. `records` gives what they saw."""

    def __init__(self, servers: Iterable[Server]) -> None:
        self._servers = tuple(servers)
        self._stack = ExitStack()
        self._addresses: Addresses = {}
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="outgate-seen-"))
        self._seen = Path(folder, "seen")
        self.records = Records(self._seen)

    def address(self, name: str, index: int = 0) -> tuple[str, int]:
        """Where a server listens: host and port, in the order of its `listen`."""
        host, port = self._addresses[name][index]
        return host, port

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @abstractmethod
    def _start(self) -> None:
        """Start, fill `_addresses`, and put on the stack what stops it again."""


class LabOrigins(Origins):
    """Origins in a process of their own, in a lab's world."""

    def __init__(self, lab: Lab, servers: Iterable[Server]) -> None:
        super().__init__(servers)
        self._lab = lab

    def _start(self) -> None:
        config = json.dumps({"records": str(self._seen), "servers": [asdict(server) for server in self._servers]})
        package = Path(__file__).parent
        environment = {**os.environ, "PYTHONPATH": str(package.parent)}
        process = self._lab.popen_in(
            self._lab.world,
            [sys.executable, "-m", f"{package.name}.upstreams", "--config", config],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self._stack.callback(_end, process)
        self._process = process
        self._addresses = json.loads(_first_line(process))

    def signal(self, number: signal.Signals) -> None:
        """To the process of all origins: one that is stopped still takes connections, and says nothing."""
        self._process.send_signal(number)


class LocalOrigins(Origins):
    """Origins in a thread of this process. Their `listen` addresses are loopback ones, with port 0."""

    def _start(self) -> None:
        self._ready = threading.Event()
        self._failure: Exception | None = None
        self._loop = asyncio.new_event_loop()
        self._serving = self._loop.create_task(serve(self._servers, self._seen, self._note))
        thread = threading.Thread(target=self._run, name="origins", daemon=True)
        thread.start()
        self._stack.callback(thread.join, PATIENCE)
        self._stack.callback(self._cancel)
        if not self._ready.wait(PATIENCE) or not self._addresses:
            raise RuntimeError(f"the origins did not start: {self._failure}")

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serving)
        except asyncio.CancelledError:
            pass
        except Exception as error:
            self._failure = error
        finally:
            self._ready.set()
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    def _note(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self._ready.set()

    def _cancel(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._serving.cancel)


def _first_line(process: subprocess.Popen[Any]) -> str:
    """What the process prints when it is ready. Raises RuntimeError when it ends or stays silent."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        line = str(process.stdout.readline()) if selector.select(PATIENCE) else ""
    if not line:
        raise RuntimeError(f"the origins did not start (exit code {process.poll()})")
    return line


def _end(process: subprocess.Popen[Any]) -> None:
    process.terminate()
    process.wait(PATIENCE)
    if process.stdout:
        process.stdout.close()
