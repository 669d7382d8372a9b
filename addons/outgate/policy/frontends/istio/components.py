"""What an IstioOperator says of installing Istio's components, and the value of the chart that says it instead.

Owns that table. Nothing of it is policy: who installs the gate writes the values.
"""

from __future__ import annotations

from collections.abc import Mapping

from outgate.policy.model import Fate
from outgate.policy.schema import Anything, Field, Fields, Sequence

CHART = "of the installation; in the chart: {}"
OWN = "of the installation; the chart has its own"
ELSEWHERE = "of the installation of Istio; the gate does not do its work"
EGRESS: Mapping[str, str] = {
    "enabled": "gateway.enabled",
    "label": "gateway.labels",
}
"""Of an egress gateway. Names and namespaces are the release's."""
K8S: Mapping[str, str] = {
    "replicaCount": "gateway.replicas",
    "hpaSpec": "gateway.autoscaling",
    "podDisruptionBudget": "gateway.podDisruptionBudget",
    "resources": "gateway.resources",
    "env": "gateway.environment",
    "affinity": "gateway.spread",
    "nodeSelector": "gateway.nodeSelector",
    "tolerations": "gateway.tolerations",
    "priorityClassName": "gateway.priorityClassName",
    "podAnnotations": "gateway.podAnnotations",
    "service": "gateway.service",
    "serviceAnnotations": "gateway.service.annotations",
    "imagePullPolicy": "image.pullPolicy",
    "volumes": "clientCertificates",
    "volumeMounts": "clientCertificates",
}
FIXED = ("strategy", "readinessProbe", "securityContext", "overlays")
OTHERS = ("base", "pilot", "cni", "ztunnel", "istiodRemote")


def _ignored(note: str) -> Field:
    return Field(Anything(), fate=Fate.IGNORED, note=note)


def _replaced(values: Mapping[str, str]) -> dict[str, Field]:
    return {name: _ignored(CHART.format(value)) for name, value in values.items()}


RESOURCES = Fields({**_replaced(K8S), **{name: _ignored(OWN) for name in FIXED}})
GATEWAY = Fields(
    {
        "name": _ignored("of the installation; in the chart: the name of the release"),
        "namespace": _ignored("of the installation; in the chart: the namespace of the release"),
        **_replaced(EGRESS),
        "k8s": Field(RESOURCES),
    }
)
COMPONENTS = Fields(
    {
        "egressGateways": Field(Sequence(GATEWAY)),
        "ingressGateways": _ignored("of the installation of Istio; what comes in is not the gate's"),
        **{name: _ignored(ELSEWHERE) for name in OTHERS},
    }
)
