"""The addon that looks at messages of WebSockets, behind all others that may change one.

Owns that a message which may not go on ends the WebSocket. What is looked for is `inline`'s.
"""

from __future__ import annotations

from collections.abc import Awaitable

from mitmproxy import http

from outgate.proxy.exchange import Exchange, exchange_of
from outgate.proxy.inline import Inline


class Watch:
    """Costs nothing where no document is about live messages."""

    def websocket_message(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        exchange = exchange_of(flow)
        return _look(exchange.inline, exchange, flow) if exchange.inline is not None else None


async def _look(inline: Inline, exchange: Exchange, flow: http.HTTPFlow) -> None:
    await inline.message(flow)
    if inline.stopped is not None:
        exchange.decision = inline.stopped
        exchange.failure = exchange.failure or inline.stopped.reason
