"""How a client connection ends because the gate does, and what may be finished before.

Owns what counts as under way. Sockets and layers are `handler`'s; the words are those of each protocol.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mitmproxy.connection import ConnectionState

from outgate.proxy.http2 import GateHttp2Server

if TYPE_CHECKING:
    from outgate.proxy.handler import Handler


def drain(handler: Handler) -> None:
    """End what nothing is under way on now, the others when that is over. To be called whenever something happened."""
    transport, begun = handler.transports.get(handler.client), getattr(handler.http, "server_side", None)
    if transport is None or begun is None:
        return
    if not handler.heard:
        if not handler.awaited:  # its first request may be on its way
            handler.awaited = True
            asyncio.get_running_loop().call_later(handler.limits.linger_timeout, _still_silent, handler)
        return
    if isinstance(begun, GateHttp2Server):
        transport.write(begun.farewell())
    if handler.http.streams or handler.waiting or handler.lingering or begun.unfinished:
        return
    handler.client.state = ConnectionState.CLOSED
    if isinstance(begun, GateHttp2Server):
        handler.linger(transport)  # it may not have heard yet that nothing more is taken
    else:
        transport.close()
        handler.closed.set()


def _still_silent(handler: Handler) -> None:
    transport = handler.transports.get(handler.client)
    if not handler.heard and transport is not None:
        handler.client.state = ConnectionState.CLOSED
        transport.close()
        handler.closed.set()
