"""The traffic policy's say about exchanges, question by question: which route, what trouble, how often, where to.

Owns the order of the questions and the state that all exchanges share: buckets and origins. The maths are `traffic`'s;
an exchange's own record is its `Passage`.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import ceil
from typing import TYPE_CHECKING, Any

from outgate.policy.applying import Applying, values_of
from outgate.policy.model import Attempt, AttemptKind, Code, Decision, Destination, Endpoint, Gate, Port, Upstream
from outgate.policy.route_model import Abort, Backend, Fault, LimitScope, RateLimit
from outgate.policy.routing import PLAIN, Seen
from outgate.policy.snapshot import Policy
from outgate.proxy import sticking
from outgate.proxy.checking import Checks
from outgate.proxy.passage import Passage, Refused, overflow
from outgate.proxy.ways import Ways, origins_of
from outgate.traffic.balancing.layout import Home
from outgate.traffic.buckets import Buckets
from outgate.traffic.faults import NO_TROUBLE, Trouble, trouble
from outgate.traffic.limits import Kind
from outgate.traffic.origin import OriginState
from outgate.traffic.origins import Origins
from outgate.traffic.outcome import GRPC_AS_HTTP
from outgate.traffic.shares import drawn, falls
from outgate.upstream.environment import Environment
from outgate.upstream.places import endpoints_of, spelt
from outgate.upstream.preface import preface
from outgate.upstream.shared_buckets import SharedBuckets
from outgate.upstream.target import Target, narrowed

if TYPE_CHECKING:
    from outgate.proxy.exchange import Exchange, Facts

KEPT = 8192
FOREVER = float("inf")
FRESH = 1.0
"""Seconds in which a name is not looked up again for a choice; the resolver keeps its answers longer."""
ZONES = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone")


@dataclass(frozen=True, slots=True)
class Found:
    """The places of a target, as they were looked up."""

    target: Target
    name: str
    """Of its host among those of its origin."""
    endpoints: tuple[Endpoint, ...]
    until: float
    """When they are looked up anew; never where they are written as addresses."""


@dataclass(slots=True)
class Governor:
    """For one process, which is one of so many `workers`."""

    workers: int = 1
    home: Home = field(default_factory=Home)
    random: Callable[[], float] = random.random
    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    shared: SharedBuckets | None = None
    """Of limits of all gates; None: nothing is set for them."""
    _found: dict[int, Found] = field(default_factory=dict)
    origins: Origins = field(init=False)
    buckets: Buckets = field(init=False)
    checks: Checks = field(init=False)
    applying: Applying = field(default_factory=Applying)
    ways: Ways = field(default_factory=Ways)

    def __post_init__(self) -> None:
        self.origins = Origins(self.random, self.home, self.workers)
        self.buckets = Buckets(1 / self.workers)
        self.checks = Checks(self.origins, self.random, self.clock)

    def follow(self, policy: Policy) -> None:
        """A new policy is in force; what it says nothing of is forgotten, everything else is kept."""
        self.origins.keep(*origins_of(policy))
        self.applying = Applying(policy.defaults)
        self.checks.renew(policy.generation)
        self._found.clear()
        self.ways.forget()

    def shown(self) -> list[dict[str, Any]]:
        """The origins of which the policy says something, and how they are now, for people."""
        return [_shown(state, self.clock()) for state in self.origins]

    async def stop(self) -> None:
        await self.checks.stop()
        if self.shared is not None:
            await self.shared.close()

    # The route.

    def enter(self, policy: Policy, decision: Decision, attempt: Attempt) -> Passage | None:
        """What is made of an allowed attempt; None where that is nothing beyond what the decision says.

        Raises `Refused` where no route takes it.
        """
        port, destination = decision.port, decision.destination
        if port is None or destination is None or not (port.routes or self.ways.governs(port.upstream)):
            return None
        chosen = policy.routers.choose(port, attempt, destination)
        if chosen is None or chosen.route.missing:
            raise Refused(404, "no_route", f"no route of {destination.name} takes this")
        backends = chosen.route.backends
        way = self.ways.of(destination, port, chosen.route, self._backend(backends) if backends else None)
        origin = self.origins.of(way.origin, way.resilience) if way.origin else None
        if chosen is PLAIN and origin is None:
            return None
        passage = Passage(chosen, way.plan, self.clock, self.random, self.clock(), origin)
        if way.plan.faults:
            passage.trouble = self._trouble(way.plan.faults, attempt, policy, destination)
        return passage

    def _backend(self, backends: tuple[Backend, ...]) -> Backend:
        if len(backends) == 1:
            return backends[0]
        return drawn(backends, [backend.weight for backend in backends], self.random) or backends[0]

    def _trouble(
        self, faults: tuple[Fault, ...], attempt: Attempt, policy: Policy, destination: Destination
    ) -> Trouble:
        if any(fault.caller or fault.headers for fault in faults):
            seen = Seen(attempt, policy.defaults, destination)
            faults = tuple(fault for fault in faults if self.applying.about(fault, seen))
        return trouble(faults, self.random) if faults else NO_TROUBLE

    # Whether it may go on, and when.

    async def admit(self, exchange: Exchange) -> None:
        """Trouble, then limits, then what may be under way. A second time says the same. Raises `Refused`."""
        passage = exchange.passage
        assert passage is not None
        if passage.lasts and not passage.asked:
            passage.asked = True
            try:
                await self._admit(passage, exchange)
            except Refused as refused:
                passage.refused = refused
        self.admit_now(exchange, self.clock())

    def admit_now(self, exchange: Exchange, now: float) -> None:
        """The same of one that is not made to wait."""
        passage = exchange.passage
        assert passage is not None
        if not passage.asked:
            passage.asked = True
            try:
                self._admit_now(passage, exchange, now)
            except Refused as refused:
                passage.refused = refused
        if not passage.admitted:
            raise passage.refused or Refused(502, str(Code.POLICY_FAILURE), "whether this may go on was not found out")

    def _admit_now(self, passage: Passage, exchange: Exchange, now: float) -> None:
        if passage.trouble.abort is not None:
            self._abort(passage, passage.trouble.abort)
        attempt = exchange.attempt
        assert attempt is not None
        for limit, unconditional in passage.plan.limits:
            if not unconditional:
                self._take(limit, exchange, now)
                continue
            values = values_of(limit, attempt) if limit.by else ()
            if values is not None and (wait := self.buckets.take(limit, values, now)):
                self._reached(limit, wait)
        self._begin(passage, now)

    async def _admit(self, passage: Passage, exchange: Exchange) -> None:
        if passage.trouble.delay:
            passage.flags.append("DI")
            await asyncio.sleep(passage.trouble.delay)
        if passage.trouble.abort is not None:
            self._abort(passage, passage.trouble.abort)
        for limit, _ in passage.plan.limits:
            if limit.scope is LimitScope.GLOBAL:
                await self._take_everywhere(limit, exchange)
            else:
                self._take(limit, exchange, self.clock())
        self._begin(passage, self.clock())

    @staticmethod
    def _abort(passage: Passage, abort: Abort) -> None:
        passage.flags.append("FI")
        status = abort.status if abort.status is not None else GRPC_AS_HTTP.get(abort.grpc_status or 0, 500)
        raise Refused(status, "fault_abort", "a fault of the policy aborts this", grpc_status=abort.grpc_status)

    @staticmethod
    def _begin(passage: Passage, now: float) -> None:
        if not passage.plan.answers and not passage.take(Kind.REQUESTS, now):
            raise overflow("too many requests are under way to this origin")
        passage.admitted = True

    def _take(self, limit: RateLimit, exchange: Exchange, now: float) -> None:
        """One token of a bucket of this process, where the limit is about this. Raises `Refused`."""
        values = self._counted(limit, exchange)
        if values is None:
            return
        own = exchange.facts.buckets if limit.scope is LimitScope.CONNECTION else self.buckets
        if wait := own.take(limit, values, now):
            self._reached(limit, wait)
        self._met(limit, exchange)

    async def _take_everywhere(self, limit: RateLimit, exchange: Exchange) -> None:
        """The same of a bucket that gates share."""
        values = self._counted(limit, exchange)
        if values is None:
            return
        wait = await self.shared.take(limit, values) if self.shared is not None else None
        if wait is None and not limit.allow_on_failure:
            raise Refused(500, "rate_limit_failed", f"the state of the rate limit {limit.key} cannot be reached")
        if wait:
            self._reached(limit, wait)
        self._met(limit, exchange)

    def _reached(self, limit: RateLimit, wait: float) -> None:
        if falls(limit.enforced_percent, self.random):
            raise limited(limit, wait)

    @staticmethod
    def _met(limit: RateLimit, exchange: Exchange) -> None:
        """A limit of connections has counted the one of this."""
        if limit.connections and _http(exchange):
            exchange.facts.met.add(limit.key)

    def _counted(self, limit: RateLimit, exchange: Exchange) -> tuple[str, ...] | None:
        """By which values a limit counts an exchange; None where it does not."""
        if limit.connections and limit.key in exchange.facts.met and _http(exchange):
            return None  # with the first request of its connection
        if (limit.caller or limit.headers) and not self.applying.about(limit, _seen(exchange)):
            return None
        if limit.enabled_percent < 100 and not falls(limit.enabled_percent, self.random):
            return None
        if not limit.by:
            return ()
        assert exchange.attempt is not None
        return values_of(limit, exchange.attempt)

    # Where to.

    async def place(self, exchange: Exchange, environment: Environment) -> None:
        """Waits as a further try has to, and narrows the target to one endpoint where its origin has a say in that.

        Raises `Refused` where none is healthy, and `UpstreamError` where none is found.
        """
        passage, target = exchange.passage, exchange.approved
        assert passage is not None
        assert target is not None
        if passage.pause:
            pause, passage.pause = passage.pause, 0.0
            await asyncio.sleep(pause)
        if not self.placed(exchange, environment, self.clock()):
            found = await self._look_up(target, environment)
            self._choose(exchange, passage, found, self.clock(), environment)

    def placed(self, exchange: Exchange, environment: Environment, now: float) -> bool:
        """The same where nothing has to be waited for; whether that was so."""
        passage, target = exchange.passage, exchange.approved
        assert passage is not None
        assert target is not None
        if passage.origin is None:
            return True
        found = self._found.get(id(target))
        if found is None or found.target is not target or now >= found.until:
            return False
        self._choose(exchange, passage, found, now, environment)
        return True

    async def _look_up(self, target: Target, environment: Environment) -> Found:
        """The places of a target. Whichever is chosen is looked at again when it is dialled."""
        known, until = self._found.get(id(target)), self.clock() + FRESH
        if target.endpoints and spelt(target.endpoints):
            endpoints, until = target.endpoints, FOREVER
        else:
            endpoints = await endpoints_of(target, environment)
        if known is not None and known.target is target and known.endpoints == endpoints:
            endpoints = known.endpoints  # the same objects, which are recognised sooner
        if len(self._found) >= KEPT:
            self._found.clear()
        found = self._found[id(target)] = Found(target, f"{target.host}:{target.port}", endpoints, until)
        return found

    def _choose(self, exchange: Exchange, passage: Passage, found: Found, now: float, environment: Environment) -> None:
        origin, name = passage.origin, found.name
        if origin is not None and passage.endpoint is None:
            resilience = origin.resilience
            origin.know(name, found.endpoints, now)
            if resilience.health:
                self.checks.follow(origin, name, found.target, environment)
            keyed = resilience.balancing.hash_keys
            key = sticking.key_of(resilience.balancing, exchange, passage) if keyed else None
            chosen = origin.choose(name, key, passage.tried, now)
            if chosen is None:
                raise Refused(503, "no_healthy_upstream", "no healthy upstream")
            passage.chose(chosen)
        if passage.endpoint is not None:  # else it has ended meanwhile
            exchange.target = narrowed(found.target, passage.endpoint)


def _http(exchange: Exchange) -> bool:
    return exchange.attempt is not None and exchange.attempt.kind is AttemptKind.HTTP


def _seen(exchange: Exchange) -> Seen:
    assert exchange.attempt is not None
    assert exchange.policy is not None
    destination = exchange.decision.destination if exchange.decision is not None else None
    return Seen(exchange.attempt, exchange.policy.defaults, destination)


def limited(limit: RateLimit, wait: float) -> Refused:
    changed = limit.response_headers
    told = (
        ("retry-after", str(ceil(wait))),
        ("x-rate-limited", "true"),
        ("x-envoy-ratelimited", "true"),
        *((name, value) for name, value in (*changed.set, *changed.add) if isinstance(value, str)),
    )
    return Refused(limit.status, "rate_limited", f"the rate limit {limit.key} is reached", told)


def home_of(gate: Gate) -> Home:
    """Where a gate's own labels say that it is."""
    labels = dict(gate.labels)
    return Home("/".join(labels.get(name, "") for name in ZONES).rstrip("/"), gate.labels)


def _shown(state: OriginState, now: float) -> dict[str, Any]:
    return {
        "origin": state.key,
        "under_way": {str(kind): count for kind, count in state.under_way.counts.items()},
        "refused": {str(kind): count for kind, count in state.under_way.refused.items()},
        "endpoints": [
            {
                "address": one.endpoint.address,
                "port": one.endpoint.port,
                "active": one.active,
                "healthy": one.healthy,
                "ejected": one.ejected,
                "back_in": one.back_in,
                "ejections": one.ejections,
            }
            for one in state.shown(now)
        ],
    }


def prefaced(target: Target, facts: Facts, upstream: Upstream) -> Target:
    """The same, beginning as its origin wants it."""
    version = upstream.resilience.proxy_protocol
    if not version:
        return target
    source = (facts.caller.address, facts.caller_port)
    asked = (facts.address or facts.connect or "", facts.port or 0)
    return replace(target, preface=preface(version, source, asked))


def reached_by(backend: Backend | None, port: Port | None) -> Port | None:
    """A port as it is for the backend that was chosen."""
    return port if backend is None or port is None else replace(port, upstream=backend.upstream)
