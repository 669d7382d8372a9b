"""The gate's own port: accept, bound, hand over.

Owns the accepting and the count of what is open. Whose the listening sockets are is `outgate.sockets`'s, what a
connection becomes is `intake`'s.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter

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
        self.sources: Counter[str] = Counter()
        """Open connections by the address that they come from."""
        self.pending: dict[asyncio.Task[None], socket.socket] = {}
        """Those that are not known for what they are yet, the oldest first."""

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
                    sock, peer = listener.accept()
                    failing = False
                    self._take(sock, peer[0])
            except BlockingIOError:
                continue
            except OSError as error:
                if not failing:  # it may be so for long
                    log.warning("cannot accept: %s", error)
                failing = True
                self._push_out(0)
                await asyncio.sleep(PAUSE)

    def _take(self, sock: socket.socket, source: str) -> None:
        if self._full(source):
            reset(sock)
            sock.close()
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._push_out(self.plane.settings.limits.pending_connections)
        task = asyncio.get_running_loop().create_task(self._serve(sock))
        self.open.add(task)
        self.pending[task] = sock
        self.sources[source] += 1
        task.add_done_callback(lambda task: self._over(task, source))

    def _full(self, source: str) -> bool:
        """Whether a bound refuses one connection more; then it is counted."""
        limits, counts = self.plane.settings.limits, self.plane.counts
        if len(self.open) >= limits.connections:
            counts["connections_refused"] += 1
            return True
        if self.sources[source] >= limits.source_connections:
            counts["source_refused"] += 1
            return True
        return False

    def _push_out(self, most: int) -> None:
        """Of so many, who has been silent longest gives way: honest clients speak at once, a flood of silence never."""
        if self.pending and len(self.pending) >= most:
            oldest = next(iter(self.pending))
            reset(self.pending.pop(oldest))
            oldest.cancel()
            self.plane.counts["pending_dropped"] += 1

    def _over(self, task: asyncio.Task[None], source: str) -> None:
        self.open.discard(task)
        self.pending.pop(task, None)
        self.sources[source] -= 1
        if not self.sources[source]:
            del self.sources[source]

    def _known(self) -> None:
        """The connection of the running task waits for nothing any more that it owes us."""
        if (task := asyncio.current_task()) is not None:
            self.pending.pop(task, None)

    async def _serve(self, sock: socket.socket) -> None:
        try:
            intake = Intake(self.plane, sock, self._known)
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
