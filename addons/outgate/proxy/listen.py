"""The gate's own port: accept, bound, hand over.

Owns listening sockets, bound here or inherited as file descriptors, and the count of what is open. What a connection
becomes is `intake`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import socket
from collections import Counter
from collections.abc import Iterable

from outgate.proxy.connections import reset
from outgate.proxy.guard import trace
from outgate.proxy.intake import Intake
from outgate.proxy.peek import readable
from outgate.proxy.peer import TCP_SAVE_SYN
from outgate.proxy.plane import Plane

log = logging.getLogger(__name__)

BACKLOG = 4096
BATCH = 64
"""Connections accepted before those that are open get their turn."""
PAUSE = 0.05
"""Seconds to wait when the process has no file descriptor left."""


def bind(host: str, port: int) -> list[socket.socket]:
    """Listening sockets for an address; for an empty host, one for IPv4 and one for IPv6 where the machine has it.

    Raises `OSError`.
    """
    if host:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return [_listener(family, host, port)]
    sockets = [_listener(socket.AF_INET, "0.0.0.0", port)]
    port = sockets[0].getsockname()[1]
    try:
        sockets.append(_listener(socket.AF_INET6, "::", port))
    except OSError as error:
        if socket.has_ipv6 and error.errno not in (97, 99):  # address family not supported, address not available
            sockets[0].close()
            raise
    return sockets


def inherit(descriptors: Iterable[int]) -> list[socket.socket]:
    """Listening sockets that another process bound."""
    return [_ready(socket.socket(fileno=descriptor)) for descriptor in descriptors]


def _listener(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return _ready(sock)


def _allow_descriptors() -> None:
    """As many as may be had: the usual 1024 are fewer than the connections that are allowed, each with its origin's."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _ready(sock: socket.socket) -> socket.socket:
    sock.setblocking(False)
    with contextlib.suppress(OSError):  # whoever asks who is calling is then told less
        sock.setsockopt(socket.IPPROTO_TCP, TCP_SAVE_SYN, 1)
    return sock


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
        _allow_descriptors()
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
        while True:
            await readable(listener)
            try:
                for _ in range(BATCH):
                    sock, peer = listener.accept()
                    self._take(sock, peer[0])
            except BlockingIOError:
                continue
            except OSError as error:
                log.warning("cannot accept: %s", error)
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
