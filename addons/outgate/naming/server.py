"""The resolver's sockets: UDP and TCP.

Owns the bounds of what waits for an answer. What is answered is `answering.py`'s.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

type Answer = Callable[[bytes], Awaitable[bytes]]

PENDING = 1024
"""Queries that are being answered; what comes beyond is not, and its client asks again."""
CONNECTIONS = 64
PATIENCE = 10.0
"""Seconds for the next query on a TCP connection."""
LONGEST = 4096
"""Bytes of a query."""


class NameServer:
    """Answers until it is closed."""

    def __init__(self, answer: Answer, datagrams: list[socket.socket], listeners: list[socket.socket]) -> None:
        self.answer = answer
        self.sockets = datagrams
        self.listeners = listeners
        self.tasks: set[asyncio.Task[None]] = set()
        self.connections = 0
        self._transports: list[asyncio.DatagramTransport] = []
        self._servers: list[asyncio.Server] = []

    @property
    def port(self) -> int:
        port: int = self.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        for sock in self.sockets:
            transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), sock=sock)
            self._transports.append(transport)
        for sock in self.listeners:
            self._servers.append(await asyncio.start_server(self._serve, sock=sock, limit=LONGEST))

    async def close(self) -> None:
        for transport in self._transports:
            transport.close()
        for server in self._servers:
            server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def asked(self, message: bytes, reply: Callable[[bytes], None]) -> None:
        """Answer a datagram as soon as there is an answer."""
        if len(self.tasks) < PENDING:
            self._keep(asyncio.get_running_loop().create_task(self._reply(message, reply)))

    async def _reply(self, message: bytes, reply: Callable[[bytes], None]) -> None:
        if answer := await self.answer(message):
            reply(answer)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            if self.connections <= CONNECTIONS:
                with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                    await self._converse(reader, writer)
        finally:
            self.connections -= 1
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            async with asyncio.timeout(PATIENCE):
                size = int.from_bytes(await reader.readexactly(2))
                if not 0 < size <= LONGEST:
                    return
                answer = await self.answer(await reader.readexactly(size))
                if not answer:
                    return
                writer.write(len(answer).to_bytes(2) + answer)
                await writer.drain()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self.server = server
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        def reply(answer: bytes) -> None:
            if self.transport is not None and not self.transport.is_closing():
                self.transport.sendto(answer, addr)

        if len(data) <= LONGEST:
            self.server.asked(data, reply)
