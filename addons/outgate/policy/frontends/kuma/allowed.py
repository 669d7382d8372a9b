"""Which kinds a policy may name, by where and in which dialect.

Owns the tables of Kuma's validators.
"""

from __future__ import annotations

from enum import StrEnum

from outgate.policy.frontends.kuma.dialect import Dialect


class Place(StrEnum):
    TOP = "targetRef"
    TO = "to"
    FROM = "from"


SERVICES = ("MeshService", "MeshExternalService", "MeshMultiZoneService")
TO_MESH = ("Mesh", *SERVICES)
PROXIES = ("Mesh", "MeshSubset", "MeshGateway", "MeshService", "MeshServiceSubset")
CALLERS = ("Mesh", "MeshSubset", "MeshService", "MeshServiceSubset")
OLD = (Dialect.MADR062, Dialect.V2_9)

ON_ROUTES = ("MeshRetry", "MeshTimeout", "MeshRateLimit")
"""Whose own reference may be a route."""
FROM_ROUTES = ("MeshAccessLog", "MeshRetry", "MeshTimeout", "MeshLoadBalancingStrategy")
"""Whose `to` may be a route, after 2.9."""
LATE = ("MeshCircuitBreaker", "MeshHealthCheck", "MeshLoadBalancingStrategy")
"""Whose `to` could not name what is outside in 2.9."""
INBOUND = ("MeshFaultInjection", "MeshGlobalRateLimit", "MeshRateLimit", "MeshTrafficPermission")
"""About what arrives: in the design 062 their own reference is what is outside."""
NO_GATEWAY = ("MeshTrafficPermission", "MeshPassthrough")
ROUTES = ("MeshHTTPRoute", "MeshTCPRoute")


def kinds(policy: str, place: Place, dialect: Dialect) -> tuple[str, ...]:
    """Kinds that a policy's kind may name."""
    if place is Place.TOP:
        return _top(policy, dialect)
    if place is Place.FROM:
        return CALLERS if policy in ("MeshFaultInjection", "MeshTrafficPermission") or dialect in OLD[:1] else ("Mesh",)
    return _to(policy, dialect)


def wider(policy: str, place: Place, kind: str) -> str:
    """The newest dialect in which a kind may be named there; empty where none has it."""
    return next((each.value for each in reversed(Dialect) if kind in kinds(policy, place, each)), "")


def _top(policy: str, dialect: Dialect) -> tuple[str, ...]:
    found = PROXIES if policy not in NO_GATEWAY else tuple(kind for kind in PROXIES if kind != "MeshGateway")
    if policy == "MeshPassthrough":
        found = ("Mesh", "MeshSubset")
    if dialect not in OLD:
        found = (*found, "Dataplane")
    if dialect is Dialect.V3_0:
        found = ("Mesh", "Dataplane")
    if policy in ON_ROUTES:
        found = (*found, "MeshHTTPRoute")
    if dialect is Dialect.MADR062 and policy in INBOUND:
        found = (*found, "MeshExternalService")
    return found


def _to(policy: str, dialect: Dialect) -> tuple[str, ...]:
    if policy in INBOUND:
        return ("Mesh",)
    if policy in ROUTES:
        return SERVICES
    found: tuple[str, ...] = TO_MESH
    late = policy in LATE and (dialect is Dialect.V2_9 or (policy == LATE[-1] and dialect is Dialect.V2_14))
    if late:
        found = tuple(kind for kind in found if kind != "MeshExternalService")
    return (*found, "MeshHTTPRoute") if policy in FROM_ROUTES and dialect not in OLD else found
