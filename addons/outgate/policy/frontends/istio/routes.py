"""Where the traffic of a registered host and port ends: the routes of VirtualServices, gateway hops collapsed.

Owns the search for the route that applies, from the sidecar's hop through the egress gateway's to the host. Only what
ends at the host itself is applied; all else is reported. Matching by anything but port, gateway and name is not done,
so routes that differ by it must agree on where they lead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from outgate.policy.frontends.istio.common import covers, exports, qualified, unapplied
from outgate.policy.frontends.istio.destination_rules import Audience
from outgate.policy.frontends.istio.gateway import Gateways, Served
from outgate.policy.frontends.istio.hostnames import Names, subset_of, weight
from outgate.policy.frontends.istio.ports import HTTP_LIKE, TLS_LIKE
from outgate.policy.frontends.istio.resource import Resource
from outgate.policy.frontends.istio.route_matching import Fit, fit
from outgate.policy.frontends.istio.virtual_service import MESH, bound
from outgate.policy.schema import Record
from outgate.problems import Where

type Hop = tuple[tuple[str, str], ...]
"""The names of the gateways that a route may be bound to here."""

SIDECAR: Hop = (("", MESH),)


@dataclass(frozen=True, slots=True)
class Landing:
    """A port of the host itself, and whether a gateway on the way passes TLS as bytes."""

    port: int
    passthrough: bool = False


@dataclass(frozen=True, slots=True)
class Through:
    """Gateways that serve the host on a port."""

    servers: tuple[Served, ...]
    port: int


@dataclass(frozen=True, slots=True)
class Nowhere:
    """No route takes it: Istio answers 404, or closes."""


type End = Landing | Through | Nowhere


@dataclass(frozen=True, slots=True)
class Rule:
    """One route of a VirtualService."""

    service: Resource
    record: Record


@dataclass(slots=True)
class Routes:
    """All VirtualServices of a load. `registered` are the hosts of its ServiceEntries."""

    services: list[Resource]
    gateways: Gateways
    registered: frozenset[str]
    default_export: tuple[str, ...] = ("*",)
    used: set[tuple[str, str]] = field(default_factory=set)
    _said: set[tuple[Where, str]] = field(default_factory=set)
    _names: Names[Resource] = field(init=False)

    def __post_init__(self) -> None:
        self._names = Names((host, service) for service in self.services for host in hosts_of(service))

    def landing(self, host: str, port: int, protocol: str, entry: Audience) -> Landing | None:
        """Where a port of a registered host ends; None where no route takes its traffic."""
        end = self._end(host, port, protocol, SIDECAR, entry)
        passthrough = any(server.passthrough for server in self.gateways.at(host, port))
        if isinstance(end, Through):
            passthrough = passthrough or any(server.passthrough for server in end.servers)
            hop = tuple(server.key for server in end.servers)
            end = self._end(host, end.port, protocol, hop, entry)
        return Landing(end.port, passthrough) if isinstance(end, Landing) else None

    def check(self) -> None:
        """Reports every destination that is neither the host itself nor a gateway here, whether or not it is used."""
        for service in self.services:
            for rule in _rules([service], ("http", "tls", "tcp")) if service.spec.get("hosts") else ():
                self._check_shares(rule)
                for share in rule.record.get("route", []):
                    self._check_destination(rule, share.get("destination"))

    def _check_destination(self, rule: Rule, destination: Record) -> None:
        named, own = _named(rule, destination), hosts_of(rule.service)
        if named in own:
            self._check_subset(rule, destination)
        elif named in self.registered or not any(self._through(rule, host) for host in own):
            self._unapplied(rule, destination.at("host"), destination.under("host"), f"{own[0]} is sent to {named}")

    def warn_unused(self) -> None:
        for service in self.services:
            reading, where = service.reading, service.spec.at("hosts")
            if not service.spec.get("hosts"):
                reading.warn(
                    where, "spec.hosts", "no hosts: the routes are for others to delegate to, which is not yet applied"
                )
            elif (service.namespace, service.name) not in self.used:
                reading.warn(
                    where,
                    "spec.hosts",
                    f"no registered traffic of {', '.join(hosts_of(service))} takes these routes",
                    "register the hosts with a ServiceEntry",
                )

    def gateway_hosts(self) -> frozenset[str]:
        """The services that stand for a gateway here: what routes of sidecars name, and no entry registers."""
        found = (
            _named(rule, share.get("destination"))
            for rule in _rules(self.services, ("http", "tls", "tcp"))
            if any(self._through(rule, host) for host in hosts_of(rule.service))
            for share in rule.record.get("route", [])
        )
        return frozenset(found) - self.registered - {name for service in self.services for name in hosts_of(service)}

    def _end(self, host: str, port: int, protocol: str, hop: Hop, entry: Audience) -> End:
        services = self._bound(host, hop, entry)
        ends: dict[End, Rule | None] = {}
        for rule in _rules(services, _kinds(protocol)):
            fits = fit(rule.record, rule.service, host, port, hop)
            if fits is not Fit.NEVER:
                ends.setdefault(self._target(rule, host, port, hop), rule)
            if fits is Fit.ALWAYS:
                return self._agreed(ends)
        ends.setdefault(self._rest(services, protocol, port, hop), None)
        return self._agreed(ends)

    def _rest(self, services: list[Resource], protocol: str, port: int, hop: Hop) -> End:
        """What no route takes: to a sidecar, HTTP of a host with HTTP routes is not found; all else goes as it was."""
        if hop != SIDECAR or (protocol in HTTP_LIKE and any(service.spec.get("http") for service in services)):
            return Nowhere()
        return Landing(port)

    def _agreed(self, ends: dict[End, Rule | None]) -> End:
        """The one end of all routes. Where they differ by what is not yet looked at, that is reported."""
        rule = next(iter(ends.values()))
        if len(ends) > 1 and rule is not None:
            self._unapplied(
                rule, rule.record.where, rule.record.path, "where traffic goes depends on more than port and gateway"
            )
        return next((end for end in ends if not isinstance(end, Nowhere)), Nowhere())

    def _bound(self, host: str, hop: Hop, entry: Audience) -> list[Resource]:
        """The VirtualServices for a host at a hop, of the most specific name; for sidecars only the first of them."""
        covering = self._names.covering(host)
        self._say_partial(host, covering)
        fitting = [service for service in covering if self._is_bound(service, host, hop)]
        best = max((_specific(service, host) for service in fitting), default=0)
        chosen = [service for service in fitting if _specific(service, host) == best]
        chosen = chosen[:1] if hop == SIDECAR else chosen
        for service in chosen:
            self.used.add((service.namespace, service.name))
            export_to = exports(service.spec, self.default_export)
            if not covers(export_to, service.namespace, entry.export_to, entry.namespace):
                self._unapplied(
                    Rule(service, service.spec),
                    service.spec.at("exportTo"),
                    "spec.exportTo",
                    f"{host} is exported further than its routes",
                )
        return chosen

    def _is_bound(self, service: Resource, host: str, hop: Hop) -> bool:
        here = set(bound(service)) & set(hop)
        if hop == SIDECAR:
            return bool(here)
        servers = [server for server in self.gateways.serving(host) if server.key in here]
        return any(server.admits(host, service.namespace) for server in servers)

    def _target(self, rule: Rule, host: str, port: int, hop: Hop) -> End:
        """Where one route leads. What leads elsewhere is reported, and left out."""
        destination = self._check_shares(rule)
        if destination is None:
            return Landing(port)
        selector: Record | None = destination.get("port")
        number = selector.get("number", port) if selector is not None else port
        if (named := _named(rule, destination)) == host:
            self._check_subset(rule, destination)
            return Landing(number)
        if hop == SIDECAR and named not in self.registered and (servers := self.gateways.at(host, number)):
            return Through(tuple(servers), number)
        self._unapplied(rule, destination.at("host"), destination.under("host"), f"{host} is sent to {named}")
        return Landing(port)

    def _check_shares(self, rule: Rule) -> Record | None:
        """The destination of a route, the first of several."""
        shares: list[Record] = rule.record.get("route", [])
        taken = [share for share in shares if len(shares) == 1 or share.get("weight", 0)]
        if len(taken) > 1:
            self._unapplied(rule, rule.record.at("route"), rule.record.under("route"), "traffic is shared by weight")
        return taken[0].get("destination") if taken else None

    def _through(self, rule: Rule, host: str) -> bool:
        """Whether sidecars may take a route and a gateway here serves the host."""
        return bool(self.gateways.serving(host)) and ("", MESH) in bound(rule.service)

    def _check_subset(self, rule: Rule, destination: Record) -> None:
        if destination.get("subset"):
            self._unapplied(
                rule,
                destination.at("subset"),
                destination.under("subset"),
                f'only the subset "{destination.get("subset")}" is meant',
            )

    def _say_partial(self, host: str, covering: list[Resource]) -> None:
        """Routes for some names of a wildcard that is registered as a whole."""
        for service in self.services if host.startswith("*") else ():
            for item in service.spec.get("hosts", []) if service not in covering else ():
                name = qualified(item.value, service.namespace)
                if subset_of(name, host) and name not in self.registered:
                    what = f"{name} is only a part of the registered {host}"
                    self._unapplied(Rule(service, service.spec), item.where, item.path, what)

    def _unapplied(self, rule: Rule, where: Where, path: str, what: str) -> None:
        if (where, path) not in self._said:
            self._said.add((where, path))
            unapplied(rule.service.reading, where, path, what)


def hosts_of(service: Resource) -> tuple[str, ...]:
    return tuple(qualified(item.value, service.namespace) for item in service.spec.get("hosts", []))


def _named(rule: Rule, destination: Record) -> str:
    return qualified(destination.get("host", ""), rule.service.namespace)


def _specific(service: Resource, host: str) -> int:
    return max(weight(name) for name in hosts_of(service) if subset_of(host, name))


def _rules(services: list[Resource], kinds: tuple[str, ...]) -> Iterator[Rule]:
    for kind in kinds:
        for service in services:
            for record in service.spec.get(kind, []):
                yield Rule(service, record)


def _kinds(protocol: str) -> tuple[str, ...]:
    """Which routes a port's traffic may take. TLS is told apart by name first, then it is bytes like any other."""
    if protocol in HTTP_LIKE or not protocol:
        return ("http",)
    return ("tls", "tcp") if protocol in TLS_LIKE else ("tcp",)
