"""Origin connections of one client: obtained for an approved target, described to addons, given back.

Owns the last gate: a connection that carries no approval is never dialled, and neither is one that an addon changed.
How to dial is `upstream`'s; which requests share a connection is `layers`'.
"""

from __future__ import annotations

import asyncio
import time
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from cryptography import x509
from mitmproxy import certs, hooks, http
from mitmproxy.connection import Connection, ConnectionState
from mitmproxy.proxy import commands, events, server_hooks
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from mitmproxy.websocket import WebSocketMessage

from outgate.policy.model import Code
from outgate.proxy import websockets
from outgate.proxy.connections import Transport
from outgate.proxy.exchange import ApprovedServer, Exchange
from outgate.proxy.layers import SEPARATOR
from outgate.upstream import connect as upstream
from outgate.upstream.connection import Connection as Origin
from outgate.upstream.errors import UpstreamError
from outgate.upstream.slots import Overflow

if TYPE_CHECKING:
    from outgate.proxy.handler import Handler


async def open_origin(handler: Handler, command: commands.OpenConnection) -> None:
    """Obtain the connection, tell the layers, and serve it until it ends or is released."""
    server = command.connection
    try:
        error = await _obtain(handler, server)
    finally:
        handler.goes_on()
    transport = handler.transports.get(server)
    handler.feed(events.OpenConnectionCompleted(command, error))
    if transport is not None and transport.released:  # whoever wanted it does not any more
        _give_back(handler, transport)
    elif error is None:
        assert isinstance(server, ApprovedServer)
        await _serve(handler, server)


async def _obtain(handler: Handler, server: Connection) -> str | None:
    """The error that the layers are told, or None."""
    if not isinstance(server, ApprovedServer):
        handler.plane.counts["unapproved"] += 1
        return _failure(502, Code.POLICY_FAILURE, "the connection was not approved")
    try:
        idle = await _idle(handler, server)
    except UpstreamError as error:
        return _not_reached(server, error)
    except Overflow:
        return _failure(503, "overflow", "too many connections to this origin, and too many wait for one")
    server.reused = idle is not None
    if idle is not None:
        _adopt(handler, server, idle)
        return None
    data = ServerConnectionHookData(server=server, client=handler.client)
    try:
        why = await _dial(handler, server, data)
    finally:
        if server.limited is not None and server.origin is None:
            handler.plane.slots.failed(server.limited)
    if why is not None:
        server.error = server.error or why.rpartition(SEPARATOR)[2]
        await handler.fire(server_hooks.ServerConnectErrorHook(data))
    return why


async def _idle(handler: Handler, server: ApprovedServer) -> Origin | None:
    """A connection that another exchange has left in good order. None: a new one may be opened, perhaps after a wait.
    Raises `Overflow`, and `UpstreamError`."""
    plane = handler.plane
    if not server.reused and server.limited is None:
        return None
    key = await upstream.key_of(server.target, plane.environment)

    def idle() -> Origin | None:
        return plane.pool.acquire(key) if server.reused else None

    return idle() if server.limited is None else await plane.slots.take(server.limited, idle)


async def _dial(handler: Handler, server: ApprovedServer, data: ServerConnectionHookData) -> str | None:
    await handler.fire(server_hooks.ServerConnectHook(data))
    if (changed := _changed(server)) is not None:
        return changed
    server.timestamp_start = time.time()
    try:
        connection = await upstream.connect(server.target, handler.plane.environment)
    except UpstreamError as error:
        return _not_reached(server, error)
    if server.limited is not None:
        handler.plane.slots.opened(server.limited, connection)
    _adopt(handler, server, connection)
    await handler.fire(server_hooks.ServerConnectedHook(data))
    if (changed := _changed(server)) is not None:
        handler.transports.pop(server).abort()
        return changed
    return None


def _changed(server: ApprovedServer) -> str | None:
    """An addon may refuse a connection; it may not send it elsewhere."""
    if server.error:
        return _failure(502, Code.POLICY_FAILURE, server.error)
    if server.address != (server.target.host, server.target.port) or server.via is not None:
        return _failure(502, Code.POLICY_FAILURE, "an addon changed the approved destination")
    return None


def _not_reached(server: ApprovedServer, error: UpstreamError) -> str:
    server.failed = error
    return _failure(error.status, error.code, error.message)


def _failure(status: int, code: str, reason: str) -> str:
    return f"{status}{SEPARATOR}{code}{SEPARATOR}{reason}"


def _adopt(handler: Handler, server: ApprovedServer, connection: Origin) -> None:
    server.timestamp_tcp_setup = time.time()
    server.origin = connection
    server.outdated = partial(handler.plane.environment.outdated, connection, server.target)
    server.peername, server.sockname = connection.peername, connection.sockname
    server.alpn = b"h2" if server.prior_knowledge else None
    if (tls := connection.tls) is not None:
        server.tls, server.timestamp_tls_setup = True, time.time()
        server.sni, server.cipher = tls.sni, tls.cipher
        server.tls_version = tls.version  # type: ignore[assignment]
        server.alpn = tls.alpn.encode() if tls.alpn else None
        server.certificate_list = [_certificate(der) for der in tls.chain]
    server.state = ConnectionState.OPEN
    transport = Transport(connection.reader, connection.writer, asyncio.current_task(), connection)
    handler.transports[server] = transport


@lru_cache(256)
def _certificate(der: bytes) -> certs.Cert:
    return certs.Cert(x509.load_der_x509_certificate(der))


async def _serve(handler: Handler, server: ApprovedServer) -> None:
    transport = handler.transports.get(server)
    if transport is None:
        return
    try:
        await handler.read_origin(server)
    except asyncio.CancelledError:
        if not transport.released:
            raise
    finally:
        if transport.released:
            _give_back(handler, transport)
        else:
            await _end(handler, server, transport)


async def _end(handler: Handler, server: ApprovedServer, transport: Transport) -> None:
    if handler.transports.get(server) is transport:
        del handler.transports[server]
    server.state, server.timestamp_end = ConnectionState.CLOSED, time.time()
    transport.close()
    data = ServerConnectionHookData(server=server, client=handler.client)
    await handler.fire(server_hooks.ServerDisconnectedHook(data))


def _give_back(handler: Handler, transport: Transport) -> None:
    assert transport.origin is not None
    if handler.plane.draining or transport.reader.at_eof():
        transport.close()
    else:
        handler.plane.pool.release(transport.origin)


def release(handler: Handler, server: Connection) -> None:
    """The exchange is complete: stop reading for this client and let another one have the connection."""
    transport = handler.transports.pop(server, None)
    if transport is None:
        return
    transport.released = True
    if transport.task is not None and transport.task is not asyncio.current_task():
        transport.task.cancel()


def close(transport: Transport) -> None:
    """The layers are done with an origin connection; whoever reads it sees its end and cleans up."""
    transport.close()


def _count(exchange: Exchange, message: WebSocketMessage) -> None:
    if message.from_client:
        exchange.sent_bytes += len(message.content)
    else:
        exchange.received_bytes += len(message.content)
    if exchange.tap is not None and not message.dropped:
        exchange.tap.message(message.content, from_client=message.from_client, text=message.is_text)


def after_hook(handler: Handler, hook: hooks.Hook) -> None:
    """What no layer looks at after a hook: a failed WebSocket hook, and a history that would grow without end."""
    if not hook.name.startswith("websocket_"):
        return
    (flow,) = hook.args()
    exchange = flow.__dict__.get("outgate")
    if exchange is None or exchange.failure:
        handler.abort(exchange.failure if exchange else "a WebSocket without an exchange")
    elif isinstance(flow, http.HTTPFlow) and flow.websocket is not None:
        if hook.name == "websocket_message":
            _count(exchange, flow.websocket.messages[-1])
        elif hook.name == "websocket_end" and exchange.tap is not None:
            exchange.tap.close_code = flow.websocket.close_code or 0
        limits = handler.limits
        websockets.trim(flow.websocket.messages, limits.websocket_history, limits.websocket_history_bytes)
