"""The routes of one port of a registered host: every rule that may be taken, made into a route of the model.

Owns where a rule leads: backends by weight, mirrors, and the hop through an egress gateway, which is collapsed into the
route that the gateway takes. Which rules there are is `routes.py`'s, how an origin is dialled `upstreams.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from outgate.policy.frontends.istio import route_actions as actions
from outgate.policy.frontends.istio.destination_rules import Audience
from outgate.policy.frontends.istio.gateway import Served
from outgate.policy.frontends.istio.rate_limits import RateLimits
from outgate.policy.frontends.istio.resource import Resource
from outgate.policy.frontends.istio.route_joining import Apart, joined
from outgate.policy.frontends.istio.route_matching import Place, with_path
from outgate.policy.frontends.istio.routes import SIDECAR, Routes, Rule, Taken, named, port_of
from outgate.policy.frontends.istio.upstreams import Arrival, Target, Upstreams
from outgate.policy.model import Port, Source, Upstream
from outgate.policy.route_model import (
    Backend,
    Mirror,
    Redirect,
    RetryPolicy,
    Rewrite,
    Route,
    RouteMatch,
    TextKind,
    TextMatch,
    Unmatched,
)
from outgate.policy.schema import Record

PRESENT = TextMatch(TextKind.PRESENT)

type Made = tuple[Rule | None, Route]


@dataclass(frozen=True, slots=True)
class PortRoutes:
    """What becomes of a port: its routes, and the upstream of what they do not send elsewhere."""

    upstream: Upstream
    routes: tuple[Route, ...]
    unmatched: Unmatched | None

    @property
    def nowhere(self) -> bool:
        """Whether nothing that arrives leads anywhere."""
        return bool(self.routes) and all(route.missing for route in self.routes) and self.unmatched is not None


@dataclass(slots=True)
class RouteMaker:
    """For one host, as it arrives on one port."""

    routes: Routes
    upstreams: Upstreams
    limits: RateLimits
    host: str
    arrival: Arrival
    usual: RetryPolicy | None
    """The retries of requests of which nobody says anything; None on a port of which Istio sees no requests."""
    usual_routes: dict[tuple[object, ...], Route]
    """Of ports without rules, shared by all that are alike."""
    _upstreams: dict[tuple[str, int, str], Upstream] = field(default_factory=dict)

    def make(self) -> PortRoutes:
        number, protocol = self.arrival.port.get("number"), self.arrival.port.get("protocol", "")
        place = Place(self.host, number, SIDECAR)
        found = [route for _, route in self._at(place)]
        if not protocol and found:
            found = [*map(_of_http, found), _of_http(Route(missing=True, source=found[-1].source))]
        not_found = self.routes.finds_nothing(place, protocol, self._audience)
        if not not_found and not (found and not found[-1].matches):
            found += self._rest(place)
        unmatched = Unmatched.NOT_FOUND if not_found else None
        if not found and not_found:
            found = [Route(missing=True, source=self.arrival.entry.source())]
        own = self._upstream(self.host, Target(self.arrival.entry, self.arrival.port), "")
        return _lifted(found, own, unmatched)

    @property
    def _audience(self) -> Audience:
        return self.upstreams.audience(self.arrival.entry)

    @property
    def _protocol(self) -> str:
        protocol: str = self.arrival.port.get("protocol", "")
        return protocol

    def _rest(self, place: Place) -> list[Route]:
        """What no rule takes goes as it was, with what holds for every request."""
        limits = self.limits.at(self.host, place.port, self._protocol)
        if self.usual is None and not limits:
            return []
        key = (self.usual, limits)
        if key not in self.usual_routes:
            self.usual_routes[key] = Route(retry=self.usual, limits=limits)
        return [self.usual_routes[key]]

    def _at(self, place: Place) -> Iterator[Made]:
        for taken in self.routes.taken(place, self._protocol, self._audience):
            yield from self._made(taken, place)

    def _made(self, taken: Taken, place: Place) -> Iterator[Made]:
        rule, record = taken.rule, taken.rule.record
        route = self._actions(taken, place)
        shares = _shares(record)
        gateways = [self.routes.through(rule, share.get("destination"), place) for share in shares]
        if route.redirect is not None or route.direct is not None:
            yield rule, route
        elif any(gateways):
            yield from self._through(rule, route, shares, gateways)
        else:
            backends = tuple(self._backends(rule, shares, place))
            rewrite = _rewriting_host(route.rewrite, shares)
            yield rule, replace(route, backends=backends, rewrite=rewrite, missing=not backends)

    def _actions(self, taken: Taken, place: Place) -> Route:
        """Everything but where it leads."""
        rule, record, reading = taken.rule, taken.rule.record, taken.rule.service.reading
        rewrite = actions.rewrite(record, reading)
        redirect = actions.redirect(record.get("redirect"), place.port, reading)
        headers = record.get("headers")
        return Route(
            name=record.get("name", ""),
            matches=with_path(taken.matches) if _by_prefix(rewrite, redirect) else taken.matches,
            redirect=redirect,
            direct=actions.direct(record.get("directResponse"), reading),
            rewrite=rewrite,
            request_headers=actions.changes(headers, "request", reading),
            response_headers=actions.changes(headers, "response", reading),
            timeout=record.get("timeout"),
            retry=actions.retries(record.get("retries"), self.usual),
            faults=actions.fault(record.get("fault"), _source(rule, "fault"), reading),
            mirrors=tuple(self._mirrors(rule, place)),
            limits=self.limits.at(self.host, place.port, self._protocol, record.get("name", "")),
            source=rule.service.source(record.path, record.where),
        )

    def _through(self, rule: Rule, route: Route, shares: list[Record], gateways: list[list[Served]]) -> Iterator[Made]:
        """The routes of the gateway that a rule leads to, each with what the rule does before."""
        record = rule.record
        places = {
            Place(self.host, port_of(share.get("destination"), self.arrival.port.get("number")), _hop(servers))
            for share, servers in zip(shares, gateways, strict=True)
        }
        if len(places) > 1 or not all(gateways):
            what = "traffic is shared between a gateway and somewhere else"
            self.routes.report(rule, record.at("route"), record.under("route"), what, "share it at the gateway")
            yield rule, replace(route, missing=True)
            return
        place, redirecting = places.pop(), _redirecting(gateways)
        then: list[Made] = [(None, redirecting)] if redirecting is not None else list(self._at(place))
        if not then or then[-1][1].matches:
            then.append((None, Route(missing=True, source=route.source)))
        for other, next_route in then:
            try:
                both = joined(route, next_route, self.usual)
            except Apart as error:
                subject = other or rule
                what = f"{error} cannot be had of this route and of the one of the sidecar, {record.path}, at once"
                at = subject.record.where, subject.record.path
                self.routes.report(subject, *at, what, "say it in one of the two")
                both = replace(route, missing=True)
            if both is not None:
                yield other or rule, both

    def _backends(self, rule: Rule, shares: list[Record], place: Place) -> Iterator[Backend]:
        reading = rule.service.reading
        for share in shares:
            backend = self._backend(rule, share.get("destination"), place)
            if backend is None:
                continue
            headers: Record | None = share.get("headers")
            if len(shares) > 1 and actions.authority_set(headers) and headers is not None:
                what = "the host is set for a part of the traffic"
                self.routes.report(rule, headers.where, headers.path, what, "set it for the route")
            yield replace(
                backend,
                weight=share.get("weight", 1) if len(shares) > 1 else 1,
                request_headers=actions.changes(headers, "request", reading),
                response_headers=actions.changes(headers, "response", reading),
            )

    def _mirrors(self, rule: Rule, place: Place) -> Iterator[Mirror]:
        record = rule.record
        one: Record | None = record.get("mirror")
        whole: Record | None = record.get("mirrorPercentage")
        if one is not None:
            percent = whole.get("value", 0) if whole is not None else record.get("mirrorPercent", 100)
            yield from self._mirror(rule, one, place, float(percent))
        for mirror in record.get("mirrors", []):
            share: Record | None = mirror.get("percentage")
            percent = share.get("value", 0) if share is not None else 100
            yield from self._mirror(rule, mirror.get("destination"), place, float(percent))

    def _mirror(self, rule: Rule, destination: Record, place: Place, percent: float) -> Iterator[Mirror]:
        backend = self._backend(rule, destination, place)
        if backend is not None and percent:
            yield Mirror(backend, percent)

    def _backend(self, rule: Rule, destination: Record, place: Place) -> Backend | None:
        """The origin of a destination; None, said why, where there is none."""
        host, subset = named(rule, destination), destination.get("subset", "")
        if host != self.host and not self.upstreams.registers(host):
            self.routes.unregistered(rule, destination)
            return None
        target = self._target(host, destination, place)
        if target is None:
            what = f"ends at port {port_of(destination, place.port)}, which is none of {host}"
            self.routes.warn(rule, destination, what)
            return None
        if host != self.host and host.startswith("*"):
            self.routes.report(
                rule, destination.at("host"), destination.under("host"), f"{host} is no one place", "name a host"
            )
            return None
        if subset and not self.upstreams.has_subset(subset, host, target):
            what = f'no DestinationRule for {host} has the subset "{subset}"'
            self.routes.report(
                rule, destination.at("subset"), destination.under("subset"), what, "add it, or leave it out"
            )
            return None
        if self.upstreams.is_empty(host, target, subset):
            self.routes.warn(rule, destination, f'leads to the subset "{subset}", and no endpoint of {host} is of it')
            return None
        upstream = self._upstream(host, target, subset)
        key = backend_key(target.entry, host)
        return Backend(f"{key}|{subset}" if subset else key, upstream, None if host == self.host else host)

    def _target(self, host: str, destination: Record, place: Place) -> Target | None:
        """The port that is named, else the only one, else the one of the request."""
        first = self.arrival.entry if host == self.host else None
        if destination.get("port") is None and host != self.host:
            only = self.upstreams.only(host)
            if only is not None:
                return only
        return self.upstreams.target(host, port_of(destination, place.port), first)

    def _upstream(self, host: str, target: Target, subset: str) -> Upstream:
        key = host, id(target.port), subset
        if key not in self._upstreams:
            self._upstreams[key] = self.upstreams.upstream(host, target, self.arrival, subset)
        return self._upstreams[key]


def backend_key(entry: Resource, host: str) -> str:
    """Of a host of an entry, until it is known which of its hosts are one destination."""
    return f"{entry}/{host}"


def rekeyed(port: Port, keys: Mapping[str, str]) -> Port:
    """A port whose backends have the keys of their destinations."""
    if not any(route.backends or route.mirrors for route in port.routes):
        return port
    return replace(port, routes=tuple(_rekeyed(route, keys) for route in port.routes))


def _rekeyed(route: Route, keys: Mapping[str, str]) -> Route:
    def known(backend: Backend) -> Backend:
        key, bar, subset = backend.key.partition("|")
        return replace(backend, key=f"{keys[key]}{bar}{subset}")

    mirrors = tuple(replace(mirror, backend=known(mirror.backend)) for mirror in route.mirrors)
    return replace(route, backends=tuple(map(known, route.backends)), mirrors=mirrors)


def _of_http(route: Route) -> Route:
    """The same, on a port where other things than HTTP arrive, too."""
    matches = (replace(match, scheme=match.scheme or PRESENT) for match in route.matches or (RouteMatch(),))
    return replace(route, matches=tuple(matches))


def _redirecting(gateways: list[list[Served]]) -> Route | None:
    """What a gateway answers that takes no plain requests."""
    server = next((each for servers in gateways for each in servers if each.redirects), None)
    return Route(redirect=Redirect(scheme="https"), source=server.gateway.source()) if server is not None else None


def _hop(servers: list[Served]) -> tuple[tuple[str, str], ...]:
    return tuple(dict.fromkeys(server.key for server in servers))


def _source(rule: Rule, name: str) -> Source:
    return rule.service.source(rule.record.under(name), rule.record.at(name))


def _shares(record: Record) -> list[Record]:
    """The destinations that get any traffic."""
    shares: list[Record] = record.get("route", [])
    return [share for share in shares if len(shares) == 1 or share.get("weight", 0)]


def _by_prefix(rewrite: Rewrite | None, redirect: Redirect | None) -> bool:
    """Whether the matched prefix of the path is replaced."""
    return (rewrite is not None and rewrite.prefix is not None) or (
        redirect is not None and redirect.prefix is not None
    )


def _rewriting_host(rewrite: Rewrite | None, shares: list[Record]) -> Rewrite | None:
    """Also where it is the only destination that sets the host."""
    authority = actions.authority_set(shares[0].get("headers")) if len(shares) == 1 else ""
    if not authority:
        return rewrite
    return replace(rewrite or Rewrite(), authority=authority)


def _lifted(routes: list[Route], own: Upstream, unmatched: Unmatched | None) -> PortRoutes:
    """Where all routes lead to the same origin, it is the port's own."""
    backends = {backend for route in routes for backend in route.backends}
    plain = all(len(route.backends) == 1 for route in routes if route.backends)
    forwards = any(_forwards(route) for route in routes) or (unmatched is None and not _takes_all(routes))
    if plain and len(backends) == 1 and not forwards:
        backend = backends.pop()
        if backend == Backend(backend.key, backend.upstream) and "|" not in backend.key:
            stripped = tuple(replace(route, backends=()) for route in routes)
            return PortRoutes(backend.upstream, stripped, unmatched)
    return PortRoutes(own, tuple(routes), unmatched)


def _takes_all(routes: list[Route]) -> bool:
    return bool(routes) and not routes[-1].matches


def _forwards(route: Route) -> bool:
    return not (route.backends or route.missing or route.redirect or route.direct)
