"""The way into an endpoint of ours: how many may be inside, and how many of those who will be turned away.

Owns accepting, for tornado would take everybody, and would try without a pause where no descriptor is left for one.
What is said inside is `admin`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Callable

from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream, SSLIOStream

log = logging.getLogger(__name__)

MOST = 64
"""Open connections; more are closed at once."""
MOST_STRANGERS = 8
"""Of these, such as only wait to be refused: they are nobody's who could leave no room for others."""
PAUSE = 0.5
"""Seconds until the next try where nobody could be let in."""


class Visit(IOStream):
    """A connection that is counted as long as it holds its descriptor."""

    over: Callable[[], None]

    def close_fd(self) -> None:
        super().close_fd()
        self.over()


class SecureVisit(SSLIOStream):
    """The same over TLS."""

    over: Callable[[], None]

    def close_fd(self) -> None:
        super().close_fd()
        self.over()


class Door:
    """Lets connections in to `server`. `stranger` tells of a connection whether it will not be answered; `secure` gives
    what it is to be served TLS by."""

    def __init__(
        self,
        server: HTTPServer,
        stranger: Callable[[socket.socket], bool],
        secure: Callable[[], ssl.SSLContext] | None = None,
        most: int = MOST,
    ) -> None:
        self._server, self._stranger, self._secure, self._most = server, stranger, secure, most
        self._inside = {False: 0, True: 0}
        self._listeners: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []

    def open(self, listener: socket.socket) -> None:
        listener.setblocking(False)
        self._listeners.append(listener)
        self._accepting.append(asyncio.get_running_loop().create_task(self._accept(listener)))

    async def close(self) -> None:
        """Let nobody in any more. Who is inside stays."""
        for task in self._accepting:
            task.cancel()
        await asyncio.gather(*self._accepting, return_exceptions=True)
        for listener in self._listeners:
            listener.close()

    async def _accept(self, listener: socket.socket) -> None:
        loop, failing = asyncio.get_running_loop(), False
        while True:
            try:
                sock, address = await loop.sock_accept(listener)
            except ConnectionError:  # left while it waited
                continue
            except OSError as error:
                if not failing:
                    log.warning("the admin endpoint cannot accept: %s", error)
                failing = True
                await asyncio.sleep(PAUSE)
                continue
            failing = False
            self._enter(sock, address)

    def _enter(self, sock: socket.socket, address: tuple[object, ...]) -> None:
        try:
            strange = self._stranger(sock)
        except OSError:  # it has no peer any more
            sock.close()
            return
        if sum(self._inside.values()) >= self._most or (strange and self._inside[True] >= MOST_STRANGERS):
            sock.close()
            return
        with contextlib.suppress(OSError):  # a socket file's has no such delay
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            visit = self._visit(sock)
        except OSError:  # it left before it could be served TLS
            sock.close()
            return
        self._inside[strange] += 1
        visit.over = lambda: self._left(strange)
        self._server.handle_stream(visit, address)

    def _visit(self, sock: socket.socket) -> Visit | SecureVisit:
        most = self._server.max_buffer_size
        if self._secure is None:
            return Visit(sock, max_buffer_size=most)
        wrapped = self._secure().wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return SecureVisit(wrapped, max_buffer_size=most)

    def _left(self, strange: bool) -> None:
        self._inside[strange] -= 1
