"""Which destinations are in use at this moment, by requests and tunnels that are still open.

Owns the look into what is live. What ends is told by `recorder`; this is for what began long ago and has not ended.
"""

from __future__ import annotations

from collections.abc import Iterator

from outgate.policy.model import Decision
from outgate.proxy.handler import Handler
from outgate.proxy.plane import Live, Plane
from outgate.proxy.recorder import used_key
from outgate.proxy.relay import Relay


def under_way(plane: Plane) -> set[str]:
    """The keys of registered destinations."""
    return {key for live in plane.live for decision in _decisions(live) if (key := used_key(decision))}


def _decisions(live: Live) -> Iterator[Decision]:
    if isinstance(live, Relay):
        yield live.decision
    elif isinstance(live, Handler):
        exchanges = [getattr(stream, "exchange", None) for stream in live.http.unreported()]
        exchanges.append(live.lane.exchange if live.lane is not None else None)
        yield from (exchange.decision for exchange in exchanges if exchange is not None and exchange.decision)
