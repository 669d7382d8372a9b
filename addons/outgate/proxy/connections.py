"""The sockets of one client connection: writing, closing and waiting, with back-pressure.

Owns `Transport` and how one is ended. Knows no HTTP and no policy.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import SupportsIndex

from outgate.upstream.connection import Connection

READ_SIZE = 64 * 1024
HIGH_WATER = 64 * 1024
"""Unsent bytes above which a writer counts as congested."""
OVERFULL = 1024 * 1024
"""Unsent bytes above which nothing more is read from whom they are for: far more than it takes to be congested, for who
speaks HTTP/2 may have to be heard before there is room."""
FLUSH_TIMEOUT = 5.0
"""Seconds that the peer of a closing connection may take nothing of what is still to be sent."""
ACKNOWLEDGED = 120
"""Where Linux has `tcpi_bytes_acked` in `tcp_info`."""


class Reader(asyncio.StreamReader):
    """Tells at once when the peer has come to its end, also where nobody reads."""

    ended: Callable[[], None] | None = None
    _seen: bytearray | None = None
    """What has come and was not read, as long as somebody looks at it."""
    _more: asyncio.Future[None] | None = None

    def look(self) -> None:
        """From now on, before anything has come, what comes can be looked at."""
        self._seen = bytearray()

    def looked(self) -> None:
        """Nobody looks any more."""
        self._seen = None

    async def peek(self, seen: int) -> bytes:
        """Waits until more than `seen` bytes have come, and leaves them unread. Fewer: no more will come."""
        assert self._seen is not None
        while len(self._seen) <= seen and not self.at_end:
            self._more = asyncio.get_running_loop().create_future()
            await self._more
        return bytes(self._seen)

    async def skip(self, count: int) -> None:
        """Reads so many bytes that have been looked at."""
        assert self._seen is not None
        await self.readexactly(count)
        del self._seen[:count]

    at_end = False

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        super().feed_data(data)
        if self._seen is not None:
            self._seen += bytes(data)
            self._wake()

    def _wake(self) -> None:
        if self._more is not None and not self._more.done():
            self._more.set_result(None)

    def feed_eof(self) -> None:
        super().feed_eof()
        self._tell()

    def set_exception(self, exc: Exception) -> None:
        super().set_exception(exc)
        self._tell()

    def _tell(self) -> None:
        self.at_end = True
        self._wake()
        if self.ended is not None:
            self.ended()


@dataclass(slots=True)
class Transport:
    """One open connection. `origin` is the upstream's own object, which a pool takes back."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    task: asyncio.Task[None] | None = None
    origin: Connection | None = None
    released: bool = False
    broken: bool = False
    """Whether the peer broke off instead of coming to an end."""
    ending: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        # TLS counts as full at another size than TCP, and below that `drain` would return at once.
        self.writer.transport.set_write_buffer_limits(high=HIGH_WATER)

    @property
    def congested(self) -> bool:
        """Whether `drain` would wait."""
        transport = self.writer.transport
        return not transport.is_closing() and transport.get_write_buffer_size() > HIGH_WATER

    @property
    def gone(self) -> bool:
        """Whether nothing can be written any more."""
        return self.writer.transport.is_closing()

    @property
    def overfull(self) -> bool:
        """Whether a peer has left so much unread that it is not listened to either."""
        transport = self.writer.transport
        return not transport.is_closing() and transport.get_write_buffer_size() > OVERFULL

    def write(self, data: bytes) -> None:
        if not self.gone:
            self.writer.write(data)

    async def drain(self) -> None:
        """Wait until there is room. A dead peer is found by whoever reads from it."""
        try:
            await self.writer.drain()
        except OSError:
            return

    def half_close(self) -> bool:
        """Send the end of our side. False where the transport cannot (TLS): then it is closed for both."""
        if self.writer.transport.is_closing():
            return True
        if not self.writer.can_write_eof():
            self.close()
            return False
        try:
            self.writer.write_eof()
        except OSError:
            self._drop()
        return True

    def close(self) -> None:
        """Flush and close; what a stuck peer does not take, or does not answer, is thrown away after a while."""
        if self.origin is not None:
            self.origin.remember()
            self.origin.over()
        if not self.writer.transport.is_closing():  # a second close would take TLS out of our hands
            self.writer.close()
        if self.ending is None and not self._flushed():
            self.ending = asyncio.get_running_loop().create_task(self._end())

    def _flushed(self) -> bool:
        """Whether a close has nothing to wait for: no unsent bytes, and no end of TLS."""
        return self.writer.can_write_eof() and not self.writer.transport.get_write_buffer_size()

    async def _end(self) -> None:
        """Whoever still takes of what was sent, however slowly, is not stuck."""
        closed, taken = asyncio.ensure_future(self.writer.wait_closed()), -1
        try:
            while not closed.done() and taken < (taken := self._taken()):
                await asyncio.wait([closed], timeout=FLUSH_TIMEOUT)
            over = closed.done() and closed.exception() is None
        finally:
            closed.cancel()
        if not over:  # too late, or broken
            self.abort()

    def _taken(self) -> int:
        """Bytes that the peer has acknowledged, while it is connected."""
        sock = self._socket()
        if sock is None:
            return 0
        try:
            information = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, ACKNOWLEDGED + 8)
            return int(struct.unpack_from("Q", information, ACKNOWLEDGED)[0])
        except (OSError, struct.error):
            return 0

    def abort(self) -> None:
        """Reset: nothing more is sent, and the peer is told that this is no regular end."""
        if self.origin is not None:
            self.origin.over()
        reset(self._socket())
        self._drop()

    def _drop(self) -> None:
        """Abort, unless it is over: asyncio's transport fails when it is aborted after its last byte has gone."""
        if self._socket() is not None:
            self.writer.transport.abort()

    def _socket(self) -> socket.socket | None:
        """The socket, while it is open."""
        try:
            sock: socket.socket | None = self.writer.get_extra_info("socket")
        except AttributeError:  # asyncio's TLS transport, closed twice
            return None
        return sock if sock is not None and sock.fileno() >= 0 else None


async def streams(sock: socket.socket) -> tuple[Reader, asyncio.StreamWriter]:
    """Streams on a copy of the socket, so that closing them leaves the caller its own."""
    loop = asyncio.get_running_loop()
    reader = Reader(loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport, _ = await loop.create_connection(lambda: protocol, sock=sock.dup())
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


def reset(sock: socket.socket | None) -> None:
    """Make the next close of a socket a reset."""
    if sock is not None:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            return
