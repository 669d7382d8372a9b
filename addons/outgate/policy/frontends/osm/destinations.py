"""What all Egress documents come to together: destinations, who may use them, and by which requests.

Owns the joining of documents that name the same host or network: OSM asks each caller's own documents, so a host that
several name has one destination, and what differs by caller is said by routes and access rules. A document whose
UpstreamTrafficSetting is missing is left out as a whole, as OSM does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from outgate.policy.access_model import AccessPolicy, Action
from outgate.policy.frontends import Contribution, Inert
from outgate.policy.frontends.osm.egress import PROTOCOLS, Egress, RouteGroup, named
from outgate.policy.frontends.osm.upstream_setting import CONNECT_TIMEOUT, UpstreamSetting
from outgate.policy.frontends.outside import ANYWHERE
from outgate.policy.model import Destination, Intercept, Network, Port, Protocol, Resolution, Upstream, UpstreamTLS
from outgate.policy.resilience_model import PLAIN_RESILIENCE
from outgate.policy.route_model import Backend, RateLimit, Route, RouteMatch, Unmatched
from outgate.problems import Problem, Severity

GROUP = "HTTPRouteGroup"


@dataclass(slots=True)
class Destinations:
    """All documents of a load."""

    egresses: Sequence[Egress]
    groups: Mapping[str, RouteGroup]
    settings: Mapping[str, UpstreamSetting]
    contribution: Contribution
    used: set[str] = field(default_factory=set)
    limiting: set[RateLimit] = field(default_factory=set)
    """Limits that some route has."""

    def make(self) -> None:
        """Adds what the documents come to."""
        usable = [egress for egress in self.egresses if self._has_setting(egress)]
        made = [*self._named(usable), *self._addressed(usable)]
        self.contribution.destinations += made
        targets = tuple(dict.fromkeys(_target(destination) for destination in made))
        for egress in usable if targets else ():
            rules = (egress.rule(),)
            self.contribution.access.append(
                AccessPolicy(Action.ALLOW, rules, egress.resource.source(), targets=targets)
            )
        self._warn_unused()
        self._set_limits_aside()

    def _has_setting(self, egress: Egress) -> bool:
        if not egress.setting:
            return True
        key = f"{egress.resource.namespace}/{egress.setting}"
        self.used.add(key)
        if key in self.settings:
            return True
        reason = f"UpstreamTrafficSetting {key} is not there, so the whole Egress is ignored"
        self._warn(egress, reason, "add it")
        self.contribution.inert.append(Inert(egress.resource.reading, "", reason))
        return False

    def _named(self, egresses: Sequence[Egress]) -> Iterator[Destination]:
        hosts = dict.fromkeys(host for egress in egresses for host in egress.hosts)
        for host in hosts:
            ports: dict[int, tuple[str, list[Egress]]] = {}
            for egress in egresses:
                for number, protocol in egress.ports if host in egress.hosts else ():
                    if not named(protocol):
                        continue
                    known = ports.setdefault(number, (protocol, []))
                    if known[0] == protocol:
                        known[1].append(egress)
                    else:
                        self._warn(egress, f"port {number} of {host} is {known[0]} already", "use one protocol")
            if ports:
                yield self._destination(host, ports)

    def _destination(self, host: str, ports: Mapping[int, tuple[str, list[Egress]]]) -> Destination:
        """Where every document names addresses, only those are dialled: the one that the workload chose among them."""
        users = [egress for _, found in ports.values() for egress in found]
        bound = all(egress.networks for egress in users)
        for egress in users if not bound else ():
            if egress.networks:
                what = f"its addresses are not asked for: another Egress names {host} without any, so it allows nothing"
                self._warn(egress, what, "give both of them addresses, or neither")
        networks = dict.fromkeys(network for egress in users for network in egress.networks) if bound else {}
        first, key = users[0].resource, f"osm/{host}"
        return Destination(
            key=key,
            name=host,
            namespace=first.namespace,
            hosts=(host,),
            networks=tuple(networks),
            ports=tuple(self._port(number, *found, key, bound=bound) for number, found in ports.items()),
            source=first.source(),
        )

    def _addressed(self, egresses: Sequence[Egress]) -> Iterator[Destination]:
        """TCP: one destination for the networks of each document, as nothing but the address tells them apart."""
        alike: dict[tuple[Network, ...], list[Egress]] = {}
        for egress in egresses:
            if not all(named(protocol) for _, protocol in egress.ports):
                alike.setdefault(egress.networks or ANYWHERE, []).append(egress)
        for networks, users in alike.items():
            ports: dict[int, tuple[str, list[Egress]]] = {}
            for egress in users:
                for number, protocol in egress.ports:
                    if not named(protocol):
                        ports.setdefault(number, (protocol, []))[1].append(egress)
            source = users[0].resource
            key = f"osm/{source.namespace}/{source.name}/tcp"
            yield Destination(
                key=key,
                name=source.name,
                namespace=source.namespace,
                hosts=(),
                networks=networks,
                ports=tuple(self._port(number, *found, key, bound=True) for number, found in ports.items()),
                source=source.source(),
            )

    def _port(self, number: int, protocol: str, users: list[Egress], key: str, *, bound: bool) -> Port:
        spoken = PROTOCOLS[protocol]
        setting = self._setting(users)
        upstream = Upstream(
            number,
            Resolution.NONE if bound else Resolution.DNS,
            connect_timeout=setting.connect_timeout if setting is not None else CONNECT_TIMEOUT,
            resilience=setting.resilience if setting is not None else PLAIN_RESILIENCE,
        )
        routes = tuple(route for egress in users for route in self._routes(egress, spoken, upstream, key))
        differ = any(egress.groups for egress in users) and spoken is Protocol.HTTP
        limited = any(route.limits or route.backends for route in routes)
        return Port(
            number,
            spoken,
            upstream,
            Intercept.TUNNEL if spoken is not Protocol.HTTP else Intercept.DECRYPT,
            source=users[0].resource.source("spec.ports"),
            routes=routes if differ or limited else (),
            unmatched=Unmatched.NOT_FOUND if differ else None,
        )

    def _setting(self, users: list[Egress]) -> UpstreamSetting | None:
        """The first of the documents' settings: what is under way is counted once for a host."""
        found = {egress.setting: egress for egress in users if egress.setting}
        for egress in list(found.values())[1:]:
            self._warn(
                egress, "another Egress of the same host and port has another UpstreamTrafficSetting, which holds"
            )
        first = next(iter(found.values()), None)
        return self.settings[f"{first.resource.namespace}/{first.setting}"] if first is not None else None

    def _routes(self, egress: Egress, spoken: Protocol, upstream: Upstream, key: str) -> Iterator[Route]:
        setting = self.settings.get(f"{egress.resource.namespace}/{egress.setting}") if egress.setting else None
        common = () if setting is None else setting.requests if spoken is Protocol.HTTP else setting.connections
        self.limiting.update(common)
        if not egress.groups or spoken is not Protocol.HTTP:
            made = Route(egress.resource.name, limits=common, source=egress.resource.source())
            yield from _asked_by(egress, RouteMatch(), made, upstream, key)
            return
        for name in egress.groups:
            for match in self._requests(egress, name):
                own = tuple(_own_limits(setting, match))
                self.limiting.update(own)
                made = Route(name, limits=(*common, *own), source=egress.resource.source())
                yield from _asked_by(egress, match, made, upstream, key)

    def _requests(self, egress: Egress, name: str) -> tuple[RouteMatch, ...]:
        key = f"{egress.resource.namespace}/{name}"
        self.used.add(f"{GROUP}/{key}")
        if (group := self.groups.get(key)) is not None:
            return group.requests
        reason = f"{GROUP} {name} is not there, so it allows no request"
        self._warn(egress, reason, "add it")
        for match in egress.resource.spec.get("matches", []):
            if (match.get("kind"), match.get("name")) == (GROUP, name):
                self.contribution.inert.append(Inert(egress.resource.reading, match.path, reason))
        return ()

    def _set_limits_aside(self) -> None:
        """Says of limits of a setting that is used, and that are about no port or route, that they limit nothing."""
        for key in self.used & self.settings.keys():
            setting = self.settings[key]
            for limit in (*setting.connections, *setting.requests, *(limit for _, limit in setting.routes)):
                if limit not in self.limiting and limit.source is not None:
                    reason = "is about no port or route of an Egress that names it"
                    self.contribution.inert.append(Inert(setting.resource.reading, limit.source.field, reason))

    def _warn_unused(self) -> None:
        found = [(key, one.resource) for key, one in self.settings.items()]
        found += [(f"{GROUP}/{key}", one.resource) for key, one in self.groups.items()]
        for key, resource in found:
            if key not in self.used:
                reason = "is about no Egress here, and in-mesh traffic is not the gate's"
                self.contribution.inert.append(Inert(resource.reading, "", reason))
                self.contribution.problems.append(
                    Problem(
                        resource.document.where,
                        f"{resource} {reason}",
                        "name it in the matches of an Egress",
                        Severity.WARNING,
                    )
                )

    def _warn(self, egress: Egress, what: str, hint: str = "") -> None:
        where = egress.resource.document.where
        self.contribution.problems.append(Problem(where, f"{egress.resource}: {what}", hint, Severity.WARNING))


def _asked_by(egress: Egress, match: RouteMatch, route: Route, upstream: Upstream, key: str) -> Iterator[Route]:
    """The route for each of the document's sources; those that present no certificate share one."""
    callers: dict[UpstreamTLS | None, list[RouteMatch]] = {}
    encrypted = upstream.port in {number for number, protocol in egress.ports if protocol == "http"}
    for caller, tls in zip(egress.sources, egress.certificates, strict=True):
        asked = replace(match, caller=caller, networks=egress.networks)
        callers.setdefault(tls if encrypted else None, []).append(asked)
    for number, (tls, matches) in enumerate(callers.items()):
        own = f"{key}|{egress.resource.namespace}/{egress.resource.name}/{upstream.port}/{number}"
        backends = (Backend(own, replace(upstream, tls=tls)),) if tls is not None else ()
        yield replace(route, matches=tuple(matches), backends=backends)


def _own_limits(setting: UpstreamSetting | None, match: RouteMatch) -> Iterator[RateLimit]:
    for path, limit in setting.routes if setting is not None else ():
        if match.path is not None and match.path.value == path:
            yield limit


def _target(destination: Destination) -> str:
    source = destination.source
    return f"{source.kind}/{source.namespace}/{source.name}"
