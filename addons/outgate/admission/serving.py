"""The webhook put together: its listeners, the files that it keeps up with, and how it ends.

Owns the order in which the parts come up and go down, and the signals.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from outgate.admission.keeping import Files, Keeping
from outgate.admission.server import Listener, Webhook


@dataclass(frozen=True, slots=True)
class Plan:
    """Where to serve, by which files, and how long the end may take."""

    listen: str
    files: Files
    metrics: str = ""
    drain: float = 5.0
    """Seconds in which it goes on answering after it was told to end: whoever asks has to hear of it first."""


async def serve(plan: Plan, ready: Callable[[int], None]) -> None:
    """Until a signal says otherwise; a second one ends it at once. Raises `Unusable` for a file, `OSError` for an
    address."""
    webhook, end, hurry = Webhook(Keeping(plan.files)), asyncio.Event(), asyncio.Event()
    listeners = [Listener(plan.listen, webhook, reviews=True)]
    if plan.metrics:
        listeners.append(Listener(plan.metrics, webhook, reviews=False))
    loop = asyncio.get_running_loop()

    def told() -> None:
        (hurry if end.is_set() else end).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told)
    watching = loop.create_task(webhook.keeping.run())
    try:
        for listener in listeners:
            listener.start()
        ready(listeners[0].port)
        await end.wait()
        webhook.draining = True
        for listener in listeners:
            listener.drain()
        with suppress(TimeoutError):
            await asyncio.wait_for(hurry.wait(), plan.drain)
    finally:
        watching.cancel()
        for listener in listeners:
            await listener.stop()
