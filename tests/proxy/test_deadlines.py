"""Who has run out of time is told so, once, and nobody else."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from outgate.proxy.commands import Late, Limited, Within
from outgate.proxy.deadlines import Deadlines
from proxy.wires import until

IDLE, REQUEST = Limited.IDLE, Limited.REQUEST


def deadlines() -> tuple[Deadlines, list[Late], asyncio.Event]:
    told: list[Late] = []
    closed = asyncio.Event()
    handler: Any = SimpleNamespace(closed=closed, feed=told.append)
    return Deadlines(handler), told, closed


async def test_each_runs_out_by_itself():
    timers, told, _ = deadlines()
    for number, what, seconds in ((1, IDLE, 0.01), (1, REQUEST, 60.0), (2, IDLE, 60.0)):
        timers.note(Within(number, what, seconds))
    await until(lambda: bool(told))
    await asyncio.sleep(0.02)
    assert told == [Late(1, IDLE)]
    assert set(timers.timers) == {(1, REQUEST), (2, IDLE)}
    timers.stop()
    assert timers.timers == {}


async def test_what_is_timed_anew_or_no_longer_is_not_late():
    timers, told, _ = deadlines()
    timers.note(Within(1, IDLE, 0.01))
    timers.note(Within(1, IDLE, 60.0))
    timers.note(Within(2, IDLE, 0.01))
    timers.note(Within(2, IDLE, None))
    timers.note(Within(3, IDLE, 0.01))
    timers.note(Within(3, REQUEST, 0.01))
    timers.forget(3)
    await asyncio.sleep(0.05)
    assert told == []
    timers.stop()


async def test_nobody_is_told_on_a_connection_that_is_closed():
    timers, told, closed = deadlines()
    timers.note(Within(1, IDLE, 0.01))
    closed.set()
    await until(lambda: not timers.timers)
    assert told == []
