"""Which routes of VirtualServices a request may take at a sidecar and at a gateway, in Istio's order.

Owns the search: which services are bound for a host, what is delegated to others, and what becomes of the rest. What a
route makes of a request is `route_making.py`'s.
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
from outgate.policy.frontends.istio.route_joining import delegated
from outgate.policy.frontends.istio.route_matching import Place, matches_at
from outgate.policy.frontends.istio.virtual_service import MESH, bound
from outgate.policy.route_model import RouteMatch
from outgate.policy.schema import Record
from outgate.problems import Where

SIDECAR = (("", MESH),)
INHERITED = (
    "rewrite",
    "timeout",
    "retries",
    "fault",
    "mirror",
    "mirrorPercent",
    "mirrorPercentage",
    "mirrors",
    "headers",
)
"""What a delegate takes from the route that leads to it, where it says nothing itself."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One route of a VirtualService."""

    service: Resource
    record: Record


@dataclass(frozen=True, slots=True)
class Taken:
    """A rule that may be taken at a place, and when; no matches: always."""

    rule: Rule
    matches: tuple[RouteMatch, ...]


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
    _delegates: dict[tuple[str, str], Resource] = field(init=False)

    def __post_init__(self) -> None:
        self._names = Names((host, service) for service in self.services for host in hosts_of(service))
        free = [service for service in self.services if not service.spec.get("hosts")]
        self._delegates = {(service.namespace, service.name): service for service in reversed(free)}

    def taken(self, place: Place, protocol: str, entry: Audience) -> list[Taken]:
        """The rules that may be taken, in order, up to one that takes everything."""
        found: list[Taken] = []
        for taken in self._candidates(place, protocol, entry):
            found.append(taken)
            if not taken.matches:
                break
        return found

    def finds_nothing(self, place: Place, protocol: str, entry: Audience) -> bool:
        """Whether what no rule takes is not found: at a gateway, and at a sidecar HTTP of a host with HTTP routes."""
        if place.hop != SIDECAR:
            return True
        services = self._bound(place, entry)
        return protocol in HTTP_LIKE and any(service.spec.get("http") for service in services)

    def narrower(self, host: str) -> list[str]:
        """The names with routes that are only a part of a registered wildcard."""
        if not host.startswith("*"):
            return []
        names = (name for service in self.services for name in hosts_of(service))
        return [name for name in dict.fromkeys(names) if name not in self.registered and self._within(name, host)]

    def through(self, rule: Rule, destination: Record, place: Place) -> list[Served]:
        """The gateways here that a destination of a sidecar's route leads to."""
        if place.hop != SIDECAR or named(rule, destination) in self.registered:
            return []
        return self.gateways.at(place.host, port_of(destination, place.port))

    def passes_tls(self, place: Place, protocol: str, entry: Audience) -> bool:
        """Whether a gateway at the port, or one that a sidecar's route leads to, passes TLS as bytes."""
        if not self.gateways.all:
            return False
        servers = list(self.gateways.at(place.host, place.port))
        for taken in self.taken(place, protocol, entry):
            for share in taken.rule.record.get("route", []):
                servers += self.through(taken.rule, share.get("destination"), place)
        return any(server.passthrough for server in servers)

    def check(self) -> None:
        """Reports every destination that is registered by nobody and no gateway here, whether or not it is used."""
        for rule in _rules(self.services, ("http", "tls", "tcp")):
            own = hosts_of(rule.service)
            for share in rule.record.get("route", []) if own else ():
                destination: Record = share.get("destination")
                known = named(rule, destination) in (*own, *self.registered)
                if not known and not any(self._led(rule, host) for host in own):
                    self.unregistered(rule, destination)

    def unregistered(self, rule: Rule, destination: Record) -> None:
        what = f"{named(rule, destination)} is registered by no ServiceEntry, so nothing can be sent there"
        self.report(rule, destination.at("host"), destination.under("host"), what, "register it, or name another host")

    def report(self, rule: Rule, where: Where, path: str, what: str, hint: str) -> None:
        """Once; where loading is lenient it is a warning, and what takes such a route is not found."""
        if (where, path) in self._said:
            return
        self._said.add((where, path))
        if rule.service.reading.strict:
            rule.service.reading.error(where, path, what, f"{hint}, or load with --lenient")
        else:
            rule.service.reading.warn(where, path, what, hint)

    def warn(self, rule: Rule, destination: Record, what: str) -> None:
        """Once, that what takes a route is not found."""
        if (destination.where, what) not in self._said:
            self._said.add((destination.where, what))
            rule.service.reading.warn(destination.where, destination.path, what)

    def warn_unused(self) -> None:
        for service in self.services:
            if (service.namespace, service.name) in self.used:
                continue
            reading, where = service.reading, service.spec.at("hosts")
            if not service.spec.get("hosts"):
                reading.warn(where, "spec.hosts", "no hosts, and nothing that is used delegates to it")
            else:
                reading.warn(
                    where,
                    "spec.hosts",
                    f"no registered traffic of {', '.join(hosts_of(service))} takes these routes",
                    "register the hosts with a ServiceEntry, on a port whose protocol shows what is matched",
                )

    def gateway_hosts(self) -> frozenset[str]:
        """The services that stand for a gateway here: what routes of sidecars name, and no entry registers."""
        found = (
            named(rule, share.get("destination"))
            for rule in _rules(self.services, ("http", "tls", "tcp"))
            if any(self._led(rule, host) for host in hosts_of(rule.service))
            for share in rule.record.get("route", [])
        )
        return frozenset(found) - self.registered - {name for service in self.services for name in hosts_of(service)}

    def _candidates(self, place: Place, protocol: str, entry: Audience) -> Iterator[Taken]:
        for rule in _rules(self._bound(place, entry), _kinds(protocol)):
            self.used.add((rule.service.namespace, rule.service.name))
            matches = matches_at(rule.record, rule.service, place)
            if matches is not None and "delegate" in rule.record:
                yield from self._delegated(rule, matches, place)
            elif matches is not None:
                yield Taken(rule, matches)

    def _delegated(self, root: Rule, matches: tuple[RouteMatch, ...], place: Place) -> Iterator[Taken]:
        """The rules of the VirtualService that a rule delegates to."""
        block: Record = root.record.get("delegate")
        key = block.get("namespace") or root.service.namespace, block.get("name", "")
        service = self._delegates.get(key)
        if service is None:
            what = f"{'/'.join(key)} is no VirtualService without hosts"
            self.report(root, block.at("name"), block.under("name"), what, "name one that is loaded")
            return
        self.used.add((service.namespace, service.name))
        for leaf in service.spec.get("http", []):
            own = matches_at(leaf, root.service, place)
            both = delegated(matches, own) if own is not None else None
            if own is not None and both is None:
                service.reading.warn(
                    leaf.where, leaf.path, f"asks for more than {root.service} delegates, and is left out"
                )
            elif both is not None:
                yield Taken(Rule(service, _inheriting(root.record, leaf)), both)

    def _bound(self, place: Place, entry: Audience) -> list[Resource]:
        """The VirtualServices for a host at a hop, of the most specific name; for sidecars only the first of them."""
        if not self.services:
            return []
        host, hop = place.host, place.hop
        fitting = [service for service in self._names.covering(host) if self._is_bound(service, place)]
        best = max((_specific(service, host) for service in fitting), default=0)
        chosen = [service for service in fitting if _specific(service, host) == best]
        chosen = chosen[:1] if hop == SIDECAR else chosen
        for service in chosen:
            export_to = exports(service.spec, self.default_export)
            if not covers(export_to, service.namespace, entry.export_to, entry.namespace):
                where, what = service.spec.at("exportTo"), f"{host} is exported further than its routes"
                if (where, "spec.exportTo") not in self._said:
                    self._said.add((where, "spec.exportTo"))
                    unapplied(service.reading, where, "spec.exportTo", what)
        return chosen

    def _is_bound(self, service: Resource, place: Place) -> bool:
        here = set(bound(service)) & set(place.hop)
        if place.hop == SIDECAR:
            return bool(here)
        servers = [server for server in self.gateways.serving(place.host) if server.key in here]
        return any(server.admits(place.host, service.namespace) for server in servers)

    def _led(self, rule: Rule, host: str) -> bool:
        """Whether sidecars may take a route and a gateway here serves the host."""
        return bool(self.gateways.serving(host)) and ("", MESH) in bound(rule.service)

    def _within(self, name: str, host: str) -> bool:
        return name != host and subset_of(name, host)


def hosts_of(service: Resource) -> tuple[str, ...]:
    return tuple(qualified(item.value, service.namespace) for item in service.spec.get("hosts", []))


def named(rule: Rule, destination: Record) -> str:
    """The host of a destination in full."""
    return qualified(destination.get("host", ""), rule.service.namespace)


def port_of(destination: Record, otherwise: int) -> int:
    """The port that a destination names."""
    selector: Record | None = destination.get("port")
    number: int = selector.get("number", otherwise) if selector is not None else otherwise
    return number


def _inheriting(root: Record, leaf: Record) -> Record:
    values = {name: root.get(name) for name in INHERITED if name in root} | leaf.values
    return Record(leaf.where, leaf.path, values, {name: root.at(name) for name in values} | leaf.places)


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
