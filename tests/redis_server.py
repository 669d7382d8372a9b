"""A real Redis for tests, which can be taken away and brought back; without the program, tests skip and say so."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Server:
    """A Redis of the test's own, which can be taken away and brought back."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "redis.sock"
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self) -> None:
        command = ["redis-server", "--port", "0", "--unixsocket", str(self.socket), "--save", ""]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=self.socket.parent)
        deadline = time.monotonic() + 10
        while not self.socket.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def stop(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.socket.unlink(missing_ok=True)

    def signal(self, number: int) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)


@contextmanager
def redis_server(folder: Path) -> Iterator[Server]:
    pytest.importorskip("redis", reason="the extra redis is not installed")
    if shutil.which("redis-server") is None:
        pytest.skip("there is no redis-server")
    made = Server(folder)
    try:
        yield made
    finally:
        made.stop()
