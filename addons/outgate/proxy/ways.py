"""The ways that requests take from a port: a route, one of its backends, and whose origin's state counts for it.

Owns what can be known of a way beforehand. One is made when it is first taken, and lives as long as its policy is in
force.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from outgate.policy.model import EVERY_PORT, Destination, Port, Upstream
from outgate.policy.resilience_model import PLAIN_RESILIENCE, Resilience
from outgate.policy.route_model import Backend, Route
from outgate.policy.snapshot import Policy
from outgate.proxy.plan import Plan
from outgate.upstream.pool import IDLE

KEPT = 8192


@dataclass(frozen=True, slots=True)
class Way:
    """Of one destination, port, route and backend."""

    destination: Destination
    port: Port
    plan: Plan
    origin: str
    """The key by which the state of its origin is kept; empty where there is nothing to keep."""
    resilience: Resilience


@dataclass(slots=True)
class Ways:
    """Kept by identity: what a way is of is held by it, so that ids stay theirs."""

    _ways: dict[tuple[int, int, int, int], Way] = field(default_factory=dict)
    _governed: dict[int, tuple[Upstream, bool]] = field(default_factory=dict)

    def of(self, destination: Destination, port: Port, route: Route, backend: Backend | None) -> Way:
        key = (id(destination), id(port), id(route), id(backend))
        way = self._ways.get(key)
        if way is None:
            if len(self._ways) >= KEPT:
                self._ways.clear()
            way = self._ways[key] = self._made(destination, port, route, backend)
        return way

    def governs(self, upstream: Upstream) -> bool:
        """Whether the policy says anything of an origin."""
        if upstream.resilience is PLAIN_RESILIENCE:
            return False
        known = self._governed.get(id(upstream))
        if known is None or known[0] is not upstream:
            if len(self._governed) >= KEPT:
                self._governed.clear()
            known = self._governed[id(upstream)] = upstream, _counts(upstream.resilience)
        return known[1]

    def forget(self) -> None:
        """Their policy is not in force any more."""
        self._ways.clear()
        self._governed.clear()

    def _made(self, destination: Destination, port: Port, route: Route, backend: Backend | None) -> Way:
        upstream = port.upstream if backend is None else backend.upstream
        key = origin_key(destination.key if backend is None else backend.key, upstream)
        kept = key if self.governs(upstream) else ""
        return Way(destination, port, Plan(route, backend), kept, upstream.resilience)


def _counts(resilience: Resilience) -> bool:
    """Whether it says anything that is kept count of, or that a connection is made with: the times of tunnels are not,
    and connections that idle for longer than the pool keeps them are not kept."""
    brief = resilience.idle_timeout if resilience.idle_timeout and resilience.idle_timeout < IDLE else None
    rest = replace(resilience, idle_timeout=brief, tcp_idle_timeout=None, as_client=False, proxy_protocol=0)
    return rest != PLAIN_RESILIENCE


def origin_key(key: str, upstream: Upstream) -> str:
    return f"{key}:{upstream.port}"


def origins_of(policy: Policy) -> tuple[frozenset[str], frozenset[str]]:
    """The keys of all origins, and of destinations each of whose ports has one."""
    keys, whole = set[str](), set[str]()
    for destination in policy.destinations:
        for port in destination.ports:
            if port.number == EVERY_PORT:
                whole.add(destination.key)
            keys.add(origin_key(destination.key, port.upstream))
            keys |= {origin_key(backend.key, backend.upstream) for backend in _backends(port)}
    return frozenset(keys), frozenset(whole)


def _backends(port: Port) -> Iterator[Backend]:
    for route in port.routes:
        yield from route.backends
        yield from (mirror.backend for mirror in route.mirrors)
