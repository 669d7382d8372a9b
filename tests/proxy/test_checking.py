"""What is checked, and until when: by the policy that is in force, and by no other."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import replace

from outgate.policy.model import Endpoint
from outgate.policy.resilience_model import HealthCheck, Probe, Resilience
from outgate.proxy.checking import Checks
from outgate.traffic.origin import OriginState
from outgate.traffic.origins import Origins
from outgate.upstream.target import Target
from upstream.building import environment, target

CHECKED = Resilience(health=(HealthCheck(Probe.TCP, interval=0.02, no_traffic_interval=0.02),))


class Dialled:
    """A server that counts."""

    def __init__(self) -> None:
        self.times, self.port, self.again = 0, 0, asyncio.Event()

    def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.times += 1
        self.again.set()
        writer.close()

    async def checked(self) -> None:
        """From now on."""
        self.again.clear()
        async with asyncio.timeout(20):
            await self.again.wait()


@asynccontextmanager
async def server():
    made = Dialled()
    listening = await asyncio.start_server(made, "127.0.0.1", 0)
    made.port = listening.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        listening.close()


def at(one: Dialled, generation: str) -> Target:
    made = target(80, "api.example", endpoints=(Endpoint("127.0.0.1", one.port),))
    return replace(made, generation=generation)


def checked() -> tuple[Checks, OriginState]:
    origins = Origins(lambda: 0.0)
    return Checks(origins, lambda: 0.0, time.monotonic), origins.of("api:80", CHECKED)


async def test_what_a_policy_does_not_name_any_more_is_not_dialled_for_checks():
    checks, state = checked()
    async with server() as before, server() as now:
        try:
            checks.renew("1")
            checks.follow(state, "api.example:80", at(before, "1"), environment())
            await before.checked()
            checks.renew("2")
            old = list(checks.tasks.values())
            await asyncio.wait(old)
            times = before.times
            checks.follow(state, "api.example:80", at(before, "1"), environment())
            assert not checks.tasks, "a request of the policy before begins nothing"
            checks.follow(state, "api.example:80", at(now, "2"), environment())
            for _ in range(3):
                await now.checked()
            assert before.times <= times + 1, "one that was under way"
            assert [one.endpoint.port for one in state.shown(0.0)] == [now.port]
        finally:
            await checks.stop()


async def test_the_same_policy_again_changes_nothing():
    checks, state = checked()
    async with server() as one:
        try:
            checks.renew("1")
            checks.follow(state, "api.example:80", at(one, "1"), environment())
            known = dict(checks.tasks)
            checks.renew("1")
            await one.checked()
            assert checks.tasks == known
            assert not any(task.cancelling() for task in known.values())
        finally:
            await checks.stop()
