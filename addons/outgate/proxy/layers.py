"""The HTTP layer of one client connection, and the guard around everything mitmproxy runs for it.

Owns which connection serves which stream. Dialling, pooling and judging are elsewhere; this only matches keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from mitmproxy import http
from mitmproxy.connection import Connection
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import (
    GetHttpConnection,
    GetHttpConnectionCompleted,
    HttpLayer,
    HTTPMode,
    RegisterHttpConnection,
)

from outgate.proxy.commands import LingeringClose, Release, Stopped
from outgate.proxy.counted import Counted
from outgate.proxy.exchange import ApprovedServer, Exchange
from outgate.proxy.http1 import GateHttp1Client, GateHttp1Server
from outgate.proxy.http2 import GateHttp2Client, GateHttp2Server
from outgate.proxy.origin_side import GetApprovedConnection, OriginSide
from outgate.proxy.stream import GateStream
from outgate.settings import Limits

type Commands = layer.CommandGenerator[None]

SEPARATOR = "\x1f"
"""Between the status, code and reason of a failed dial, which mitmproxy carries as one string."""
LATE = 2
"""Something may still be done for so many times the streams that a workload may have open."""


class Quiet(layer.Layer):
    """Takes everything, does nothing: what a connection is given once it has been broken off."""

    def _handle_event(self, event: events.Event) -> Commands:
        yield from ()


class OriginLayer(layer.Layer):
    """Opens an approved connection and puts the right protocol on it."""

    child: GateHttp1Client | GateHttp2Client

    def __init__(self, context: Context, limits: Limits) -> None:
        super().__init__(context)
        self.limits = limits

    def _handle_event(self, event: events.Event) -> Commands:
        error = yield commands.OpenConnection(self.context.server)
        if not error:
            self.child = self._protocol()
            self._handle_event = self.child.handle_event  # type: ignore[method-assign]
            yield from self.child.handle_event(event)
        yield RegisterHttpConnection(self.context.server, error)

    def _protocol(self) -> GateHttp1Client | GateHttp2Client:
        if self.context.server.alpn == b"h2":
            return GateHttp2Client(self.context, self.limits)
        return GateHttp1Client(self.context, self.limits.header_bytes, self._wants_informational)

    def _wants_informational(self, response: http.Response) -> bool:
        return self.context.client.alpn != b"h2"


class GateHttpLayer(HttpLayer):
    """HTTP/1 or HTTP/2 with the workload; its streams each get an approved connection."""

    server_side: GateHttp1Server | GateHttp2Server

    def __init__(self, context: Context, limits: Limits) -> None:
        super().__init__(context, HTTPMode.transparent)
        self.limits = limits

    def _handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, events.Start):
            self.server_side = self._client_protocol()
            self.connections[self.context.client] = self.server_side
        if isinstance(event, Stopped):
            stream = self.streams.get(event.stream_id)
            if stream is not None:
                yield from self.event_to_child(stream, event)
            return
        if isinstance(event, events.ConnectionEvent) and event.connection not in self.connections:
            return  # a connection that was released or dropped while its last event was under way
        yield from super()._handle_event(event)

    def _client_protocol(self) -> GateHttp1Server | GateHttp2Server:
        if self.context.client.alpn == b"h2":
            return GateHttp2Server(self.context.fork(), self.limits)
        return GateHttp1Server(self.context.fork(), self.limits.header_bytes)

    def make_stream(self, stream_id: int) -> Commands:
        if len(self.streams) >= LATE * self.limits.streams and isinstance(self.server_side, GateHttp2Server):
            # Also counted are streams that were reset while their origin was dialled: a reset does not make room.
            yield Counted("streams_refused")
            yield from self.server_side.refuse(stream_id)
            return
        self.streams[stream_id] = GateStream(self.context.fork(), stream_id, self)
        yield from self.event_to_child(self.streams[stream_id], events.Start())

    def event_to_child(self, child: layer.Layer, event: events.Event) -> Commands:
        for command in super().event_to_child(child, event):
            if isinstance(command, Release):
                self.connections.pop(command.connection, None)
            yield command

    # Connections.

    def get_connection(self, event: GetHttpConnection, *, reuse: bool = True) -> Commands:
        assert isinstance(event, GetApprovedConnection)
        if (shared := self._multiplexed(event)) is not None:
            if shared in self.waiting_for_establishment:
                self.waiting_for_establishment[shared].append(event)
            else:
                yield from self._reply(event, (shared, None))
            return
        yield from self._open(event)

    def _multiplexed(self, event: GetApprovedConnection) -> Connection | None:
        """An HTTP/2 origin connection of this client for the same target, open or about to be."""
        assert event.exchange is not None
        if event.fresh:
            return None
        for known in self.connections:
            if not isinstance(known, ApprovedServer) or known.target != event.exchange.target:
                continue
            if known in self.waiting_for_establishment or self._takes_more(known, event.exchange):
                return known
        return None

    def _takes_more(self, known: ApprovedServer, exchange: Exchange) -> bool:
        speaking = getattr(self.connections[known], "child", None)
        if not known.connected or not isinstance(speaking, GateHttp2Client) or speaking.leaving:
            return False
        if known.outdated():
            return False
        origin = exchange.passage.origin if exchange.passage is not None else None
        most = origin.resilience.limits.streams_per_connection if origin is not None else None
        return most is None or speaking.h2_conn.open_outbound_streams < most

    def _open(self, event: GetApprovedConnection) -> Commands:
        assert event.exchange is not None
        assert event.exchange.target is not None
        context = self.context.fork()
        server = ApprovedServer(address=event.address)
        server.target = event.exchange.target
        server.prior_knowledge = event.exchange.prior_knowledge
        if event.exchange.passage is not None and not server.prior_knowledge:
            server.limited = event.exchange.passage.origin
        server.reused = not event.fresh and not server.prior_knowledge
        context.server = server
        _ping(context, event.exchange)
        origin = OriginLayer(context, self.limits)
        self.connections[server] = origin
        self.waiting_for_establishment[server].append(event)
        yield from self.event_to_child(origin, events.Start())

    def register_connection(self, command: RegisterHttpConnection) -> Commands:
        waiting = self.waiting_for_establishment.pop(command.connection)
        if command.err:
            self.connections.pop(command.connection, None)
            _note_failure(command.connection, waiting)
        shareable = bool(command.err) or command.connection.alpn == b"h2"
        for event in waiting if shareable else waiting[:1]:
            yield from self._reply(event, (None, command.err) if command.err else (command.connection, None))
        for event in () if shareable else waiting[1:]:
            assert isinstance(event, GetApprovedConnection)
            yield from self._open(event)

    def _reply(self, event: GetHttpConnection, reply: tuple[None, str] | tuple[Connection, None]) -> Commands:
        stream = self.command_sources.pop(event)
        yield from self.event_to_child(stream, GetHttpConnectionCompleted(event, reply))

    # For streams.

    def note_close(self, close: bool) -> None:
        """The workload asked to close after this exchange."""
        if close and isinstance(self.server_side, GateHttp1Server):
            self.server_side.close_after = True

    def close_after_answer(self, response: http.Response, unread: bool) -> None:
        if isinstance(self.server_side, GateHttp1Server):
            response.headers["connection"] = "close"
            self.server_side.close_after = True

    def end_answer(self, stream_id: int, unread: bool) -> Commands:
        """An answer went out while the request still comes in: some of it is swallowed, then no more is taken."""
        if not unread:
            return
        if isinstance(self.server_side, GateHttp1Server):
            yield LingeringClose(self.context.client)
        else:
            self.server_side.refuse_rest(stream_id)
            yield commands.SendData(self.context.client, self.server_side.h2_conn.data_to_send())

    def withheld(self, stream_id: int) -> int:
        """Bytes of an answer that wait for the workload's window."""
        side = self.server_side
        return side.pending(stream_id) if isinstance(side, GateHttp2Server) else 0

    @staticmethod
    def explain_error(error: str) -> tuple[int, str, str]:
        """The status, code and reason in the error of a failed dial."""
        status, _, rest = error.partition(SEPARATOR)
        code, _, reason = rest.partition(SEPARATOR)
        return (int(status), code, reason) if reason else (503, "connect_failed", error)

    def forget(self, stream: OriginSide) -> None:
        """A stream has done with its origin connection; those that have ended are not looked at again."""
        speaking = getattr(self.connections.get(stream.context.server), "child", None)
        if isinstance(speaking, GateHttp2Client):
            speaking.forget(stream.stream_id)
        used = {known.context.server for known in self.streams.values() if known is not stream}
        for server in [known for known in self.connections if isinstance(known, ApprovedServer)]:
            if not server.connected and server not in used and server not in self.waiting_for_establishment:
                del self.connections[server]

    def spare(self, reply: object) -> Commands:
        """An origin connection came too late for its stream. One that is not shared goes back unused."""
        server = reply[0] if isinstance(reply, tuple) and reply else None
        known = self.connections.get(server) if isinstance(server, ApprovedServer) else None
        if known is not None and isinstance(server, ApprovedServer) and isinstance(known.child, GateHttp1Client):  # type: ignore[attr-defined]
            yield Release(server)

    def paused(self, connection: Connection) -> bool:
        """Whether what comes on a connection of HTTP/1 waits behind a dial or a hook. HTTP/2 is bounded by windows."""
        known = self.connections.get(connection)
        speaking = getattr(known, "child", None) if isinstance(known, OriginLayer) else known
        if not isinstance(speaking, GateHttp1Server | GateHttp1Client) or speaking.stream_id is None:
            return False
        stream = self.streams.get(speaking.stream_id)
        return stream is not None and stream._paused is not None

    @property
    def heading(self) -> bool:
        """Whether the workload has begun a request's head and not ended it."""
        return isinstance(self.server_side, GateHttp1Server) and self.server_side.heading

    @property
    def resting(self) -> bool:
        """Whether this is HTTP/1, and nothing is under way or begun."""
        side = getattr(self, "server_side", None)
        waiting = isinstance(side, GateHttp1Server) and side.state == side.read_headers and not side.buf
        return waiting and not self.streams

    @property
    def owed(self) -> dict[int, float]:
        """Streams of HTTP/2 that owe the rest of their request, and since when, by the monotonic clock."""
        return self.server_side.owed if isinstance(self.server_side, GateHttp2Server) else {}

    @property
    def embodying(self) -> bool:
        """Whether the workload owes the rest of a request's body in HTTP/1; streams are looked at one by one."""
        side = self.server_side
        return isinstance(side, GateHttp1Server) and side.state == side.read_body

    def unreported(self) -> Iterator[GateStream]:
        """Streams that the client left before they were over."""
        return (stream for stream in list(self.streams.values()) if isinstance(stream, GateStream))


def _ping(context: Context, exchange: Exchange) -> None:
    """As often as the policy of the origin says, where it says."""
    origin = exchange.passage.origin if exchange.passage is not None else None
    if origin is not None and origin.resilience.http2_ping is not None:
        interval = max(1, round(origin.resilience.http2_ping[0]))
        options: Any = context.options
        context.options = replace(options, http2_ping_keepalive=interval)


def _note_failure(server: Connection, waiting: list[GetHttpConnection]) -> None:
    """For whoever tells of it afterwards: the layers are told less."""
    if not isinstance(server, ApprovedServer) or server.failed is None:
        return
    for event in waiting:
        if isinstance(event, GetApprovedConnection) and event.exchange is not None:
            event.exchange.tries[-1].fail(server.failed.code, server.failed)


class Guard:
    """Stands where mitmproxy expects the top layer. A layer that raises is replaced by silence, and `crash` is told."""

    def __init__(self, child: layer.Layer, crash: Callable[[BaseException], None]) -> None:
        self.child = child
        self.crash = crash

    def handle_event(self, event: events.Event) -> Commands:
        try:
            yield from self.child.handle_event(event)
        except BaseException as error:
            self.child = Quiet(self.child.context)
            self.crash(error)
