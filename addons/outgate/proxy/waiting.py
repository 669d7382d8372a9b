"""What a stream waits for because the traffic policy says so.

Owns the step from the governor's word to the exchange, in which whatever is raised keeps it from its origin; and that
nothing goes on that nobody waits for any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any

from outgate.proxy.commands import OutgateAdmitHook, OutgatePlaceHook
from outgate.proxy.exchange import Exchange, exchange_of
from outgate.proxy.passage import Refused
from outgate.proxy.plane import Plane
from outgate.upstream.errors import UpstreamError

HOOKS = (OutgateAdmitHook, OutgatePlaceHook)


def run(hook: OutgateAdmitHook | OutgatePlaceHook, plane: Plane) -> Awaitable[None] | None:
    """None where there was nothing to wait for."""
    exchange = exchange_of(hook.flow)
    if isinstance(hook, OutgateAdmitHook):
        asked = plane.governor.admit(exchange)
    else:
        asked = plane.governor.place(exchange, plane.environment)
    task = asyncio.Task(noted(asked, exchange), loop=asyncio.get_running_loop(), eager_start=True)
    return task if not task.done() else task.result()


def given_up(pending: Awaitable[None]) -> None:
    """Whoever was to wait for it may have been cancelled before he began to."""
    if isinstance(pending, asyncio.Task):
        pending.cancel()
    elif asyncio.iscoroutine(pending):
        pending.close()


async def noted(asked: Coroutine[Any, Any, None], exchange: Exchange) -> None:
    """Why it stays here stands in the exchange."""
    try:
        await asked
    except Refused as refused:
        exchange.refuse(refused)
    except UpstreamError as error:
        exchange.failure = exchange.failure or error.message
        exchange.status, exchange.error_code = error.status, str(error.code)
    except Exception as error:
        exchange.failure = exchange.failure or f"the traffic policy failed: {type(error).__name__}"
        exchange.error_code = "policy_failure"
        raise
