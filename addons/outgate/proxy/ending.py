"""How a client connection, or part of it, ends before its client wants it: the gate stops, or a policy forbids it.

Owns what counts as under way, and what a new policy ends. Sockets and layers are `handler`'s; the words are those of
each protocol.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from mitmproxy.connection import ConnectionState

from outgate.policy import keeping
from outgate.policy.decide import decide
from outgate.policy.model import Attempt, Code
from outgate.policy.redaction_model import unplaced
from outgate.policy.snapshot import Policy
from outgate.proxy.commands import Stopped
from outgate.proxy.exchange import Exchange
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
    if _busy(handler) or begun.unfinished:
        return
    handler.client.state = ConnectionState.CLOSED
    if isinstance(begun, GateHttp2Server):
        handler.linger(transport)  # it may not have heard yet that nothing more is taken
    else:
        transport.close()
        handler.closed.set()


def _busy(handler: Handler) -> bool:
    """Whether something is under way, or being ended."""
    carrying = handler.lane is not None and handler.lane.exchange is not None
    return carrying or bool(handler.http.streams) or handler.waiting > 0 or handler.lingering


def _still_silent(handler: Handler) -> None:
    transport = handler.transports.get(handler.client)
    if not handler.heard and transport is not None:
        handler.client.state = ConnectionState.CLOSED
        transport.close()
        handler.closed.set()


def judge_again(handler: Handler, policy: Policy) -> None:
    """A new policy is in force: what it would not allow any more is broken off, and nothing else."""
    lane = handler.lane
    if lane is not None and lane.exchange is not None and (why := _revoked(lane.exchange, policy)) is not None:
        handler.plane.counts["revoked"] += 1
        handler.abort(why)
        return
    for stream in handler.http.unreported():
        if (reason := _revoked(getattr(stream, "exchange", None), policy)) is None:
            continue
        handler.plane.counts["revoked"] += 1
        if not isinstance(handler.http.server_side, GateHttp2Server):
            handler.abort(reason)  # it serves one at a time
            return
        handler.feed(Stopped(stream.stream_id))


def _may_expire(exchange: Exchange) -> bool:
    destination = exchange.decision.destination if exchange.decision is not None else None
    return destination is not None and destination.expires is not None


def _revoked(exchange: Exchange | None, policy: Policy) -> str | None:
    """Why an exchange may not go on, which is noted there; None where it may."""
    if exchange is None or exchange.attempt is None or (exchange.policy is policy and not _may_expire(exchange)):
        return None
    caller = exchange.facts.under(policy.defaults).caller
    attempt = replace(exchange.attempt, caller=caller)
    verdict = decide(policy, attempt)
    if not verdict.allowed:
        reason, code = verdict.reason, Code.REFUSED_BY_RULE
    elif _unlooked(exchange, policy, attempt):
        reason, code = "other rules are about its live messages by now", Code.REDACTION_REFUSED
    else:
        return None
    exchange.failure = exchange.failure or f"revoked: {reason}"
    exchange.status, exchange.error_code = 403, str(code)
    return exchange.failure


def _unlooked(exchange: Exchange, policy: Policy, attempt: Attempt) -> bool:
    """Whether documents want live messages looked at otherwise than they are."""
    wanted = keeping.inline(policy.keeping, attempt)
    looking = exchange.inline.redactions if exchange.inline is not None else ()
    return bool(wanted) and [*map(unplaced, wanted)] != [*map(unplaced, looking)]
