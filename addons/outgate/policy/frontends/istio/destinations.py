"""What a ServiceEntry comes to, with the routes, gateways and rules that apply to it.

Owns the making of `Destination`s: one for the hosts that are treated alike. Which route and rule apply is looked up,
not decided, here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_network

from outgate.policy.addresses import as_routed
from outgate.policy.frontends.istio import client_tls
from outgate.policy.frontends.istio.common import UNIX, exports, is_partial
from outgate.policy.frontends.istio.destination_rules import Audience, DestinationRules, Terms
from outgate.policy.frontends.istio.mesh_config import MeshSettings
from outgate.policy.frontends.istio.ports import TLS_LIKE, intercept, needs_http2, spoken
from outgate.policy.frontends.istio.resource import Resource
from outgate.policy.frontends.istio.routes import Routes
from outgate.policy.hosts import canonical_host, canonical_pattern
from outgate.policy.model import Destination, Endpoint, Intercept, Port, Protocol, Resolution, Upstream, UpstreamTLS
from outgate.policy.schema import Record


@dataclass(frozen=True, slots=True)
class Target:
    """The entry and port that traffic is dialled by; another port than the workload's where a route says so."""

    entry: Resource
    port: Record

    @property
    def number(self) -> int:
        number: int = self.port.get("number")
        return number

    @property
    def dialled(self) -> int:
        number: int = self.port.get("targetPort") or self.port.get("number")
        return number


@dataclass(slots=True)
class Destinations:
    """All ServiceEntries of a load, made into destinations."""

    entries: list[Resource]
    routes: Routes
    rules: DestinationRules
    mesh: MeshSettings
    _registrants: dict[str, list[Resource]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for entry in self.entries:
            for host in hosts_of(entry):
                self._registrants.setdefault(host, []).append(entry)

    def make(self) -> Iterator[Destination]:
        for entry in self.entries:
            alike: dict[tuple[Port, ...], list[str]] = {}
            for host in hosts_of(entry):
                alike.setdefault(tuple(self._ports(entry, host)), []).append(host)
            for ports, hosts in alike.items():
                yield self._destination(entry, hosts, ports, alone=len(alike) == 1)

    def _destination(self, entry: Resource, hosts: list[str], ports: tuple[Port, ...], *, alone: bool) -> Destination:
        own = f"istio/{entry.namespace}/{entry.name}"
        addresses = (item.value for item in entry.spec.get("addresses", []))
        return Destination(
            key=own if alone else f"{own}/{hosts[0]}",
            name=entry.name,
            namespace=entry.namespace,
            hosts=tuple(hosts),
            networks=tuple(as_routed(ip_network(address, strict=False)) for address in addresses),
            ports=ports,
            source=entry.source(),
            export_to=self._audience(entry).export_to,
            internal=entry.spec.get("location") == "MESH_INTERNAL",
            owner=entry.document.annotation("owner"),
            purpose=entry.document.annotation("purpose"),
        )

    def _audience(self, entry: Resource) -> Audience:
        return Audience(entry.namespace, exports(entry.spec, self.mesh.service_exports))

    def _ports(self, entry: Resource, host: str) -> Iterator[Port]:
        for record in entry.spec.get("ports", []):
            port = self._port(entry, host, record)
            if port is not None:
                yield port

    def _port(self, entry: Resource, host: str, record: Record) -> Port | None:
        """One port as the workload sees it, or None, said why, where its traffic reaches nothing."""
        name, number = record.get("protocol", ""), record.get("number")
        protocol = spoken(name)
        if protocol is None:
            return None
        landing = self.routes.landing(host, number, name, self._audience(entry))
        target = self._target(entry, host, landing.port) if landing is not None else None
        if landing is None or target is None:
            where = "no route takes it" if landing is None else f"its route ends at port {landing.port}, which is none"
            entry.reading.warn(record.where, record.path, f"{host} is refused on port {number}: {where}")
            return None
        passed = landing.passthrough and protocol is not Protocol.HTTP
        treated = Intercept.TUNNEL if passed else intercept(protocol)
        terms = self.rules.terms(host, target.number, self._audience(target.entry))
        return Port(
            number=number,
            protocol=protocol,
            upstream=self._upstream(target, terms, self._tls(target, record, terms, treated)),
            intercept=treated,
            tls=client_tls.verified(_names(target.entry), self.mesh.tls_floor),
            source=entry.source(record.path, record.where),
        )

    def _target(self, entry: Resource, host: str, number: int) -> Target | None:
        """The port of the entry, else of the first other one that registers it for the host."""
        for candidate in (entry, *self._registrants.get(host, ())):
            for port in candidate.spec.get("ports", []):
                if port.get("number") == number:
                    return Target(candidate, port)
        return None

    def _upstream(self, target: Target, terms: Terms | None, tls: UpstreamTLS | None) -> Upstream:
        protocol = spoken(target.port.get("protocol", ""))
        timeout = terms.connect_timeout if terms is not None else None
        return Upstream(
            port=target.dialled,
            resolution=Resolution(target.entry.spec.get("resolution", "NONE")),
            endpoints=tuple(_endpoints(target)),
            tls=tls,
            http2=protocol is not None and needs_http2(protocol),
            connect_timeout=self.mesh.connect_timeout if timeout is None else timeout,
        )

    def _tls(self, target: Target, record: Record, terms: Terms | None, treated: Intercept) -> UpstreamTLS | None:
        """The TLS that the gate starts for a port, if a rule has it start any."""
        block = terms.tls if terms is not None else None
        mode = block.get("mode", "DISABLE") if block is not None else "DISABLE"
        if terms is None or block is None or mode == "DISABLE":
            self._check_plain(target, record)
            return None
        if mode == "ISTIO_MUTUAL":
            _refuse_mesh_identity(target.entry, terms, block)
            return None
        if treated is Intercept.TUNNEL and record.get("protocol", "") in TLS_LIKE:
            terms.rule.reading.warn(
                block.at("mode"),
                block.under("mode"),
                f"{mode} on port {target.number} of {target.entry.name} would "
                "be TLS inside TLS: the workload's own is passed as it is",
                "leave it out, or give the port protocol HTTP",
            )
            return None
        return client_tls.upstream_tls(block, _names(target.entry), self.mesh.tls_floor, terms.source())

    def _check_plain(self, target: Target, record: Record) -> None:
        """Plain HTTP that a route sends to a TLS port arrives there in the clear."""
        own = record.get("protocol", "")
        if target.port is not record and own not in ("", *TLS_LIKE) and target.port.get("protocol", "") in TLS_LIKE:
            target.entry.reading.warn(
                target.port.where,
                target.port.path,
                f"{own} of port {record.get('number')} is sent here in the clear",
                "add a DestinationRule with tls for this port",
            )


def _refuse_mesh_identity(entry: Resource, terms: Terms, block: Record) -> None:
    """Sent without the identity that it demands, traffic would arrive as nobody's."""
    if entry.spec.get("location") != "MESH_INTERNAL" and not terms.rule.reading.strict:
        terms.rule.reading.error(
            block.at("mode"),
            block.under("mode"),
            f"ISTIO_MUTUAL cannot be had of {entry.name}, which is outside the mesh",
            "use SIMPLE or MUTUAL",
        )


def hosts_of(entry: Resource) -> list[str]:
    """The names of an entry in canonical form; those with half a wildcard are left out."""
    items = entry.spec.get("hosts", [])
    return list(dict.fromkeys(canonical_pattern(item.value) for item in items if not is_partial(item.value)))


def _names(entry: Resource) -> tuple[str, ...]:
    return tuple(entry.spec.get("subjectAltNames", []))


def _endpoints(target: Target) -> Iterator[Endpoint]:
    """The places that an entry lists. Sockets, and endpoints of other networks without an address, are left out."""
    name = target.port.get("name")
    listed: Iterable[Record] = target.entry.spec.get("endpoints", [])
    for endpoint in listed:
        address = endpoint.get("address", "")
        if not address or address.startswith(UNIX):
            continue
        ports = endpoint.get("ports", {})
        yield Endpoint(
            address=canonical_host(address),
            port=ports[name].value if name in ports else target.dialled,
            weight=endpoint.get("weight") or 1,
            locality=endpoint.get("locality", ""),
            labels=tuple(sorted(endpoint.get("labels", {}).items())),
        )
