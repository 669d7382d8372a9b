"""The limits of the short way: the first to run out is told of, and a timer outlives the exchanges it was made for."""

from __future__ import annotations

import asyncio
import time

import pytest

from outgate.policy.route_model import RetryPolicy, Route
from outgate.policy.routing import Chosen
from outgate.proxy.commands import Limited
from outgate.proxy.lane_clock import LaneClock
from outgate.proxy.passage import Passage
from outgate.proxy.plan import Plan
from proxy.wires import until


def passage(route: Route) -> Passage:
    return Passage(Chosen(route), Plan(route, None), time.monotonic, lambda: 0.0, time.monotonic())


@pytest.mark.parametrize(
    ("route", "first"),
    [
        (Route(timeout=0.02, idle_timeout=9.0, maximum_duration=9.0), Limited.REQUEST),
        (Route(timeout=9.0, idle_timeout=0.02, maximum_duration=9.0), Limited.IDLE),
        (Route(timeout=9.0, idle_timeout=9.0, maximum_duration=0.02), Limited.DURATION),
        (Route(timeout=9.0, retry=RetryPolicy(1, per_try_timeout=0.02)), Limited.TRY),
    ],
    ids=["request", "idle", "duration", "try"],
)
async def test_the_first_to_run_out_is_told_of_once(route, first):
    told: list[Limited] = []
    clock = LaneClock(told.append)
    clock.begin(passage(route))
    await until(lambda: bool(told))
    assert told == [first]
    assert clock.timer is None


async def test_an_answer_ends_the_try_and_what_moves_is_not_idle():
    told: list[Limited] = []
    clock = LaneClock(told.append)
    clock.begin(passage(Route(idle_timeout=0.1, retry=RetryPolicy(1, per_try_timeout=0.02))))
    clock.answered()
    for _ in range(5):
        await asyncio.sleep(0.04)
        clock.moved = time.monotonic()
    assert told == []
    await until(lambda: bool(told))
    assert told == [Limited.IDLE]


async def test_a_timer_is_left_to_run_for_the_next_exchange():
    told: list[Limited] = []
    clock = LaneClock(told.append)
    clock.begin(passage(Route(timeout=0.05)))
    timer = clock.timer
    for _ in range(3):
        clock.over()
        clock.begin(passage(Route(timeout=9.0)))
        assert clock.timer is timer
    await until(lambda: clock.timer is not timer)
    assert told == []
    clock.begin(passage(Route(timeout=0.01)))  # sooner than what the timer waits for
    await until(lambda: bool(told))
    clock.over()
    clock.begin(passage(Route(timeout=9.0)))
    clock.stop()
    assert clock.timer is None
