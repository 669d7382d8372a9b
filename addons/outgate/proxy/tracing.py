"""What an origin is told of the trace that a request belongs to, each time that it is asked.

Owns whose word counts: the destination's document, else the gate's setting. How contexts are written is
`propagation`'s.
"""

from __future__ import annotations

from mitmproxy import http

from outgate.proxy.exchange import Exchange
from outgate.telemetry.propagation import NOTHING, Changes, Propagation
from outgate.telemetry.tracer import Tracer


def begin(tracer: Tracer, request: http.Request, exchange: Exchange) -> None:
    """The workload's own trace goes on, or one begins. What has one already is asked for once more, if it ever was."""
    assert exchange.policy is not None
    exchange.tracer = tracer
    if exchange.trace is None:
        rule = exchange.policy.telemetry_of(exchange.facts.caller).trace
        exchange.trace = tracer.begin(request.headers.fields, rule)
    elif exchange.tries:
        exchange.trace = tracer.again(exchange.trace)


def tell(request: http.Request, exchange: Exchange) -> None:
    """Before it leaves for the first time."""
    request.headers.fields = _changes(exchange).apply(request.headers.fields)


def ask_again(exchange: Exchange) -> None:
    """It is about to leave once more: as a span of its own, which is told then."""
    if exchange.tracer is not None and exchange.trace is not None:
        exchange.trace = exchange.tracer.again(exchange.trace)
        exchange.retold = _changes(exchange)


def _changes(exchange: Exchange) -> Changes:
    if exchange.tracer is None:
        return NOTHING
    place = exchange.decision.destination if exchange.decision is not None else None
    mode = Propagation(place.propagation) if place is not None and place.propagation else None
    return exchange.tracer.outgoing(exchange.trace, mode, place is not None and place.internal)
