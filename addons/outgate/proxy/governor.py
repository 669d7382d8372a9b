"""The traffic policy's say about exchanges, question by question: which route, what trouble, how often, where to.

Owns the order of the questions and the state that all exchanges share: buckets and origins. The maths are `traffic`'s;
an exchange's own record is its `Passage`.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from math import ceil
from typing import TYPE_CHECKING, Any

from outgate.policy.applying import Applying, values_of
from outgate.policy.model import Attempt, AttemptKind, Decision, Destination, Endpoint, Gate, Port, Upstream
from outgate.policy.resilience_model import PLAIN_RESILIENCE, Resilience
from outgate.policy.route_model import Backend, LimitScope, RateLimit, Route
from outgate.policy.routing import PLAIN, Seen
from outgate.policy.snapshot import Policy
from outgate.proxy import plan, sticking
from outgate.proxy.checking import Checks
from outgate.proxy.passage import Passage, Refused, overflow
from outgate.proxy.plan import plan_of
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
from outgate.upstream.pool import IDLE
from outgate.upstream.preface import preface
from outgate.upstream.shared_buckets import SharedBuckets
from outgate.upstream.target import Target, narrowed

if TYPE_CHECKING:
    from outgate.proxy.exchange import Exchange, Facts

KEPT = 8192
FRESH = 1.0
"""Seconds in which a name is not looked up again for a choice; the resolver keeps its answers longer."""
ZONES = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone")


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
    _found: dict[int, tuple[Target, tuple[Endpoint, ...], float]] = field(default_factory=dict)
    origins: Origins = field(init=False)
    buckets: Buckets = field(init=False)
    checks: Checks = field(init=False)
    applying: Applying = field(default_factory=Applying)

    def __post_init__(self) -> None:
        self.origins = Origins(self.random, self.home, self.workers)
        self.buckets = Buckets(1 / self.workers)
        self.checks = Checks(self.origins, self.random, self.clock)

    def follow(self, policy: Policy) -> None:
        """A new policy is in force; what it says nothing of is forgotten, everything else is kept."""
        self.origins.keep(frozenset(_keys(policy)))
        self.applying = Applying(policy.defaults)
        self._found.clear()
        _known.clear()
        plan.forget()

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
        if port is None or destination is None or not (port.routes or _governs(port.upstream)):
            return None
        chosen = policy.route(port, attempt, destination)
        if chosen is None or chosen.route.missing:
            raise Refused(404, "no_route", f"no route of {destination.name} takes this")
        backend = self._backend(chosen.route.backends)
        upstream = port.upstream if backend is None else backend.upstream
        origin = self._origin(destination.key if backend is None else backend.key, upstream)
        if chosen is PLAIN and origin is None:
            return None
        passage = Passage(chosen, plan_of(chosen.route, backend), self.clock, self.random, self.clock(), origin)
        if chosen.route.faults:
            passage.trouble = self._trouble(chosen.route, attempt, policy, destination)
        return passage

    def _backend(self, backends: tuple[Backend, ...]) -> Backend | None:
        if len(backends) < 2:
            return backends[0] if backends else None
        return drawn(backends, [backend.weight for backend in backends], self.random) or backends[0]

    def _origin(self, key: str, upstream: Upstream) -> OriginState | None:
        return self.origins.of(_origin_key(key, upstream), upstream.resilience) if _governs(upstream) else None

    def _trouble(self, route: Route, attempt: Attempt, policy: Policy, destination: Destination) -> Trouble:
        meant = route.faults
        if any(fault.caller or fault.headers for fault in meant):
            seen = Seen(attempt, policy.defaults, destination)
            meant = tuple(fault for fault in meant if self.applying.about(fault, seen))
        return trouble(meant, self.random) if meant else NO_TROUBLE

    # Whether it may go on, and when.

    async def admit(self, exchange: Exchange) -> None:
        """Trouble, then limits, then what may be under way. A second time says the same. Raises `Refused`."""
        passage = exchange.passage
        assert passage is not None
        if not passage.admitted:
            passage.admitted = True
            try:
                await self._admit(passage, exchange)
            except Refused as refused:
                passage.refused = refused
        if passage.refused is not None:
            raise passage.refused

    async def _admit(self, passage: Passage, exchange: Exchange) -> None:
        assert exchange.attempt is not None
        if passage.trouble is not NO_TROUBLE:
            await self._suffer(passage, exchange.attempt)
        if passage.route.limits:
            await self._limit(passage.route.limits, exchange)
        if not passage.plan.answers and not passage.take(Kind.REQUESTS):
            raise overflow("too many requests are under way to this origin")

    async def _suffer(self, passage: Passage, attempt: Attempt) -> None:
        if passage.trouble.delay:
            passage.flags.append("DI")
            await asyncio.sleep(passage.trouble.delay)
        abort = passage.trouble.abort
        if abort is None:
            return
        passage.flags.append("FI")
        status = abort.status if abort.status is not None else GRPC_AS_HTTP.get(abort.grpc_status or 0, 500)
        raise Refused(status, "fault_abort", "a fault of the policy aborts this", grpc_status=abort.grpc_status)

    async def _limit(self, limits: Iterable[RateLimit], exchange: Exchange) -> None:
        attempt = exchange.attempt
        assert attempt is not None
        http = attempt.kind is AttemptKind.HTTP
        for limit in limits:
            met = exchange.facts.met
            if http and limit.connections and limit.key in met:
                continue  # with the first request of its connection
            values = self._counted(limit, attempt, exchange)
            if values is None:
                continue
            if limit.scope is LimitScope.GLOBAL:
                wait = await self._everywhere(limit, values)
            else:
                own = exchange.facts.buckets if limit.scope is LimitScope.CONNECTION else self.buckets
                wait = own.take(limit, values, self.clock())
            if wait and falls(limit.enforced_percent, self.random):
                raise limited(limit, wait)
            if http and limit.connections:
                met.add(limit.key)

    def _counted(self, limit: RateLimit, attempt: Attempt, exchange: Exchange) -> tuple[str, ...] | None:
        """By which values a limit counts an attempt; None where it does not."""
        if (limit.caller or limit.headers) and not self.applying.about(limit, _seen(exchange)):
            return None
        if limit.enabled_percent < 100 and not falls(limit.enabled_percent, self.random):
            return None
        return values_of(limit, attempt) if limit.by else ()

    async def _everywhere(self, limit: RateLimit, values: tuple[str, ...]) -> float:
        wait = await self.shared.take(limit, values) if self.shared is not None else None
        if wait is None and not limit.allow_on_failure:
            raise Refused(500, "rate_limit_failed", f"the state of the rate limit {limit.key} cannot be reached")
        return wait or 0.0

    # Where to.

    async def _endpoints(self, target: Target, environment: Environment) -> tuple[Endpoint, ...]:
        """The places of a target, looked up anew now and then. Whichever is chosen is looked at again when it is
        dialled."""
        if target.endpoints and spelt(target.endpoints):
            return target.endpoints
        known, now = self._found.get(id(target)), self.clock()
        if known is not None and known[0] is target and now < known[2]:
            return known[1]
        found = await endpoints_of(target, environment)
        if known is not None and known[1] == found:
            found = known[1]  # the same objects, which are recognised sooner
        if len(self._found) >= KEPT:
            self._found.clear()
        self._found[id(target)] = target, found, now + FRESH
        return found

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
        origin = passage.origin
        if origin is None:
            return
        if passage.endpoint is None:
            name = f"{target.host}:{target.port}"
            origin.know(name, await self._endpoints(target, environment), self.clock())
            if origin.resilience.health:
                self.checks.follow(origin, name, target, environment)
            balancing = origin.resilience.balancing
            key = sticking.key_of(balancing, exchange, passage) if balancing.hash_keys else None
            chosen = origin.choose(name, key, passage.tried, self.clock())
            if chosen is None:
                raise Refused(503, "no_healthy_upstream", "no healthy upstream")
            passage.chose(chosen)
        if passage.endpoint is not None:  # else it has ended meanwhile
            exchange.target = narrowed(target, passage.endpoint)


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
        *changed.set,
        *changed.add,
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


_known: dict[int, tuple[Upstream, bool]] = {}


def _governs(upstream: Upstream) -> bool:
    """Whether the policy says anything of an origin. Kept by identity, for it is asked with every request."""
    if upstream.resilience is PLAIN_RESILIENCE:
        return False
    known = _known.get(id(upstream))
    if known is None or known[0] is not upstream:
        if len(_known) >= KEPT:
            _known.clear()
        known = _known[id(upstream)] = upstream, _counts(upstream.resilience)
    return known[1]


def _counts(resilience: Resilience) -> bool:
    """Whether it says anything that is kept count of, or that a connection is made with: the times of tunnels are not,
    and connections that idle for longer than the pool keeps them are not kept."""
    brief = resilience.idle_timeout if resilience.idle_timeout and resilience.idle_timeout < IDLE else None
    rest = replace(resilience, idle_timeout=brief, tcp_idle_timeout=None, as_client=False, proxy_protocol=0)
    return rest != PLAIN_RESILIENCE


def _origin_key(key: str, upstream: Upstream) -> str:
    return f"{key}:{upstream.port}"


def _keys(policy: Policy) -> Iterator[str]:
    for destination in policy.destinations:
        for port in destination.ports:
            yield _origin_key(destination.key, port.upstream)
            for backend in _backends(port):
                yield _origin_key(backend.key, backend.upstream)


def _backends(port: Port) -> Iterator[Backend]:
    for route in port.routes:
        yield from route.backends
        yield from (mirror.backend for mirror in route.mirrors)


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
