"""What a ServiceEntry comes to, with the routes, gateways and rules that apply to it.

Owns the making of `Destination`s: one for the hosts that are treated alike. What becomes of a port's traffic is looked
up, not decided, here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_network

from outgate.policy.addresses import as_routed
from outgate.policy.frontends.istio import client_tls
from outgate.policy.frontends.istio.mesh_config import MeshSettings
from outgate.policy.frontends.istio.ports import HTTP_LIKE, intercept, spoken
from outgate.policy.frontends.istio.rate_limits import RateLimits
from outgate.policy.frontends.istio.resource import Resource
from outgate.policy.frontends.istio.route_making import PortRoutes, RouteMaker, backend_key, rekeyed
from outgate.policy.frontends.istio.route_matching import Place
from outgate.policy.frontends.istio.routes import SIDECAR, Routes
from outgate.policy.frontends.istio.upstreams import Arrival, Upstreams, alternative_names, hosts_of
from outgate.policy.model import Destination, Intercept, Port, Protocol
from outgate.policy.route_model import Route
from outgate.policy.schema import Record


@dataclass(slots=True)
class Destinations:
    """All ServiceEntries of a load, made into destinations."""

    entries: list[Resource]
    routes: Routes
    upstreams: Upstreams
    limits: RateLimits
    mesh: MeshSettings
    _usual_routes: dict[tuple[object, ...], Route] = field(default_factory=dict)

    def make(self) -> list[Destination]:
        keys: dict[str, str] = {}
        made = [destination for entry in self.entries for destination in self._of_entry(entry, keys)]
        return [_rekeyed(destination, keys) for destination in made]

    def _of_entry(self, entry: Resource, keys: dict[str, str]) -> Iterator[Destination]:
        alike: dict[tuple[Port, ...], list[str]] = {}
        for host in self._hosts(entry):
            alike.setdefault(tuple(self._ports(entry, host)), []).append(host)
        for ports, hosts in alike.items():
            destination = self._destination(entry, hosts, ports, alone=len(alike) == 1)
            keys |= {backend_key(entry, host): destination.key for host in hosts}
            yield destination

    def _hosts(self, entry: Resource) -> list[str]:
        """Those of an entry, and those within its wildcards that have routes of their own."""
        own = hosts_of(entry)
        return list(dict.fromkeys(own + [name for host in own for name in self.routes.narrower(host)]))

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
            export_to=self.upstreams.audience(entry).export_to,
            internal=entry.spec.get("location") == "MESH_INTERNAL",
            owner=entry.document.annotation("owner"),
            purpose=entry.document.annotation("purpose"),
        )

    def _ports(self, entry: Resource, host: str) -> Iterator[Port]:
        for record in entry.spec.get("ports", []):
            protocol = spoken(record.get("protocol", ""))
            if protocol is not None:
                yield self._port(entry, host, record, protocol)

    def _port(self, entry: Resource, host: str, record: Record, protocol: Protocol) -> Port:
        """One port as the workload sees it."""
        name, number = record.get("protocol", ""), record.get("number")
        passed = self.routes.passes_tls(Place(host, number, SIDECAR), name, self.upstreams.audience(entry))
        tunnelled = passed and protocol is not Protocol.HTTP
        treated = Intercept.TUNNEL if tunnelled else intercept(protocol)
        made = self._routed(host, Arrival(entry, record, treated))
        if made.nowhere:
            entry.reading.warn(record.where, record.path, f"{host} is refused on port {number}: no route takes it")
        return Port(
            number=number,
            protocol=protocol,
            upstream=made.upstream,
            intercept=treated,
            tls=client_tls.verified(alternative_names(entry), self.mesh.tls_floor),
            source=entry.source(record.path, record.where),
            routes=made.routes,
            unmatched=made.unmatched,
        )

    def _routed(self, host: str, arrival: Arrival) -> PortRoutes:
        name = arrival.port.get("protocol", "")
        usual = self.mesh.retries if name in HTTP_LIKE or not name else None
        maker = RouteMaker(self.routes, self.upstreams, self.limits, host, arrival, usual, self._usual_routes)
        return maker.make()


def _rekeyed(destination: Destination, keys: Mapping[str, str]) -> Destination:
    ports = tuple(rekeyed(port, keys) for port in destination.ports)
    changed = any(new is not old for new, old in zip(ports, destination.ports, strict=True))
    return replace(destination, ports=ports) if changed else destination
