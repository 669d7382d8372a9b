"""Fields behind a body, in both directions, as they may go on.

Owns what the gate has to say about them: what frames or routes stands in no trailer, what the gate sets is not said
again by a workload, injected credentials are hidden from it, and rules about live messages hold here, too.
"""

from __future__ import annotations

from mitmproxy import http
from mitmproxy.proxy.layers.http._events import RequestTrailers, ResponseTrailers

from outgate.proxy import soundness
from outgate.proxy.exchange import Exchange


def cleaned(event: RequestTrailers | ResponseTrailers, exchange: Exchange) -> http.Headers:
    """The trailers that go on."""
    sound, sending = soundness.trailing(event.trailers), isinstance(event, RequestTrailers)
    said = _unsaid(sound, exchange) if sending else _hidden(sound, exchange)
    return said if exchange.inline is None else exchange.inline.trailers(said, sending=sending)


def _unsaid(trailers: http.Headers, exchange: Exchange) -> http.Headers:
    """Some origins merge trailers into the head, where the gate's word for these stands."""
    destination = exchange.decision.destination if exchange.decision is not None else None
    for header in destination.headers if destination is not None else ():
        trailers.pop(header.name, None)
    return trailers


def _hidden(trailers: http.Headers, exchange: Exchange) -> http.Headers:
    hidden = exchange.hidden
    if hidden is None:
        return trailers
    return http.Headers([(hidden.mask(name), hidden.mask(value)) for name, value in trailers.fields])
