"""Egress and HTTPRouteGroup: who may reach which hosts and ports, by which requests.

Owns their shapes and what one document says by itself. What several say together is `destinations.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network

from outgate.policy.access_model import AccessRule, Attribute, Condition
from outgate.policy.addresses import as_routed
from outgate.policy.documents import Document
from outgate.policy.frontends import Contribution, Inert, Setting
from outgate.policy.frontends.expressions import expression_fault
from outgate.policy.frontends.osm.certificates import MTLS, client_tls
from outgate.policy.frontends.osm.resource import Resource, read
from outgate.policy.hosts import HostError, canonical_host
from outgate.policy.model import Fate, Network, Protocol, UpstreamTLS
from outgate.policy.route_model import NamedMatch, RouteMatch, TextKind, TextMatch
from outgate.policy.schema import Choice, Field, Fields, Integer, Mapping, Record, Sequence, Text
from outgate.problems import Severity

SETTINGS_GROUP = "policy.openservicemesh.io"
ROUTES_GROUP = "specs.smi-spec.io"
GROUPS = {"HTTPRouteGroup": ROUTES_GROUP, "UpstreamTrafficSetting": SETTINGS_GROUP}
PROTOCOLS = {
    "http": Protocol.HTTP,
    "https": Protocol.TLS,
    "tcp": Protocol.TCP,
    "tcp-server-first": Protocol.TCP,
}
"""HTTPS passes as it is, told by its server name."""

ACCOUNT = "ServiceAccount"
SOURCE = Fields(
    {
        "kind": Field(Text(empty=False), required=True),
        "name": Field(Text(empty=False), required=True),
        "namespace": Field(Text(empty=False), required=True),
        "mtls": Field(MTLS),
    }
)
MATCH = Fields(
    {
        "apiGroup": Field(Text(empty=False), required=True),
        "kind": Field(Choice(tuple(GROUPS)), required=True),
        "name": Field(Text(empty=False), required=True),
    }
)
PORT = Fields(
    {
        "number": Field(Integer(1, 65535), required=True),
        "protocol": Field(Choice(tuple(PROTOCOLS), fold=True), required=True),
    }
)
EGRESS = Fields(
    {
        "sources": Field(Sequence(SOURCE), required=True),
        "hosts": Field(Sequence(Text())),
        "ipAddresses": Field(Sequence(Text())),
        "ports": Field(Sequence(PORT), required=True),
        "matches": Field(Sequence(MATCH)),
    }
)

REQUEST = Fields(
    {
        "name": Field(Text(), fate=Fate.IGNORED, note="a name for people"),
        "methods": Field(Sequence(Text())),
        "pathRegex": Field(Text()),
        "headers": Field(Mapping(Text())),
    }
)
ROUTE_GROUP = Fields({"matches": Field(Sequence(REQUEST))})


@dataclass(frozen=True, slots=True, eq=False)
class Egress:
    """One Egress document in words of the model."""

    resource: Resource
    sources: tuple[tuple[Condition, ...], ...]
    hosts: tuple[str, ...]
    networks: tuple[Network, ...]
    ports: tuple[tuple[int, str], ...]
    """Number and OSM's own name of the protocol."""
    groups: tuple[str, ...]
    setting: str
    """Name of its UpstreamTrafficSetting; empty where it names none."""
    certificates: tuple[UpstreamTLS | None, ...] = ()
    """With which each of the sources is known to an origin; None: plain text, as the workload spoke."""

    @property
    def target(self) -> str:
        return f"Egress/{self.resource.namespace}/{self.resource.name}"

    def rule(self) -> AccessRule:
        """Leave for its sources to use its hosts, networks and ports."""
        operations = [self._operation(number, protocol) for number, protocol in self.ports]
        return AccessRule(self.sources, tuple(filter(None, operations)), source=self.resource.source())

    def _operation(self, number: int, protocol: str) -> tuple[Condition, ...]:
        places: list[Condition] = [Condition(Attribute.PORT, (str(number),))]
        if named(protocol):
            if not self.hosts:
                return ()
            spelt = (*self.hosts, *(f"{host}:{number}" for host in self.hosts))
            places.append(Condition(Attribute.HOST, spelt))
        if self.networks:
            places.append(Condition(Attribute.DESTINATION_IP, tuple(map(str, self.networks))))
        return tuple(places)


@dataclass(frozen=True, slots=True, eq=False)
class RouteGroup:
    """The requests that an HTTPRouteGroup names."""

    resource: Resource
    requests: tuple[RouteMatch, ...]

    @property
    def key(self) -> str:
        return f"{self.resource.namespace}/{self.resource.name}"


def named(protocol: str) -> bool:
    """Whether traffic of a protocol names its host."""
    return protocol in ("http", "https")


def egress(document: Document, setting: Setting, contribution: Contribution) -> Egress | None:
    """An Egress document; None, said why, where it allows nothing."""
    resource = read(document, EGRESS, setting, contribution)
    if resource is None:
        return None
    sources = list(_sources(resource))
    made = Egress(
        resource,
        tuple(_caller(source) for source in sources),
        tuple(_hosts(resource)),
        tuple(_networks(resource)),
        tuple((port.get("number"), port.get("protocol")) for port in resource.spec.get("ports", [])),
        tuple(match.get("name") for match in _matches(resource, "HTTPRouteGroup")),
        next((match.get("name") for match in _matches(resource, "UpstreamTrafficSetting")), ""),
        tuple(client_tls(source, resource, setting.osm_secrets) for source in sources),
    )
    _check(resource, made)
    contribution.problems += resource.reading.problems
    contribution.inert += _without_effect(made)
    return None if resource.reading.failed or not made.sources else made


def _without_effect(made: Egress) -> Iterator[Inert]:
    resource = made.resource
    if not made.sources:
        yield Inert(resource.reading, "", "nobody is named, so that nothing is allowed")
    for source in resource.spec.get("sources", []):
        if source.get("kind") != ACCOUNT:
            yield Inert(resource.reading, source.path, f"only a {ACCOUNT} is a caller")
    if not any(named(protocol) for _, protocol in made.ports):
        yield Inert(resource.reading, "spec.hosts", "bytes name no host: ipAddresses say where they may go")
    if not any(protocol == "http" for _, protocol in made.ports):
        for match in _matches(resource, "HTTPRouteGroup"):
            yield Inert(resource.reading, match.path, "only http ports show requests")


def requests(document: Document, setting: Setting, contribution: Contribution) -> RouteGroup | None:
    """A HTTPRouteGroup, or None where it cannot be used."""
    resource = read(document, ROUTE_GROUP, setting, contribution)
    if resource is None:
        return None
    found = [match for request in resource.spec.get("matches", []) for match in _request(request, resource)]
    contribution.problems += resource.reading.problems
    return None if resource.reading.failed else RouteGroup(resource, tuple(found))


def _request(request: Record, resource: Resource) -> Iterator[RouteMatch]:
    path = _regex(request.get("pathRegex", ""), request, "pathRegex", resource)
    headers = tuple(
        NamedMatch(name.lower(), match)
        for name, value in request.get("headers", {}).items()
        if (match := _regex(value, request, "headers", resource)) is not None
    )
    methods = [method for method in request.get("methods", []) if method]
    for method in methods if methods and "*" not in methods else [""]:
        wanted = TextMatch(TextKind.EXACT, method) if method else None
        yield RouteMatch(path=path, method=wanted, headers=headers)


def _regex(text: str, request: Record, field: str, resource: Resource) -> TextMatch | None:
    if not text:
        return None
    if why := expression_fault(text):
        resource.reading.error(
            request.at(field), request.under(field), f'"{text}" is not an RE2 expression: {why}', "correct it"
        )
    return TextMatch(TextKind.REGEX, text)


def _sources(resource: Resource) -> Iterator[Record]:
    for source in resource.spec.get("sources", []):
        if source.get("kind") == ACCOUNT:
            yield source
        else:
            what = f'"{source.get("kind")}" is no kind of caller, so that nobody is meant'
            resource.reading.warn(source.at("kind"), source.under("kind"), what, f"use {ACCOUNT}")


def _caller(source: Record) -> tuple[Condition, ...]:
    return (Condition(Attribute.SERVICE_ACCOUNT, (f"{source.get('namespace')}/{source.get('name')}",)),)


def _hosts(resource: Resource) -> Iterator[str]:
    for number, host in enumerate(resource.spec.get("hosts", [])):
        try:
            yield canonical_host(host)
        except HostError as error:
            what = f'"{host}" matches nothing: {error}'
            resource.reading.warn(
                resource.spec.at("hosts"), f"spec.hosts[{number}]", what, "write a whole name; there are no wildcards"
            )


def _networks(resource: Resource) -> Iterator[Network]:
    for number, text in enumerate(resource.spec.get("ipAddresses", [])):
        try:
            yield as_routed(ip_network(text, strict=False))
        except ValueError:
            where, path = resource.spec.at("ipAddresses"), f"spec.ipAddresses[{number}]"
            resource.reading.error(where, path, f'"{text}" is not a network', 'write "192.0.2.0/24"')


def _matches(resource: Resource, kind: str) -> list[Record]:
    return [match for match in resource.spec.get("matches", []) if match.get("kind") == kind]


def _check(resource: Resource, made: Egress) -> None:
    reading, spec = resource.reading, resource.spec
    for match in spec.get("matches", []):
        group = GROUPS[match.get("kind")]
        if match.get("apiGroup").partition("/")[0] != group:
            what = f'"{match.get("apiGroup")}" is not the group of {match.get("kind")}'
            reading.error(match.at("apiGroup"), match.under("apiGroup"), what, f'write "{group}/..."')
    for match in _matches(resource, "UpstreamTrafficSetting")[1:]:
        reading.error(match.where, match.path, "a second UpstreamTrafficSetting", "name one")
    if any(made.certificates) and any(protocol != "http" for _, protocol in made.ports):
        what = "certificates are presented on http ports; on others the workload's own bytes pass"
        reading.warn(spec.at("ports"), "spec.ports", what, "give them an Egress of their own")
    if not made.hosts and any(named(protocol) for _, protocol in made.ports):
        reading.warn(spec.where, "spec", "without hosts its http and https ports allow nothing", "add hosts")
    if not made.sources and not any(problem.severity is Severity.ERROR for problem in reading.problems):
        reading.warn(spec.at("sources"), "spec.sources", "nobody is named, so that nothing is allowed", "add a source")
