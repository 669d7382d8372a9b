"""The gate's own port: accept, bound, hand over.

Owns the accepting and the count of what is open. Whose the listening sockets are is `outgate.sockets`'s, what a
connection becomes is `intake`'s.
"""

from __future__ import annotations

import asyncio
import logging
import socket

from outgate.proxy.connections import reset
from outgate.proxy.guard import trace
from outgate.proxy.intake import Intake
from outgate.proxy.peek import readable
from outgate.proxy.plane import Plane

log = logging.getLogger(__name__)

BATCH = 64
"""Connections accepted before those that are open get their turn."""
PAUSE = 0.05
"""Seconds to wait when the process has no file descriptor left."""


class Listener:
    """Accepts until it is closed; connections that are open then go on."""

    def __init__(self, plane: Plane, sockets: list[socket.socket]) -> None:
        self.plane = plane
        self.sockets = sockets
        self.accepting: list[asyncio.Task[None]] = []
        self.open: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self.accepting = [loop.create_task(self._accept(sock)) for sock in self.sockets]

    async def close(self) -> None:
        """Take no more connections."""
        for task in self.accepting:
            task.cancel()
        await asyncio.gather(*self.accepting, return_exceptions=True)
        for sock in self.sockets:
            sock.close()

    async def drained(self, within: float) -> int:
        """Wait for open connections to end; those that have not by then are broken off. Returns how many those were."""
        for live in list(self.plane.live):
            live.drain()
        if self.open:
            await asyncio.wait(self.open, timeout=within)
        late = list(self.open)
        for live in list(self.plane.live):
            try:
                live.abort("the gate is stopping")
            except Exception as error:
                self._failed(error)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=self.plane.settings.limits.linger_timeout)
        return len(late)

    async def _accept(self, listener: socket.socket) -> None:
        failing = False
        while True:
            await readable(listener)
            try:
                for _ in range(BATCH):
                    sock, _ = listener.accept()
                    failing = False
                    self._take(sock)
            except BlockingIOError:
                continue
            except OSError as error:
                if not failing:  # it may be so for long
                    log.warning("cannot accept: %s", error)
                failing = True
                await asyncio.sleep(PAUSE)

    def _take(self, sock: socket.socket) -> None:
        if len(self.open) >= self.plane.settings.limits.connections:
            self.plane.counts["connections_refused"] += 1
            reset(sock)
            sock.close()
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = asyncio.get_running_loop().create_task(self._serve(sock))
        self.open.add(task)
        task.add_done_callback(self.open.discard)

    async def _serve(self, sock: socket.socket) -> None:
        try:
            intake = Intake(self.plane, sock)
        except OSError:  # reset while it waited to be accepted: it has no peer any more
            self.plane.counts["left_early"] += 1
            sock.close()
            return
        try:
            await intake.serve()
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            self._failed(RuntimeError("cancelled from inside"))
        except BaseException as error:
            self._failed(error)
        finally:
            sock.close()

    def _failed(self, error: BaseException) -> None:
        """A defect of ours closes one connection and nothing else."""
        self.plane.counts["crashes"] += 1
        log.error("a connection was closed because it failed: %s\n%s", type(error).__name__, trace(error))
