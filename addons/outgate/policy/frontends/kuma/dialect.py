"""Which of Kuma's APIs a document is written for, and which of Kuma's proxies the gate stands for.

Owns the dialects and the placement of policies. They are said by the settings, for a document does not say.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Dialect(StrEnum):
    """Names of APIs. The first is the early text of Kuma's design 062, which was never shipped."""

    MADR062 = "kuma-madr062"
    V2_9 = "kuma-2.9"
    V2_14 = "kuma-2.14"
    V3_0 = "kuma-3.0"


class Role(StrEnum):
    """A proxy that traffic to what is outside passes."""

    SIDECAR = "sidecar"
    EGRESS = "egress"


BOTH = "both"
ROLES = {
    BOTH: frozenset(Role),
    Role.SIDECAR.value: frozenset({Role.SIDECAR}),
    Role.EGRESS.value: frozenset({Role.EGRESS}),
}
"""By the setting `kuma_role`."""

EVERYWHERE = frozenset(Role)
ON_EGRESS = frozenset({Role.EGRESS})
ON_SIDECAR = frozenset({Role.SIDECAR})
PLACES = {
    "MeshCircuitBreaker": ON_EGRESS,
    "MeshFaultInjection": ON_EGRESS,
    "MeshGlobalRateLimit": ON_EGRESS,
    "MeshHTTPRoute": ON_SIDECAR,
    "MeshHealthCheck": ON_EGRESS,
    "MeshLoadBalancingStrategy": ON_EGRESS,
    "MeshPassthrough": ON_SIDECAR,
    "MeshRateLimit": ON_EGRESS,
    "MeshRetry": ON_SIDECAR,
    "MeshTCPRoute": ON_SIDECAR,
    "MeshTrafficPermission": ON_EGRESS,
}
"""On which proxies a kind of policy has an effect for what is outside; those not named here: on both."""


def places(kind: str) -> frozenset[Role]:
    return PLACES.get(kind, EVERYWHERE)


def spelt(roles: Iterable[Role]) -> str:
    return " or ".join(sorted(roles))
