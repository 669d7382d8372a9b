"""Fields behind a body, in both directions, as they may go on.

Owns what the gate has to say about them: what frames or routes stands in no trailer, what the gate sets is not said
again by a workload, and injected credentials are hidden from it.
"""

from __future__ import annotations

from mitmproxy import http
from mitmproxy.proxy.layers.http._events import RequestTrailers, ResponseTrailers

from outgate.proxy import soundness
from outgate.proxy.exchange import Exchange


def cleaned(event: RequestTrailers | ResponseTrailers, exchange: Exchange) -> http.Headers:
    """The trailers that go on."""
    sound = soundness.trailing(event.trailers)
    return _unsaid(sound, exchange) if isinstance(event, RequestTrailers) else _hidden(sound, exchange)


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
