"""Whether a route may take some traffic, as far as port, gateway and name tell.

Owns that judgement in three steps: never, depending on what is not yet looked at, always.
"""

from __future__ import annotations

from enum import StrEnum

from outgate.policy.frontends.istio.hostnames import overlap, subset_of
from outgate.policy.frontends.istio.resource import Resource
from outgate.policy.frontends.istio.virtual_service import bound, gateway_key
from outgate.policy.schema import Record

CONDITIONS = (
    "uri",
    "scheme",
    "method",
    "authority",
    "headers",
    "withoutHeaders",
    "queryParams",
    "sourceLabels",
    "sourceNamespace",
    "destinationSubnets",
    "sourceSubnet",
)


class Fit(StrEnum):
    NEVER = "never"
    SOMETIMES = "sometimes"
    ALWAYS = "always"


def fit(route: Record, service: Resource, host: str, port: int, hop: tuple[tuple[str, str], ...]) -> Fit:
    """Whether a route takes traffic for a host on a port at a hop. Any one match will do."""
    found = [_fit(match, service, host, port, hop) for match in route.get("match", [])]
    if not found:
        return Fit.ALWAYS if set(bound(service)) & set(hop) else Fit.NEVER
    return next((step for step in (Fit.ALWAYS, Fit.SOMETIMES) if step in found), Fit.NEVER)


def _fit(match: Record, service: Resource, host: str, port: int, hop: tuple[tuple[str, str], ...]) -> Fit:
    names = [gateway_key(item.value, service.namespace) for item in match.get("gateways", [])]
    if not set(names or bound(service)) & set(hop) or match.get("port", 0) not in (0, port):
        return Fit.NEVER
    hosts = [item.value for item in match.get("sniHosts", [])]
    if hosts and not any(overlap(name, host) for name in hosts):
        return Fit.NEVER
    if hosts and not any(subset_of(host, name) for name in hosts):
        return Fit.SOMETIMES
    return Fit.SOMETIMES if _conditions(match) else Fit.ALWAYS


def _conditions(match: Record) -> list[str]:
    """What else a match looks at. A prefix that every path has says nothing."""
    given = [name for name in CONDITIONS if match.get(name)]
    uri: Record | None = match.get("uri")
    if uri is not None and uri.get("prefix") in ("", "/"):
        given.remove("uri")
    return given
