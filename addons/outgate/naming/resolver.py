"""A resolver for workloads, over UDP and TCP. It forwards nothing: who is known is asked of the gate.

Owns sockets, their bounds, and which outcome belongs to which answer. Knows neither policy nor the world's resolver.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from outgate.naming import message
from outgate.naming.message import Address, Kind, Malformed, NotAQuery, Outcome, Question
from outgate.policy.hosts import HostError, canonical_host

log = logging.getLogger(__name__)

TTL = 30
"""Seconds that an answer may be kept."""
PENDING = 256
"""Queries that are looked into at once; what comes on top is not answered, and asked again."""
CONNECTIONS = 64
IDLE = 10.0
"""Seconds that a connection may be silent."""
LENGTH = struct.Struct("!H")

type Look = Callable[[str, int], Awaitable[Sequence[Address] | None]]
"""A canonical name and the type asked for, to its addresses of both families; None for one that is not to be known."""


@dataclass(eq=False, slots=True)
class Resolver:
    """Serves sockets until it is closed."""

    look: Look
    running: set[asyncio.Task[None]] = field(default_factory=set)
    connections: int = 0
    open: list[asyncio.DatagramTransport | asyncio.Server] = field(default_factory=list)

    async def start(self, queries: socket.socket, calls: socket.socket) -> None:
        """Answer datagrams on the one and connections on the other, too."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), sock=queries)
        self.open += [transport, await asyncio.start_server(self._serve, sock=calls)]

    def close(self) -> None:
        for closing in self.open:
            closing.close()
        for task in self.running:
            task.cancel()

    async def answer(self, query: bytes) -> bytes:
        """The reply to one query. Raises NotAQuery where there is none to give."""
        flags = message.number(query)
        if flags & message.OPCODE:
            return message.answer(query, None, Outcome.NOT_IMPLEMENTED)
        try:
            asked = message.question(query)
        except Malformed:
            return message.answer(query, None, Outcome.MALFORMED)
        try:
            outcome, found = await self._found(asked)
        except Exception as error:
            log.error("a name could not be looked up", exc_info=error)
            outcome, found = Outcome.FAILED, []
        return message.answer(query, asked, outcome, found, TTL)

    async def _found(self, asked: Question) -> tuple[Outcome, list[Address]]:
        if asked.family != message.INTERNET or asked.kind in (0, *range(249, 256)):  # transfers, and questions for all
            return Outcome.REFUSED, []
        try:
            host = canonical_host(asked.name)
        except HostError:
            return Outcome.NO_SUCH_NAME, []
        found = await self.look(host, asked.kind)
        if found is None:
            return Outcome.NO_SUCH_NAME, []
        version = {Kind.A: 4, Kind.AAAA: 6}.get(asked.kind)  # type: ignore[call-overload]
        return Outcome.ANSWERED, [ip for ip in found if ip.version == version]

    def datagram(self, query: bytes, reply: Callable[[bytes], None]) -> None:
        if len(self.running) < PENDING:
            task = asyncio.get_running_loop().create_task(self._reply(query, reply))
            self.running.add(task)
            task.add_done_callback(self.running.discard)

    async def _reply(self, query: bytes, reply: Callable[[bytes], None]) -> None:
        try:
            answer = await self.answer(query)
        except NotAQuery:
            return
        reply(message.fitted(answer))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while self.connections <= CONNECTIONS:
                async with asyncio.timeout(IDLE):
                    (size,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
                    reply = await self.answer(await reader.readexactly(size))
                    writer.write(LENGTH.pack(len(reply)) + reply)
                    await writer.drain()
        except (NotAQuery, TimeoutError, OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.connections -= 1
            writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        def reply(answer: bytes) -> None:
            if self.transport is not None and not self.transport.is_closing():
                self.transport.sendto(answer, addr)

        self.resolver.datagram(data, reply)

    def error_received(self, exc: Exception) -> None:
        """A client that has left is none of our concern."""
