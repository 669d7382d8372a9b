"""The kinds that are watched: where the API serves each, and which of them are the gate's own.

Owns groups, versions and plurals. Which fields a kind has is its front-end's. A kind that no front-end applies is not
watched, for a strict load would refuse the cluster that has one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

NATIVE = "outgate.dev"
VERSION = "v1alpha1"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of one group. Of `versions`, newest first, the first that is served is watched."""

    mesh: str
    group: str
    name: str
    plural: str
    versions: tuple[str, ...]
    namespaced: bool = True

    @property
    def own(self) -> bool:
        """Whether it is the gate's, which says in its status what became of it."""
        return self.group == NATIVE

    def path(self, version: str, namespace: str = "", name: str = "") -> str:
        """Where the API has all of them, those of a namespace, or one."""
        place = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
        one = f"/{quote(name, safe='')}" if name else ""
        return f"/apis/{self.group}/{version}{place}/{self.plural}{one}"

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}"


ISTIO = ("v1", "v1beta1", "v1alpha3")
ALPHA = (VERSION,)
ROUTES = "gateway.networking.k8s.io"
LINKERD = "policy.linkerd.io"
KUMA = (
    "MeshAccessLog",
    "MeshCircuitBreaker",
    "MeshExternalService",
    "MeshFaultInjection",
    "MeshGlobalRateLimit",
    "MeshHTTPRoute",
    "MeshHealthCheck",
    "MeshLoadBalancingStrategy",
    "MeshMetric",
    "MeshPassthrough",
    "MeshProxyPatch",
    "MeshRateLimit",
    "MeshRetry",
    "MeshTCPRoute",
    "MeshTimeout",
    "MeshTrace",
    "MeshTrafficPermission",
)


def _plural(name: str) -> str:
    """As all kinds form it whose name is no plural."""
    lower = name.lower()
    if lower.endswith(("s", "sh", "ch")):
        return f"{lower}es"
    return f"{lower[:-1]}ies" if lower.endswith("y") and lower[-2] not in "aeiou" else f"{lower}s"


def _kinds(mesh: str, group: str, versions: tuple[str, ...], *names: str, namespaced: bool = True) -> tuple[Kind, ...]:
    return tuple(Kind(mesh, group, name, _plural(name), versions, namespaced) for name in names)


KINDS = (
    Kind("native", NATIVE, "EgressDefaults", "egressdefaults", ALPHA),
    *_kinds(
        "native",
        NATIVE,
        ALPHA,
        "EgressAccess",
        "EgressCapture",
        "EgressDestination",
        "EgressRedaction",
        "EgressTelemetry",
        "EgressTraffic",
    ),
    *_kinds(
        "istio", "networking.istio.io", ISTIO, "DestinationRule", "Gateway", "ServiceEntry", "Sidecar", "VirtualService"
    ),
    *_kinds("istio", "networking.istio.io", ("v1alpha3",), "EnvoyFilter"),
    *_kinds("istio", "security.istio.io", ("v1", "v1beta1"), "AuthorizationPolicy"),
    *_kinds("istio", "telemetry.istio.io", ("v1", "v1alpha1"), "Telemetry"),
    *_kinds("osm", "config.openservicemesh.io", ("v1alpha2", "v1alpha1"), "MeshConfig"),
    *_kinds("osm", "policy.openservicemesh.io", ALPHA, "Egress", "EgressGateway", "UpstreamTrafficSetting"),
    *_kinds("osm", "policy.flomesh.io", ALPHA, "Egress", "EgressGateway", "UpstreamTrafficSetting"),
    *_kinds("osm", "specs.smi-spec.io", ("v1alpha4", "v1alpha3"), "HTTPRouteGroup"),
    *_kinds("linkerd", LINKERD, ALPHA, "EgressNetwork"),
    *_kinds("linkerd", LINKERD, ("v1beta3", "v1beta2", "v1beta1", "v1alpha1"), "HTTPRoute"),
    *_kinds("linkerd", ROUTES, ("v1", "v1beta1"), "HTTPRoute"),
    *_kinds("linkerd", ROUTES, ("v1", "v1alpha2"), "GRPCRoute"),
    *_kinds("linkerd", ROUTES, ("v1", "v1alpha3", "v1alpha2"), "TLSRoute"),
    *_kinds("linkerd", ROUTES, ("v1alpha2",), "TCPRoute"),
    *_kinds("kuma", "kuma.io", ALPHA, "Mesh", namespaced=False),
    *_kinds("kuma", "kuma.io", ALPHA, *KUMA),
)
"""In the order in which their documents are read."""
MESHES = tuple(dict.fromkeys(kind.mesh for kind in KINDS))


def watched(meshes: Iterable[str] = ()) -> tuple[Kind, ...]:
    """The kinds of some meshes; of all where none is named."""
    wanted = frozenset(meshes)
    return tuple(kind for kind in KINDS if not wanted or kind.mesh in wanted)
