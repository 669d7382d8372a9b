"""A port of the pod's loopback that leads to one of this machine's, where a test has a collector.

Owns copying bytes. A collector stays outside: gRPC's library keeps threads for all of the process, and those that are
born in a namespace never see anything else.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

from .namespaces import Lab

PATIENCE = 10.0  # seconds for the end


class Bridge:
    """From entering to leaving. `port` is the one of this machine."""

    def __init__(self, lab: Lab, port: int) -> None:
        with lab.enter(lab.pod):
            self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._serving = self._loop.create_task(self._serve())
        self._thread = threading.Thread(target=self._run, name="bridge", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._serving.cancel)
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._serving)
        self._loop.close()
        self._listener.close()

    async def _serve(self) -> None:
        async with asyncio.TaskGroup() as carrying:
            while True:
                near, _ = await self._loop.sock_accept(self._listener)
                carrying.create_task(self._carry(near))

    async def _carry(self, near: socket.socket) -> None:
        with near, socket.socket() as far, contextlib.suppress(OSError):
            far.setblocking(False)
            await self._loop.sock_connect(far, ("127.0.0.1", self._port))
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._copy(near, far))
                ways.create_task(self._copy(far, near))

    async def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        """Until either side has had enough; then the other one is told so."""
        with contextlib.suppress(OSError):
            while data := await self._loop.sock_recv(source, 65536):
                await self._loop.sock_sendall(sink, data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)
