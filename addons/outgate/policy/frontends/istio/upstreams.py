"""Where and how the gate dials for a host, a port and a subset of a load's ServiceEntries.

Owns the search for the entry, the endpoints of a subset, the TLS that the gate starts, and the resilience that rules
ask for. Knows no routes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from outgate.policy.frontends.istio import client_tls
from outgate.policy.frontends.istio.common import UNIX, exports, is_partial, unapplied
from outgate.policy.frontends.istio.destination_rules import Audience, DestinationRules, Terms
from outgate.policy.frontends.istio.mesh_config import MeshSettings
from outgate.policy.frontends.istio.ports import HTTP_LIKE, TLS_LIKE, needs_http2, spoken
from outgate.policy.frontends.istio.resilience import resilience, warn_idle
from outgate.policy.frontends.istio.resource import Resource
from outgate.policy.frontends.istio.traffic_policy import connecting
from outgate.policy.hosts import canonical_host, canonical_pattern
from outgate.policy.model import Endpoint, Intercept, Resolution, Tunnel, Upstream, UpstreamTLS
from outgate.policy.resilience_model import Resilience
from outgate.policy.schema import Record


@dataclass(frozen=True, slots=True)
class Target:
    """The entry and port that traffic is dialled by."""

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


@dataclass(frozen=True, slots=True)
class Arrival:
    """How the workload's traffic comes: the port of the entry that it names, and what becomes of its TLS."""

    entry: Resource
    port: Record
    treated: Intercept


@dataclass(slots=True)
class Upstreams:
    """All that the entries and rules of a load lead to."""

    entries: list[Resource]
    rules: DestinationRules
    mesh: MeshSettings
    secrets: str
    """The directory of those that a `credentialName` names."""
    _registrants: dict[str, list[Resource]] = field(default_factory=dict)
    _made: dict[tuple[int, ...], Resilience] = field(default_factory=dict)
    _said: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        for entry in self.entries:
            for host in hosts_of(entry):
                self._registrants.setdefault(host, []).append(entry)

    def registers(self, host: str) -> bool:
        return host in self._registrants

    def audience(self, entry: Resource) -> Audience:
        return Audience(entry.namespace, exports(entry.spec, self.mesh.service_exports))

    def target(self, host: str, number: int, first: Resource | None = None) -> Target | None:
        """The port of an entry, else of the first other one that registers it for the host."""
        for candidate in (*([first] if first is not None else []), *self._registrants.get(host, ())):
            for port in candidate.spec.get("ports", []):
                if port.get("number") == number:
                    return Target(candidate, port)
        return None

    def only(self, host: str) -> Target | None:
        """The one port that a host has; None where it has several."""
        found = [Target(entry, port) for entry in self._registrants[host] for port in entry.spec.get("ports", [])]
        return found[0] if len(found) == 1 else None

    def has_subset(self, name: str, host: str, target: Target) -> bool:
        return self.rules.subset(name, host, target.number, self.audience(target.entry)) is not None

    def is_empty(self, host: str, target: Target, subset: str) -> bool:
        """Whether no endpoint is of a subset. What has no endpoints but its name has no labels."""
        terms = self._terms(host, target, subset)
        return bool(terms is not None and terms.labels) and not _of_subset(target, terms)

    def upstream(self, host: str, target: Target, arrival: Arrival, subset: str = "") -> Upstream:
        """How a target is dialled."""
        terms = self._terms(host, target, subset)
        endpoints = _of_subset(target, terms)
        name = target.port.get("protocol", "")
        protocol = spoken(name)
        timeout, said = connecting(terms.block("connectionPool") if terms is not None else None)
        upgraded = name in HTTP_LIKE and (self.mesh.upgrades if said is None else said)
        return Upstream(
            port=target.dialled,
            resolution=self._resolution(target, terms),
            endpoints=endpoints,
            tls=self._tls(target, arrival, terms),
            http2=upgraded or (protocol is not None and needs_http2(protocol)),
            connect_timeout=self.mesh.connect_timeout if timeout is None else timeout,
            resilience=self._resilience(terms, len(endpoints)),
            tunnel=self._tunnel(arrival, terms),
        )

    def _terms(self, host: str, target: Target, subset: str) -> Terms | None:
        audience = self.audience(target.entry)
        if subset:
            return self.rules.subset(subset, host, target.number, audience)
        return self.rules.terms(host, target.number, audience)

    def _resolution(self, target: Target, terms: Terms | None) -> Resolution:
        resolution = Resolution(target.entry.spec.get("resolution", "NONE"))
        balancer = terms.block("loadBalancer") if terms is not None else None
        passing = balancer is not None and balancer.get("simple") == "PASSTHROUGH"
        if terms is not None and balancer is not None and passing and resolution is not Resolution.NONE:
            self._refuse_passing(terms, balancer)
        return resolution

    def _refuse_passing(self, terms: Terms, balancer: Record) -> None:
        """Once: what a name leads to is what the gate resolves, not what the workload dialled."""
        if id(balancer) not in self._said:
            self._said.add(id(balancer))
            what = "PASSTHROUGH dials where the workload said"
            unapplied(terms.rule.reading, balancer.at("simple"), balancer.under("simple"), what)

    def _tunnel(self, arrival: Arrival, terms: Terms | None) -> Tunnel | None:
        """As in Istio, HTTP knows of no tunnel: the proxy is sent the requests as they are."""
        block = terms.block("tunnel") if terms is not None else None
        if terms is None or block is None:
            return None
        if block.get("protocol") == "POST" and id(block) not in self._said:
            self._said.add(id(block))
            unapplied(terms.rule.reading, block.at("protocol"), block.under("protocol"), "a tunnel by POST")
        if arrival.port.get("protocol", "") in HTTP_LIKE:
            what = "is for TLS and TCP: HTTP is sent to the proxy as it is"
            terms.rule.reading.warn(block.where, block.path, what, "route it by tcp on a port of protocol TCP")
            return None
        source = terms.rule.source(block.under("targetHost"), block.at("targetHost"))
        return Tunnel(canonical_host(block.get("targetHost")), block.get("targetPort"), source)

    def _resilience(self, terms: Terms | None, places: int) -> Resilience:
        """One for all ports for which the same blocks hold."""
        if terms is None:
            return self.mesh.resilience
        key = tuple(id(block) for _, block in terms.blocks)
        if key not in self._made:
            made = resilience(dict(terms.blocks), self.mesh.resilience, self.mesh.locality)
            self._made[key] = made if made == self.mesh.resilience else replace(made, source=terms.rule.source())
            self._warn_idle(terms, places)
        return self._made[key]

    def _warn_idle(self, terms: Terms, places: int) -> None:
        """Once for each block."""
        outliers = terms.block("outlierDetection")
        if id(outliers) not in self._said:
            self._said.add(id(outliers))
            warn_idle(outliers, places, terms.rule.reading)

    def _tls(self, target: Target, arrival: Arrival, terms: Terms | None) -> UpstreamTLS | None:
        """The TLS that the gate starts for a port, if a rule has it start any."""
        block = terms.block("tls") if terms is not None else None
        mode = block.get("mode", "DISABLE") if block is not None else "DISABLE"
        if terms is None or block is None or mode == "DISABLE":
            _check_plain(target, arrival)
            return None
        if mode == "ISTIO_MUTUAL":
            _refuse_mesh_identity(target.entry, terms, block)
            return None
        passed = arrival.treated is Intercept.TUNNEL and arrival.port.get("protocol", "") in TLS_LIKE
        if passed and terms.block("tunnel") is None:
            terms.rule.reading.warn(
                block.at("mode"),
                block.under("mode"),
                f"{mode} on port {target.number} of {target.entry.name} would "
                "be TLS inside TLS: the workload's own is passed as it is",
                "leave it out, or give the port protocol HTTP",
            )
            return None
        made = client_tls.upstream_tls(block, alternative_names(target.entry), self.mesh.tls_floor, terms.source())
        return client_tls.with_credential(made, block, self.secrets)


def _check_plain(target: Target, arrival: Arrival) -> None:
    """Plain HTTP that a route sends to a TLS port arrives there in the clear."""
    own = arrival.port.get("protocol", "")
    if target.port is not arrival.port and own not in ("", *TLS_LIKE) and target.port.get("protocol", "") in TLS_LIKE:
        target.entry.reading.warn(
            target.port.where,
            target.port.path,
            f"{own} of port {arrival.port.get('number')} is sent here in the clear",
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


def alternative_names(entry: Resource) -> tuple[str, ...]:
    return tuple(entry.spec.get("subjectAltNames", []))


def _of_subset(target: Target, terms: Terms | None) -> tuple[Endpoint, ...]:
    wanted = set(terms.labels or ()) if terms is not None else set()
    return tuple(endpoint for endpoint in _endpoints(target) if wanted <= set(endpoint.labels))


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
