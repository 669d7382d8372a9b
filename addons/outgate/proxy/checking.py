"""Active health checks: a background task for each origin that is in use and has some.

Owns when an endpoint is checked. What a check says is `upstream.probes`'s; what follows from it, `traffic`'s.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from outgate.policy.model import Endpoint
from outgate.proxy.guard import trace
from outgate.traffic.balancing.balancer import place_of
from outgate.traffic.origin import OriginState
from outgate.traffic.origins import Origins
from outgate.upstream.environment import Environment
from outgate.upstream.places import endpoints_of
from outgate.upstream.probes import probe
from outgate.upstream.target import Target, narrowed

log = logging.getLogger(__name__)

LOOK = 1.0
"""Seconds between two looks whether the endpoints are still the same."""

type Number = tuple[Endpoint, int]
"""An endpoint, and which of the checks."""


@dataclass(slots=True)
class Checks:
    """Of one process. Origins that are in no policy any more are not checked any more."""

    origins: Origins
    random: Callable[[], float]
    clock: Callable[[], float]
    generation: str | None = None
    """Of the policy that is in force; None: the only one there ever was."""
    tasks: dict[tuple[int, str, str], asyncio.Task[None]] = field(default_factory=dict)

    def renew(self, generation: str) -> None:
        """Another policy is in force: what one before it allowed is not dialled any more. A check begins again, by what
        this one says, with the next request; what is known of its endpoints until then holds."""
        self.generation = generation
        for (_, _, before), task in self.tasks.items():
            if before != generation:
                task.cancel()

    def follow(self, state: OriginState, name: str, target: Target, environment: Environment) -> None:
        """A request is about to go to this host of an origin that is checked."""
        key = (id(state), name, target.generation)
        if key not in self.tasks and self.generation in (None, target.generation):
            watch = _Watch(self, state, name, target, environment)
            task = self.tasks[key] = asyncio.get_running_loop().create_task(watch.run())
            task.add_done_callback(lambda _: self.tasks.pop(key, None))

    def holds(self, state: OriginState) -> bool:
        return any(known is state for known in self.origins)

    async def stop(self) -> None:
        tasks = list(self.tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


@dataclass(slots=True)
class _Watch:
    """One host of one origin."""

    checks: Checks
    state: OriginState
    name: str
    target: Target
    environment: Environment
    running: dict[Number, asyncio.Task[None]] = field(default_factory=dict)

    async def run(self) -> None:
        try:
            while self.checks.holds(self.state):
                self._adapt(await self._endpoints())
                await asyncio.sleep(LOOK)
        finally:
            self._adapt(())

    async def _endpoints(self) -> tuple[Endpoint, ...]:
        """Those of now; names may lead elsewhere than before."""
        try:
            found = await endpoints_of(self.target, self.environment)
        except Exception:  # as long as nobody knows, those of before
            return tuple({endpoint for endpoint, _ in self.running})
        self.state.know(self.name, found, self.checks.clock())
        return found

    def _adapt(self, endpoints: tuple[Endpoint, ...]) -> None:
        wanted = {(endpoint, number) for endpoint in endpoints for number in range(len(self.state.resilience.health))}
        for key in self.running.keys() - wanted:
            self.running.pop(key).cancel()
        for key in wanted - self.running.keys():
            self.running[key] = asyncio.get_running_loop().create_task(self._check(*key))

    async def _check(self, endpoint: Endpoint, number: int) -> None:
        """Again and again."""
        check, place, at = self.state.resilience.health[number], place_of(endpoint), narrowed(self.target, endpoint)
        while known := self.state.health.get(place):
            await asyncio.sleep(known[number].pause(self.checks.random, used=self.state.used))
            try:
                passed = await probe(check, at, self.environment)
            except Exception as error:
                log.error("a health check failed by itself: %s\n%s", type(error).__name__, trace(error))
                passed = False
            if self.state.checked(place, number, passed=passed):
                log.warning("%s: %s is %s", self.state.key, place, "healthy again" if passed else "not healthy")
