"""The sockets of a replay: what a client speaks is told by its first bytes, and served on the same port.

Owns accepting, CONNECT, TLS and the end of it all. It opens no connection to anybody.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from outgate.capture.serving.desk import Desk
from outgate.capture.serving.http1 import Http1
from outgate.capture.serving.http2 import Http2
from outgate.capture.serving.places import Arrival, Mode, split

log = logging.getLogger(__name__)

ALPN = ("h2", "http/1.1")
PREFACE = b"PRI * HTTP/2.0"
CONNECT = b"CONNECT "
HANDSHAKE = b"\x16"
MOST_HEAD = 64 * 1024
RETRY = 0.01
"""Seconds between looks at bytes that do not tell yet what they begin."""
PATIENCE = 10.0
"""Seconds that these may take."""
HEAD_END = b"\r\n\r\n"
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
REFUSED = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

type Contexts = Callable[[str, tuple[str, ...]], ssl.SSLContext]
"""A server's TLS context for a host, with the protocols that it offers. Raises `ValueError` for what is no host."""
type Dialled = Callable[[socket.socket], tuple[str, int]]
"""Where a redirected connection was going. Raises `OSError`."""


@dataclass(frozen=True, slots=True)
class Site:
    """What a replay is made of. `contexts` is None where no TLS is served."""

    desk: Desk
    mode: Mode
    contexts: Contexts | None
    dialled: Dialled


class Server:
    """Serves listening sockets until it is closed."""

    def __init__(self, site: Site, sockets: Iterable[socket.socket]) -> None:
        self._site = site
        self._sockets = list(sockets)
        self._tasks: set[asyncio.Task[None]] = set()
        self._open: set[socket.socket] = set()

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            loop.add_reader(sock.fileno(), self._accept, sock)

    async def close(self) -> None:
        """End every connection."""
        for sock in self._sockets:
            asyncio.get_running_loop().remove_reader(sock.fileno())
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for sock in (*self._sockets, *self._open):  # those whose task had not begun
            sock.close()

    def _keep(self, running: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(running)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _accept(self, listening: socket.socket) -> None:
        try:
            sock, _ = listening.accept()
        except OSError:  # the client has left, or too many files are open
            return
        sock.setblocking(False)
        self._open.add(sock)
        self._keep(self._connection(sock))

    async def _connection(self, sock: socket.socket) -> None:
        try:
            await self._serve(sock)
        except OSError:  # the client has left
            pass
        except Exception:
            log.exception("a connection of the replay failed")
        finally:
            sock.close()
            self._open.discard(sock)

    async def _serve(self, sock: socket.socket) -> None:
        arrival = Arrival(self._site.mode, "http")
        if self._site.mode is Mode.TRANSPARENT:
            arrival = Arrival(self._site.mode, "http", *self._site.dialled(sock))
        first = await _peek(sock)
        if first.startswith(CONNECT) and self._site.mode is not Mode.TRANSPARENT:
            host, port = await _connect(sock)
            arrival = Arrival(self._site.mode, "http", host, port)
            first = await _peek(sock)
        if first.startswith(HANDSHAKE):
            await self._secure(sock, arrival)
        elif first:
            reader, writer = await _streams(sock)
            await self._speak(arrival, reader, writer, second=first.startswith(PREFACE))

    async def _secure(self, sock: socket.socket, arrival: Arrival) -> None:
        """TLS, with a certificate for whatever host the client asks for."""
        if self._site.contexts is None:
            return
        try:
            context = _choosing(self._site.contexts, arrival.host or sock.getsockname()[0])
            reader, writer = await _streams(sock, context)
        except (OSError, ValueError):  # what TLS raises is an OSError
            self._site.desk.tally.handshakes += 1
            return
        secured = Arrival(arrival.mode, "https", arrival.host, arrival.port)
        chosen = writer.get_extra_info("ssl_object").selected_alpn_protocol()
        await self._speak(secured, reader, writer, second=chosen == "h2")

    async def _speak(
        self, arrival: Arrival, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, second: bool
    ) -> None:
        try:
            await (Http2 if second else Http1)(self._site.desk, arrival, reader, writer).run()
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


async def _streams(
    sock: socket.socket, context: ssl.SSLContext | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport, _ = await loop.connect_accepted_socket(lambda: protocol, sock, ssl=context)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


def _choosing(contexts: Contexts, default: str) -> ssl.SSLContext:
    """A context that becomes that of the host which the client names. Raises `ValueError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    named = contexts(default, ALPN)

    def choose(connection: ssl.SSLObject, host: str | None, _: ssl.SSLContext) -> int | None:
        try:
            connection.context = contexts(host.lower(), ALPN) if host else named
        except ValueError:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        return None

    context.sni_callback = choose
    return context


async def _peek(sock: socket.socket) -> bytes:
    """The first bytes, left where they are, as many as tell what is spoken; none where the client has left."""
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE
    while True:
        await _readable(sock)
        first = sock.recv(len(PREFACE), socket.MSG_PEEK)
        if not any(each.startswith(first) and each != first for each in (PREFACE, CONNECT)) or not first:
            return first
        if loop.time() > end:
            return first
        await asyncio.sleep(RETRY)


async def _readable(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(sock.fileno(), ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(sock.fileno())


async def _connect(sock: socket.socket) -> tuple[str, int]:
    """Take a CONNECT, no byte more, and say yes. Raises `OSError` where it names nothing."""
    loop = asyncio.get_running_loop()
    head, end = b"", loop.time() + PATIENCE
    while HEAD_END not in head:
        await _readable(sock)
        head = sock.recv(MOST_HEAD, socket.MSG_PEEK)
        if not head or len(head) == MOST_HEAD or loop.time() > end:
            raise ConnectionError("no whole CONNECT came")
        await asyncio.sleep(0 if HEAD_END in head else RETRY)
    sock.recv(head.index(HEAD_END) + len(HEAD_END))
    host, port = split(head.split(b" ", 2)[1].decode("latin-1"))
    if not host or not port:
        await loop.sock_sendall(sock, REFUSED)
        raise ConnectionError("a CONNECT without host and port")
    await loop.sock_sendall(sock, ESTABLISHED)
    return host, port
