"""The sockets of one client connection: writing, closing and waiting, with back-pressure.

Owns `Transport` and how one is ended. Knows no HTTP and no policy.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass

from outgate.upstream.connection import Connection

READ_SIZE = 64 * 1024
HIGH_WATER = 64 * 1024
"""Unsent bytes above which a writer counts as congested."""
FLUSH_TIMEOUT = 5.0
"""Seconds a closing connection may take to send what it was given."""


@dataclass(slots=True)
class Transport:
    """One open connection. `origin` is the upstream's own object, which a pool takes back."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    task: asyncio.Task[None] | None = None
    origin: Connection | None = None
    released: bool = False

    @property
    def congested(self) -> bool:
        return self.writer.transport.get_write_buffer_size() > HIGH_WATER

    def write(self, data: bytes) -> None:
        if not self.writer.transport.is_closing():
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
            self.writer.transport.abort()
        return True

    def close(self) -> None:
        """Flush and close; what a stuck reader does not take is thrown away after a while."""
        self.writer.close()
        asyncio.get_running_loop().call_later(FLUSH_TIMEOUT, self.writer.transport.abort)

    def abort(self) -> None:
        """Reset: nothing more is sent, and the peer is told that this is no regular end."""
        reset(self.writer.get_extra_info("socket"))
        self.writer.transport.abort()


def reset(sock: socket.socket | None) -> None:
    """Make the next close of a socket a reset."""
    if sock is not None:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            return
