"""When bytes may be read on: back-pressure between the connections of one client.

Owns the rule. An HTTP/1 connection is not read while its counterpart is full; an HTTP/2 connection is always read,
because its window updates serve other streams, and gives windows back only when the counterpart of a stream has room.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from mitmproxy.connection import Connection

from outgate.proxy.connections import HIGH_WATER, Transport
from outgate.proxy.http1 import GateHttp1Client, GateHttp1Server
from outgate.proxy.http2 import GateHttp2Client, GateHttp2Server
from outgate.proxy.layers import GateHttpLayer, OriginLayer

type Http2 = GateHttp2Server | GateHttp2Client


class FlowControl:
    """For one client connection and its origins."""

    def __init__(self, http: GateHttpLayer, transports: Mapping[Connection, Transport]) -> None:
        self.http = http
        self.transports = transports
        self.drains: dict[Connection, asyncio.Task[None]] = {}
        """One for each congested connection: one that never drains keeps nobody waiting for another."""
        self.moved = asyncio.Event()
        self.closed = False

    def protocol(self, connection: Connection) -> object:
        found = self.http.connections.get(connection)
        return getattr(found, "child", None) if isinstance(found, OriginLayer) else found

    async def make_room(self, source: Connection) -> None:
        """Wait until what `source` may send next has somewhere to go."""
        own = self.transports.get(source)
        if own is not None and own.overfull:
            await own.drain()  # who takes no answers is asked nothing more
        protocol = self.protocol(source)
        if isinstance(protocol, GateHttp2Server | GateHttp2Client):
            return
        while isinstance(protocol, GateHttp1Server) and protocol.pipelined > HIGH_WATER and not self.closed:
            await self._next()
        for connection in self._counterparts(source):
            await self._has_room(connection, protocol)

    def _counterparts(self, source: Connection) -> list[Connection]:
        client = self.http.context.client
        if source is not client:
            return [client]
        return [connection for connection in self.transports if connection is not client]

    async def _has_room(self, connection: Connection, source: object) -> None:
        transport = self.transports.get(connection)
        if transport is not None and transport.congested:
            await transport.drain()
        protocol = self.protocol(connection)
        if not isinstance(protocol, GateHttp2Server | GateHttp2Client):
            return
        while (stream := _stream_of(source)) is not None and protocol.pending(stream) > HIGH_WATER:
            if self.closed or connection not in self.transports:
                return
            await self._next()

    async def _next(self) -> None:
        """Wait until something has happened on any of the connections."""
        self.moved.clear()
        await self.moved.wait()

    def settle(self) -> None:
        """After every event: give back the windows whose bytes have gone on."""
        self.moved.set()
        for connection, transport in list(self.transports.items()):
            protocol = self.protocol(connection)
            if isinstance(protocol, GateHttp2Server | GateHttp2Client) and protocol.debts:
                self._settle(connection, transport, protocol)

    def _settle(self, source: Connection, transport: Transport, protocol: Http2) -> None:
        for stream_id in list(protocol.debts):
            if (full := self._full(source, protocol.target(stream_id))) is not None:
                self._settle_when_drained(full)
            elif data := protocol.settle(stream_id):
                transport.write(data)

    def _full(self, source: Connection, stream_id: int) -> Connection | None:
        """The connection that keeps a stream's bytes from going on."""
        stream = self.http.streams.get(stream_id)
        if stream is None:
            return None
        client = self.http.context.client
        if stream._paused is not None:
            return client  # behind a dial or a hook; when that is over there is an event
        target: Connection = stream.context.server if source is client else client
        transport = self.transports.get(target)
        if transport is not None and transport.congested:
            return target
        protocol = self.protocol(target)
        if isinstance(protocol, GateHttp2Server | GateHttp2Client) and protocol.pending(stream_id) > HIGH_WATER:
            return target
        return None

    def _settle_when_drained(self, connection: Connection) -> None:
        """A drained socket is no event of the layers, so something has to wait for it."""
        transport = self.transports.get(connection)
        if transport is None or not transport.congested or connection in self.drains:
            return
        task = self.drains[connection] = asyncio.get_running_loop().create_task(transport.drain())
        task.add_done_callback(lambda _: self._drained(connection))

    def _drained(self, connection: Connection) -> None:
        del self.drains[connection]
        if not self.closed:
            self.settle()

    def close(self) -> None:
        """Nothing waits any longer."""
        self.closed = True
        self.moved.set()
        for task in self.drains.values():
            task.cancel()


def _stream_of(source: object) -> int | None:
    """Which stream an HTTP/1 connection is serving: it serves one at a time."""
    if isinstance(source, GateHttp1Client):
        return source.stream_id
    return getattr(source, "stream_id", None)
