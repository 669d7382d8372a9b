"""MeshPassthrough: what leaves although nothing registers it.

Owns the shape, its checks, and the destinations of `appendMatch`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_network

from outgate.policy.frontends.kuma.resource import Resource
from outgate.policy.frontends.kuma.shapes import Count, OneOf
from outgate.policy.frontends.kuma.single import Single
from outgate.policy.frontends.kuma.timeouts import CONNECT
from outgate.policy.hosts import HostError, canonical_pattern
from outgate.policy.model import EVERY_PORT, Destination, Intercept, Mode, Network, Port, Protocol, Resolution, Upstream
from outgate.policy.schema import Field, Fields, Record, Sequence, Text

PROTOCOLS = {
    "tcp": Protocol.TCP,
    "tls": Protocol.TLS,
    "grpc": Protocol.GRPC,
    "http": Protocol.HTTP,
    "http2": Protocol.HTTP2,
    "mysql": Protocol.TCP,
}
BYTES = ("tcp", "mysql")
HTTP = ("grpc", "http", "http2")
MODES = {"None": Mode.REGISTRY_ONLY, "All": Mode.ALLOW_ANY, "Matched": Mode.REGISTRY_ONLY}
WILDCARD = re.compile(r"\*\.[^*]+")

MATCH = Fields(
    {
        "type": Field(OneOf("type", ("Domain", "IP", "CIDR")), required=True),
        "value": Field(Text(empty=False), required=True),
        "port": Field(Count(1, 65535, "port must be a valid (1-65535)")),
        "protocol": Field(OneOf("protocol", tuple(PROTOCOLS))),
    }
)
CONF = Fields({"passthroughMode": Field(OneOf("passthroughMode", tuple(MODES))), "appendMatch": Field(Sequence(MATCH))})


def _check(conf: Record, resource: Resource) -> None:
    seen: set[tuple[object, ...]] = set()
    for match in conf.get("appendMatch", []):
        _check_match(match, resource)
        identity = (match.get("value"), match.get("port"), match.get("protocol", "tcp"))
        if identity in seen:
            what = "value, port and protocol are those of another entry"
            resource.reading.error(match.where, match.path, what, "remove one")
        seen.add(identity)


def _check_match(match: Record, resource: Resource) -> None:
    reading, kind, value = resource.reading, match.get("type"), match.get("value")
    protocol = match.get("protocol", "tcp")
    if kind == "Domain":
        if protocol in BYTES:
            what = f"protocol {protocol} is not supported for a domain"
            reading.error(match.at("protocol"), match.under("protocol"), what, "name an address, or use tls or http")
        if "*" in value and not WILDCARD.fullmatch(value):
            what = "provided DNS has incorrect definition: a wildcard is a whole label, the first one"
            reading.error(match.at("value"), match.under("value"), what, "write *.example.com")
        elif "*" in value and protocol in HTTP and "port" not in match:
            what = "wildcard domains doesn't work for all ports and layer 7 protocol"
            reading.error(match.where, match.under("port"), what, "add the port")
        elif not _is_name(value):
            reading.error(match.at("value"), match.under("value"), "provided DNS has incorrect value")
        return
    try:
        ip_network(value, strict=False)
    except ValueError:
        reading.error(match.at("value"), match.under("value"), f"provided {kind} has incorrect value")
        return
    if (kind == "CIDR") != ("/" in value):
        reading.error(match.at("value"), match.under("value"), f"provided {kind} has incorrect value")


def _is_name(value: str) -> bool:
    try:
        canonical_pattern(value)
    except HostError:
        return False
    return True


@dataclass(slots=True)
class Passthrough:
    """What the conf in force makes of everything that is not registered."""

    conf: Record
    resource: Resource
    """Of the policy that comes first, which also answers for the mode."""

    @property
    def mode(self) -> Mode:
        return MODES[self.conf.get("passthroughMode", "None")]

    def destinations(self) -> Iterator[Destination]:
        """Of `Matched`."""
        if self.conf.get("passthroughMode") != "Matched":
            return
        found: dict[str, list[Record]] = {}
        for match in self.conf.get("appendMatch", []):
            found.setdefault(match.get("value").lower(), []).append(match)
        for value, matches in found.items():
            wider = (match for other in found if _covers(other, value) for match in found[other])
            yield self._destination(value, [*matches, *wider])

    def _destination(self, value: str, matches: list[Record]) -> Destination:
        domain = matches[0].get("type") == "Domain"
        networks: tuple[Network, ...] = () if domain else (ip_network(value, strict=False),)
        return Destination(
            key=f"kuma/{self.resource.mesh}/passthrough/{value}",
            name=value,
            namespace=self.resource.namespace,
            hosts=(canonical_pattern(value),) if domain else (),
            networks=networks,
            ports=tuple(self._ports(matches, _resolution(value) if domain else Resolution.NONE)),
            source=self.resource.source(matches[0].path, matches[0].where),
        )

    def _ports(self, matches: Iterable[Record], resolution: Resolution) -> Iterator[Port]:
        """What is said of every port holds beside what is said of one."""
        spoken: dict[int, dict[str, Record]] = {}
        for match in matches:
            spoken.setdefault(match.get("port", EVERY_PORT), {}).setdefault(match.get("protocol", "tcp"), match)
        for number, own in spoken.items():
            first, protocols = next(iter(own.values())), own | spoken.get(EVERY_PORT, {})
            yield Port(
                number,
                Protocol.ANY if len(protocols) > 1 else PROTOCOLS[next(iter(protocols))],
                Upstream(number, resolution, connect_timeout=CONNECT),
                Intercept.TUNNEL,
                source=self.resource.source(first.path, first.where),
            )


def _covers(wide: str, narrow: str) -> bool:
    """Whether a wildcard is about a name, too. What the name's own match does not speak, the wildcard's may."""
    return wide != narrow and wide.startswith("*.") and narrow.removeprefix("*").endswith(wide[1:])


def _resolution(domain: str) -> Resolution:
    """Below a wildcard the workload says which name it is."""
    return Resolution.DYNAMIC_DNS if domain.startswith("*") else Resolution.DNS


KIND = Single("MeshPassthrough", CONF, _check)
