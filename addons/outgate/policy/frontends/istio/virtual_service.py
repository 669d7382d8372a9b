"""VirtualService: its shape, and what Istio asks of its fields together.

Owns hosts, gateways, and the TLS and TCP routes; HTTP routes are in `http_route.py` and `http_checks.py`. Where routes
lead is `routes.py`'s.
"""

from __future__ import annotations

import re
from itertools import pairwise

from outgate.policy.frontends.istio import http_checks
from outgate.policy.frontends.istio.common import (
    DNS_LABEL,
    EXPORTS,
    NETWORK,
    OPTIONAL_PORT,
    Item,
    Labels,
    Placed,
    check_exports,
    check_gateway_names,
    is_address,
    pattern_fault,
)
from outgate.policy.frontends.istio.hostnames import overlap, subset_of
from outgate.policy.frontends.istio.http_route import DESTINATION, HTTP, WEIGHT
from outgate.policy.frontends.istio.resource import NETWORKING, Kind, Resource, envelope
from outgate.policy.model import Fate
from outgate.policy.schema import Field, Fields, Reading, Record, Sequence, Text

MESH = "mesh"
"""The name of the gateway that is every sidecar."""
GENERATED = re.compile(r"outbound_\.[0-9]+_\..*")
"""The SNI of a mesh-internal connection through a gateway."""

ROUTE = Sequence(Fields({"destination": Field(DESTINATION, required=True), "weight": WEIGHT}, snake=True))

_LAYER_4 = {
    "port": Field(OPTIONAL_PORT),
    "gateways": Field(Sequence(Placed(Text()))),
    "destinationSubnets": Field(Sequence(NETWORK)),
    "sourceLabels": Field(Labels()),
    "sourceNamespace": Field(DNS_LABEL),
}

TLS = Fields(
    {
        "match": Field(
            Sequence(
                Fields(
                    {
                        "sniHosts": Field(Sequence(Placed(Text()), least=1), required=True),
                        **_LAYER_4,
                    },
                    snake=True,
                ),
                least=1,
            ),
            required=True,
        ),
        "route": Field(ROUTE, required=True),
    },
    snake=True,
)

TCP = Fields(
    {
        "match": Field(
            Sequence(
                Fields(
                    {
                        "sourceSubnet": Field(NETWORK, fate=Fate.IGNORED, note="Istio does not look at it either"),
                        **_LAYER_4,
                    },
                    snake=True,
                )
            )
        ),
        "route": Field(ROUTE, required=True),
    },
    snake=True,
)

SPEC = Fields(
    {
        "hosts": Field(Sequence(Placed(Text()))),
        "gateways": Field(Sequence(Placed(Text()))),
        "http": Field(Sequence(HTTP)),
        "tls": Field(Sequence(TLS)),
        "tcp": Field(Sequence(TCP)),
        "exportTo": Field(EXPORTS),
    },
    snake=True,
)


def check(service: Resource) -> None:
    """Everything that one value alone does not show."""
    spec, reading = service.spec, service.reading
    names = [item.value for item in spec.get("gateways", [])]
    gateway = bool(names) and MESH not in names
    check_gateway_names(spec.get("gateways", []), reading)
    check_exports(spec, service.namespace, reading)
    if not spec.get("hosts"):
        _check_delegate(spec, reading)
    _check_hosts(spec, reading, gateway=gateway)
    if not any(spec.get(name) for name in ("http", "tls", "tcp")) and not reading.failed:
        reading.error(spec.where, "spec", "has no routes", "add http, tls or tcp routes")
    for route in spec.get("http", []):
        http_checks.check(route, reading, delegated=not spec.get("hosts"), gateway=gateway)
        _check_weights(route, reading)
    for route in spec.get("tls", []):
        _check_tls(route, spec.get("hosts", []), reading)
    for route in (*spec.get("tls", []), *spec.get("tcp", [])):
        _check_layer_4(route, reading)
        _check_weights(route, reading)
    _check_reach(spec, reading)


def _check_delegate(spec: Record, reading: Reading) -> None:
    for name in ("gateways", "tls", "tcp"):
        if spec.get(name):
            reading.error(
                spec.at(name), spec.under(name), "is not for a VirtualService without hosts", "name hosts, or remove it"
            )


def _check_hosts(spec: Record, reading: Reading, *, gateway: bool) -> None:
    hosts: list[Item] = spec.get("hosts", [])
    faulty = False
    for item in hosts:
        if fault := _host_fault(item.value, spec, gateway=gateway):
            reading.error(item.where, item.path, f'"{item.value}" {fault}', 'write "api.example.com"')
            faulty = True
    for index, item in enumerate(hosts if not faulty else []):
        other = next((other.value for other in hosts[:index] if overlap(item.value, other.value)), None)
        if other is not None:
            reading.error(item.where, item.path, f'"{item.value}" and "{other}" share hosts', "keep one of the two")


def _host_fault(host: str, spec: Record, *, gateway: bool) -> str:
    if host == "*" and not gateway:
        return "is every host, which only a gateway may route"
    if is_address(host) or (gateway and spec.get("tls") and GENERATED.fullmatch(host)):
        return ""
    return pattern_fault(host)


def _check_tls(route: Record, hosts: list[Item], reading: Reading) -> None:
    for match in route.get("match", []):
        for item in match.get("sniHosts", []):
            if is_address(item.value):
                reading.warn(item.where, item.path, f'"{item.value}" is an address, which no client sends as SNI')
            elif (fault := pattern_fault(item.value)) and not GENERATED.fullmatch(item.value):
                reading.error(item.where, item.path, f'"{item.value}" {fault}', 'write "api.example.com"')
            elif not any(subset_of(item.value, host.value) for host in hosts):
                reading.error(
                    item.where, item.path, f'"{item.value}" is within none of the hosts', "add it to spec.hosts"
                )


def _check_layer_4(route: Record, reading: Reading) -> None:
    if route.get("route") == [] and not reading.failed:
        reading.error(route.at("route"), route.under("route"), "an empty route", "add a destination")
    for match in route.get("match", []):
        check_gateway_names(match.get("gateways", []), reading)


def _check_weights(route: Record, reading: Reading) -> None:
    """Several destinations share by weight; a weight of 0 is never taken."""
    shares: list[Record] = route.get("route", [])
    if len(shares) > 1 and sum(share.get("weight", 0) for share in shares) == 0:
        reading.error(route.at("route"), route.under("route"), "the weights add up to 0", "give a weight to one")


def _check_reach(spec: Record, reading: Reading) -> None:
    """Routes after one that takes everything are never reached."""
    for kind in ("http", "tcp"):
        routes: list[Record] = spec.get(kind, [])
        for route, later in pairwise(routes):
            if not route.get("match"):
                reading.warn(later.where, later.path, f"is never reached: {route.path} takes everything", "move it up")
                break


def bound(service: Resource) -> tuple[tuple[str, str], ...]:
    """The gateways of a VirtualService, by namespace and name; `mesh` has no namespace."""
    items: list[Item] = service.spec.get("gateways", [])
    return tuple(gateway_key(item.value, service.namespace) for item in items) or (("", MESH),)


def gateway_key(text: str, namespace: str) -> tuple[str, str]:
    if text == MESH:
        return "", MESH
    owner, slash, name = text.rpartition("/")
    if slash:
        return owner, name
    first, _, rest = text.partition(".")
    return rest.partition(".")[0] or namespace, first


KIND = Kind("VirtualService", "networking.istio.io", NETWORKING, envelope(Field(SPEC)), check)
