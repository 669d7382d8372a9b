"""All policies at once, origins that fail in every way, clients that leave: nothing crashes, and nothing stays held."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from e2e.faulty import client, faulty
from outgate.policy.model import Endpoint, Resolution, Upstream
from outgate.policy.resilience_model import Balancer, Balancing, Limits, Outliers, Resilience
from outgate.policy.route_model import (
    Abort,
    Backend,
    Backoff,
    Bandwidth,
    Bucket,
    Delay,
    Fault,
    Mirror,
    RateLimit,
    RetryPolicy,
    Route,
)
from proxy.gates import gate, to
from proxy.streams import Wire
from proxy.wires import until

PATHS = ("ok", "ok", "reset", "reset-once", "status/503", "status/503/200", "slow/0.05", "hang", "midway", "trickle")
CLIENTS, AT_ONCE = 120, 25
RESILIENCE = Resilience(
    Balancing(Balancer.LEAST_REQUEST),
    Limits(connections=8, pending=6, requests=20, retries=5, requests_per_connection=5),
    Outliers(consecutive_5xx=5, interval=0.2, base_ejection=0.1, maximum_percent=50),
    idle_timeout=0.5,
)


def at(*ports: int) -> Upstream:
    return Upstream(ports[0], Resolution.STATIC, tuple(Endpoint("127.0.0.1", port) for port in ports))


def known(mirror: int, *ports: int) -> Any:
    retry = RetryPolicy(2, frozenset({"5xx"}), any_method=True, per_try_timeout=0.15, backoff=Backoff(0.01, 0.05))
    route = Route(
        timeout=0.4,
        idle_timeout=0.3,
        retry=retry,
        mirrors=(Mirror(Backend("mirror", at(mirror)), 30.0),),
        faults=(Fault(Delay(0.02, 20.0), Abort(418, percent=3.0), Bandwidth(100_000, 10.0)),),
        limits=(RateLimit("all", Bucket(300, 300, 0.2)),),
    )
    made = to("api.example", 80, ports[0])
    upstream = replace(at(*ports), resilience=RESILIENCE)
    return replace(made, ports=(replace(made.ports[0], upstream=upstream, routes=(route,)),))


async def http1(address: tuple[str, int], draw: random.Random) -> None:
    async with client(address) as asking:
        for number in range(draw.randint(1, 4)):
            body = b"x" * draw.choice((0, 10, 5000))
            asking.send("api.example", f"/{draw.choice(PATHS)}?{draw.random()}", "POST" if body else "GET", body)
            if draw.random() < 0.2:
                await asyncio.sleep(draw.random() * 0.1)
                return
            answer = await asking.answer()
            if not answer.whole or number > 3:
                return


async def http2(address: tuple[str, int], draw: random.Random) -> None:
    wire = await Wire.open(address)
    try:
        asked = [wire.ask("api.example", f"/{draw.choice(PATHS)}?{draw.random()}") for _ in range(draw.randint(1, 6))]
        for number in asked[: draw.randint(0, len(asked))]:
            await wire.answer(number)
    finally:
        wire.close()


@pytest.mark.parametrize("seed", [1])
async def test_nothing_crashes_and_nothing_stays_held(authority, seed):
    draw, turns = random.Random(seed), asyncio.Semaphore(AT_ONCE)

    async def one(address: tuple[str, int]) -> None:
        async with turns:
            with suppress(OSError):  # a timeout among them
                await draw.choice((http1, http1, http2))(address, draw)

    async with (
        faulty() as first,
        faulty() as second,
        faulty() as mirror,
        gate(authority, known(mirror.port, first.port, second.port)) as running,
    ):
        async with asyncio.timeout(60):
            await asyncio.gather(*(one(running.address) for _ in range(CLIENTS)))
        (state,) = running.engine.plane.governor.origins
        under_way = state.under_way.counts
        await until(lambda: not any(count for kind, count in under_way.items() if kind != "connections"))
        await until(lambda: not state.active and not running.engine.plane.live)
        running.engine.plane.pool.close()
        await until(lambda: not any(under_way.values()))
        assert running.counts["crashes"] == 0
        assert running.counts["mirrored"] > 0
        assert first.asked
        assert second.asked
