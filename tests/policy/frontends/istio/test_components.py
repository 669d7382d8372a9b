"""What an IstioOperator installs is reported field by field, with the value of the chart that replaces it."""

from pathlib import Path

import pytest
import yaml

from outgate.policy.frontends.istio.components import EGRESS, K8S
from outgate.policy.model import Fate
from policy.building import policy

CHART = Path(__file__).parents[4] / "helm" / "outgate" / "values.yaml"
OPERATOR = """
    apiVersion: install.istio.io/v1alpha1
    kind: IstioOperator
    metadata: {name: istio, namespace: istio-system}
    spec:
      meshConfig: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}
      components:
        pilot: {k8s: {replicaCount: 2}}
        ingressGateways: [{name: istio-ingressgateway, enabled: false}]
        egressGateways:
        - name: istio-egressgateway
          enabled: true
          label: {istio: egressgateway}
          k8s:
            replicaCount: 3
            hpaSpec: {maxReplicas: 5}
            strategy: {rollingUpdate: {maxSurge: 1}}
            volumes: [{name: certs, secret: {secretName: partner}}]
"""
UNDER = "spec.components.egressGateways[0]"


def reported() -> dict[str, tuple[Fate, str]]:
    return {one.field: (one.fate, one.note) for one in policy(OPERATOR).fields if one.field.startswith("spec.comp")}


def test_each_field_names_the_value_that_replaces_it():
    told = reported()
    assert {told[field][0] for field in told if field.startswith(f"{UNDER}.k8s.")} == {Fate.IGNORED}
    assert {field.removeprefix(f"{UNDER}."): told[field][1].rpartition(": ")[2] for field in told if UNDER in field} | {
        "k8s": ""
    } == {
        "name": "the name of the release",
        "enabled": "gateway.enabled",
        "label": "gateway.labels",
        "k8s": "",
        "k8s.replicaCount": "gateway.replicas",
        "k8s.hpaSpec": "gateway.autoscaling",
        "k8s.strategy": "of the installation; the chart has its own",
        "k8s.volumes": "clientCertificates",
    }


def test_the_rest_of_the_installation_is_istio_s():
    told = reported()
    assert "does not do its work" in told["spec.components.pilot"][1]
    assert "what comes in" in told["spec.components.ingressGateways"][1]


@pytest.mark.parametrize("value", sorted({*EGRESS.values(), *K8S.values()}))
def test_the_chart_has_the_value(value):
    values = yaml.safe_load(CHART.read_text())
    for key in value.split("."):
        assert key in values
        values = values[key]
