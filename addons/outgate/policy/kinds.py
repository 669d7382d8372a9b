"""Kinds of document that no front-end took: what to say about each.

Owns the names of kinds that carry no egress policy, that are not yet applied, and that nobody knows. A kind that a
front-end claims never gets here.
"""

from __future__ import annotations

import difflib

from outgate.policy.documents import Document
from outgate.policy.model import Fate, FieldReport
from outgate.problems import Problem, Severity

NATIVE = (
    "EgressAccess",
    "EgressCapture",
    "EgressDefaults",
    "EgressDestination",
    "EgressRedaction",
    "EgressTelemetry",
    "EgressTraffic",
)

LATER = {
    "networking.istio.io": (
        "DestinationRule",
        "EnvoyFilter",
        "Gateway",
        "ProxyConfig",
        "ServiceEntry",
        "Sidecar",
        "VirtualService",
        "WorkloadEntry",
        "WorkloadGroup",
    ),
    "security.istio.io": ("AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication"),
    "telemetry.istio.io": ("Telemetry",),
    "extensions.istio.io": ("WasmPlugin",),
    "install.istio.io": ("IstioOperator",),
    "gateway.networking.k8s.io": (
        "BackendTLSPolicy",
        "GRPCRoute",
        "Gateway",
        "GatewayClass",
        "HTTPRoute",
        "ReferenceGrant",
        "TCPRoute",
        "TLSRoute",
    ),
    "policy.openservicemesh.io": ("IngressBackend", "Retry", "Telemetry"),
    "config.openservicemesh.io": ("ExtensionService", "MeshRootCertificate"),
    "specs.smi-spec.io": ("TCPRoute",),
    "access.smi-spec.io": ("TrafficTarget",),
    "split.smi-spec.io": ("TrafficSplit",),
    "policy.linkerd.io": (
        "AuthorizationPolicy",
        "ExternalWorkload",
        "HTTPRoute",
        "HTTPLocalRateLimitPolicy",
        "MeshTLSAuthentication",
        "NetworkAuthentication",
        "Server",
        "ServerAuthorization",
    ),
    "linkerd.io": ("ServiceProfile",),
    "kuma.io": (
        "CircuitBreaker",
        "ExternalService",
        "FaultInjection",
        "HealthCheck",
        "HostnameGenerator",
        "MeshService",
        "MeshTLS",
        "ProxyTemplate",
        "RateLimit",
        "Retry",
        "Timeout",
        "TrafficLog",
        "TrafficPermission",
        "TrafficRoute",
        "TrafficTrace",
        "ZoneEgress",
    ),
}
"""Kinds of meshes by API group. Those of Kuma also come without one, named by `type`."""

INERT = {
    "": (
        "ConfigMap",
        "Endpoints",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PersistentVolumeClaim",
        "Pod",
        "Secret",
        "Service",
        "ServiceAccount",
    ),
    "apps": ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"),
    "batch": ("CronJob", "Job"),
    "autoscaling": ("HorizontalPodAutoscaler",),
    "policy": ("PodDisruptionBudget",),
    "rbac.authorization.k8s.io": ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"),
    "networking.k8s.io": ("Ingress", "IngressClass", "NetworkPolicy"),
    "discovery.k8s.io": ("EndpointSlice",),
    "apiextensions.k8s.io": ("CustomResourceDefinition",),
    "admissionregistration.k8s.io": ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"),
    "monitoring.coreos.com": ("PodMonitor", "PrometheusRule", "ServiceMonitor"),
    "cert-manager.io": ("Certificate", "ClusterIssuer", "Issuer"),
    "kustomize.config.k8s.io": ("Component", "Kustomization"),
}
"""Kubernetes' own kinds, and tools' that often share a directory with policy."""


def unclaimed(document: Document, *, strict: bool) -> tuple[Problem, FieldReport]:
    """What to say of a document that no front-end claims, and the account of it."""
    kind = document.kind
    if kind in INERT.get(document.group, ()):
        return _inert(document)
    if kind in LATER.get(document.group, ()) or (not document.group and kind in LATER["kuma.io"]):
        return _later(document, strict=strict)
    problem = Problem(document.where, _unknown(document), _hint(document))
    return problem, FieldReport(document.where, kind, "", Fate.REJECTED, "unknown kind")


def known() -> tuple[str, ...]:
    """Every kind that has a name here, for suggestions."""
    later = {kind for kinds in LATER.values() for kind in kinds}
    return tuple(sorted(later.union(NATIVE, *INERT.values())))


def _inert(document: Document) -> tuple[Problem, FieldReport]:
    what = f"{document.kind} {document.name} carries no egress policy and is ignored"
    problem = Problem(document.where, what, "", Severity.WARNING)
    return problem, FieldReport(document.where, document.kind, "", Fate.IGNORED, "carries no egress policy")


def _later(document: Document, *, strict: bool) -> tuple[Problem, FieldReport]:
    what = f"{document.kind} {document.name} is not yet applied"
    severity = Severity.ERROR if strict else Severity.WARNING
    hint = "remove it, or load with --lenient, which leaves it out"
    return Problem(document.where, what, hint, severity), FieldReport(
        document.where, document.kind, "", Fate.LATER, "the whole document"
    )


def _unknown(document: Document) -> str:
    if not document.kind:
        return "a document without a kind that is no known fragment"
    group = document.api_version or "no apiVersion"
    return f'unknown kind "{document.kind}" ({group})'


def _hint(document: Document) -> str:
    kind = document.kind
    groups = [group for kinds in (LATER, INERT) for group, names in kinds.items() if kind in names]
    if kind in NATIVE:
        groups.append("outgate.dev")
    if groups:
        return f"the kind belongs to apiVersion {_either(groups)}"
    close = difflib.get_close_matches(kind, known(), 1, 0.6)
    return f'did you mean "{close[0]}"?' if close else "write a kind that outgate knows, or remove the document"


def _either(groups: list[str]) -> str:
    return " or ".join(f"{group}/..." if group else "v1" for group in groups)
