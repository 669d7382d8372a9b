"""What an IstioOperator says of an egress gateway is told with the chart's value for it, and refuses nothing."""

import pytest

from helm.values import values
from outgate.policy.compile import compile as compile_policy
from outgate.policy.documents import parse
from outgate.policy.frontends import Setting
from outgate.policy.frontends.istio.components import CHART, ELSEWHERE, FIXED, IN
from outgate.policy.model import Fate

GUIDE = """
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata: {name: istio-with-egress, namespace: istio-system}
spec:
  meshConfig: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}
  components:
    egressGateways:
    - name: istio-egressgateway
      enabled: true
      k8s:
        resources: {requests: {cpu: 100m}, limits: {cpu: 500m}}
        replicas: 2
        affinity: {podAntiAffinity: {}}
        hpaSpec: {minReplicas: 2, maxReplicas: 5, scaleTargetRef: {name: a}}
        overlays:
        - {kind: Deployment, name: istio-egressgateway, patches: []}
    - {name: another, k8s: {securityContext: {}}}
    pilot: {k8s: {replicaCount: 1}}
    ingressGateways: [{name: in}]
"""
TOLD = {
    "[0].name": "nameOverride",
    "[0].enabled": "gateway.enabled",
    "[0].k8s.resources": "gateway.resources",
    "[0].k8s.replicas": "gateway.replicas",
    "[0].k8s.affinity": "gateway.spread",
    "[0].k8s.hpaSpec.minReplicas": "gateway.autoscaling.minReplicas",
    "[0].k8s.hpaSpec.maxReplicas": "gateway.autoscaling.maxReplicas",
    "[0].k8s.overlays": "clientCertificates",
    "[1].name": "nameOverride",
}
PLACE = "spec.components.egressGateways"


def compiled(text):
    return compile_policy(parse(text, "operator.yaml"), Setting())


def test_every_field_is_told_with_the_charts_value_for_it():
    policy = compiled(GUIDE)
    found = {each.path.removeprefix(PLACE): each for each in policy.fields if each.path.startswith(PLACE)}
    told = {path: f"value {value} of the chart" for path, value in TOLD.items()}
    told |= dict.fromkeys(("[0].k8s.hpaSpec.scaleTargetRef", "[1].k8s.securityContext"), FIXED)
    assert {path: each.note for path, each in found.items()} == told
    assert {each.fate for each in found.values()} == {Fate.IGNORED}
    assert found["[0].k8s.replicas"].where.line == 13
    assert policy.problems == ()


def test_other_components_are_told_to_be_istios():
    told = {each.path.removeprefix("spec.components."): each.note for each in compiled(GUIDE).fields}
    assert (told["pilot"], told["ingressGateways"]) == (ELSEWHERE, IN)


@pytest.mark.parametrize("value", CHART.values())
def test_the_chart_has_each_value(value):
    assert value in {each.name for each in values()}


@pytest.mark.parametrize("components", ["[]", "text", "{egressGateways: text}", "{egressGateways: [text, null, []]}"])
def test_what_is_no_component_is_nothing_to_tell_of(components):
    policy = compiled(f"{GUIDE.partition('  components:')[0]}  components: {components}\n")
    assert [each.path for each in policy.fields if each.path.startswith(PLACE)] == []
    assert policy.problems == ()
