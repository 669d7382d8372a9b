"""The step from the governor's word to the exchange: what is raised keeps it here, and what nobody waits for ends."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from mitmproxy import http

from outgate.proxy import waiting
from outgate.proxy.commands import OutgateAdmitHook, OutgatePlaceHook
from outgate.proxy.exchange import Exchange, attach
from outgate.proxy.passage import Refused
from outgate.upstream.errors import Failure, UpstreamError
from proxy.requests import facts


class Saying:
    """A governor that does one thing, whatever it is asked."""

    def __init__(self, raises: Exception | None = None, waits: bool = False) -> None:
        self.raises, self.waits, self.cancelled = raises, waits, False

    async def admit(self, exchange: Exchange) -> None:
        if self.waits:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                self.cancelled = True
                raise
        if self.raises is not None:
            raise self.raises

    async def place(self, exchange: Exchange, environment: object) -> None:
        await self.admit(exchange)


def asked(governor: Saying, hook: type[Any] = OutgateAdmitHook) -> tuple[Any, Exchange]:
    flow = http.HTTPFlow(None, None)  # type: ignore[arg-type]
    exchange = Exchange(facts())
    attach(flow, exchange)
    plane: Any = SimpleNamespace(governor=governor, environment=None)
    return waiting.run(hook(flow), plane), exchange


async def test_what_need_not_be_waited_for_is_over_at_once():
    for hook in (OutgateAdmitHook, OutgatePlaceHook):
        pending, exchange = asked(Saying(), hook)
        assert (pending, exchange.failure) == (None, "")


@pytest.mark.parametrize(
    ("raised", "status", "code"),
    [
        (Refused(429, "rate_limited", "too often"), 429, "rate_limited"),
        (UpstreamError(Failure.RESOLVE_FAILED, "no address"), 503, "resolve_failed"),
    ],
    ids=["refused", "not found"],
)
async def test_why_it_stays_here_stands_in_the_exchange(raised, status, code):
    pending, exchange = asked(Saying(raised))
    assert pending is None
    assert (exchange.status, exchange.error_code) == (status, code)
    assert exchange.failure


async def test_whatever_else_is_raised_keeps_it_here_and_is_told():
    exchange = Exchange(facts())
    flow = http.HTTPFlow(None, None)  # type: ignore[arg-type]
    attach(flow, exchange)
    plane: Any = SimpleNamespace(governor=Saying(RuntimeError("broken")), environment=None)
    with pytest.raises(RuntimeError):
        waiting.run(OutgateAdmitHook(flow), plane)
    assert (exchange.error_code, exchange.failure) == ("policy_failure", "the traffic policy failed: RuntimeError")


async def test_what_nobody_waits_for_is_ended():
    governor = Saying(waits=True)
    pending, _ = asked(governor)
    assert isinstance(pending, asyncio.Task)
    waiting.given_up(pending)
    await asyncio.wait({pending})
    assert governor.cancelled
