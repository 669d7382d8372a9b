"""The components of an IstioOperator: none of them is policy, and for fields of an egress gateway the chart has values.

Owns which value of the chart stands for which field. Whatever is written there is taken: Istio's installation reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from outgate.policy.documents import Node
from outgate.policy.model import Fate, FieldReport
from outgate.policy.schema import Reading

GATEWAYS = "egressGateways"
INCOMING = "ingressGateways"
FIXED = "the chart's own, whatever is said"
ELSEWHERE = "of the installation of Istio; the gate does not do its work"
IN = "of the installation of Istio; what comes in is not the gate's"
CHART: Mapping[str, str] = {
    "enabled": "gateway.enabled",
    "label": "gateway.labels",
    "k8s.affinity": "gateway.spread",
    "k8s.env": "gateway.environment",
    "k8s.hpaSpec": "gateway.autoscaling",
    "k8s.hpaSpec.maxReplicas": "gateway.autoscaling.maxReplicas",
    "k8s.hpaSpec.metrics": "gateway.autoscaling.cpu",
    "k8s.hpaSpec.minReplicas": "gateway.autoscaling.minReplicas",
    "k8s.imagePullPolicy": "image.pullPolicy",
    "k8s.nodeSelector": "gateway.nodeSelector",
    "k8s.overlays": "clientCertificates",
    "k8s.podAnnotations": "gateway.podAnnotations",
    "k8s.podDisruptionBudget": "gateway.podDisruptionBudget",
    "k8s.priorityClassName": "gateway.priorityClassName",
    "k8s.replicaCount": "gateway.replicas",
    "k8s.replicas": "gateway.replicas",
    "k8s.resources": "gateway.resources",
    "k8s.service": "gateway.service",
    "k8s.service.type": "gateway.service.type",
    "k8s.serviceAnnotations": "gateway.service.annotations",
    "k8s.tolerations": "gateway.tolerations",
    "k8s.volumeMounts": "clientCertificates",
    "k8s.volumes": "clientCertificates",
    "name": "nameOverride",
}
"""By the path below one of `egressGateways`."""


class Components:
    """Free, with an account of what is said of egress gateways."""

    def read(self, node: Node, path: str, reading: Reading) -> Node:
        def told(name: str, value: Node, note: str) -> None:
            reading.fields.append(FieldReport(value.where, reading.kind, f"{path}.{name}", Fate.IGNORED, note))

        for key, value in node.mapping.items():
            if key != GATEWAYS:
                told(key, value, IN if key == INCOMING else ELSEWHERE)
        gateways = node.child(GATEWAYS)
        for number, gateway in enumerate(gateways.sequence if gateways is not None else ()):
            for name, value in _below(gateway, ""):
                note = f"value {CHART[name]} of the chart" if name in CHART else FIXED
                told(f"{GATEWAYS}[{number}].{name}", value, note)
        return node


def _below(node: Node, path: str) -> Iterator[tuple[str, Node]]:
    """The fields that have a place of their own, else those that are nearest to the top."""
    for key, value in node.mapping.items():
        name = f"{path}{key}"
        if any(known.startswith(f"{name}.") for known in CHART) and value.mapping:
            yield from _below(value, f"{name}.")
        else:
            yield name, value
