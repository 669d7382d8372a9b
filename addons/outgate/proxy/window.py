"""mitmweb's page where people may look and do nothing: what is over is shown, as it could be kept.

Owns that no flow that passes is ever given to the page. It gets copies that were redacted, without the beginning of
what is long, once an exchange is over.
"""

from __future__ import annotations

from functools import partial
from io import BytesIO

from mitmproxy import flow, http
from mitmproxy.io import FlowWriter

from outgate.proxy.exchange import Exchange, exchange_of
from outgate.proxy.flowfile import made
from outgate.proxy.marks import comment, sign
from outgate.proxy.stages import Kept
from outgate.proxy.web import HELD, Web
from outgate.redact.redacted import Redacted, cut

SHOWN_BODY = 64 * 1024
"""Bytes of a body, decoded and redacted, that a copy has."""


class Window(Web):
    """In place of `Web`. Nothing is held, and nobody is waited for."""

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        if flow.response is None and flow.error is None:
            exchange_of(flow).request_kept = Kept(HELD)

    def request(self, flow: http.HTTPFlow) -> None:
        """Shown when all of it is over."""

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        if flow.response is not None:
            exchange_of(flow).response_kept = Kept(HELD)

    response = websocket_message = error = request

    def outgate_exchange(self, flow: http.HTTPFlow) -> None:
        exchange = exchange_of(flow)
        self.copies.later(flow, partial(self._show, exchange, flow.response))

    def _show(self, exchange: Exchange, response: http.Response | None, kept: Redacted) -> None:
        """Of the exchange no more than codes and the names of documents is told beside."""
        failure = (exchange.error_code or "failed") if exchange.failure else ""
        kept = cut(kept, SHOWN_BODY)
        copy = made(kept)
        copy.id = kept.exchange.id
        copy.comment = comment(kept.exchange.verdict, exchange, response, failure, kept)
        copy.marked = sign(exchange)
        self.master.view.add([copy])
        assert isinstance(copy, http.HTTPFlow)
        self.remember(copy)

    async def dump(self, flows: list[flow.Flow]) -> bytes:
        """They are redacted already."""
        out = BytesIO()
        writer = FlowWriter(out)
        for each in flows:
            writer.add(each)
        return out.getvalue()
