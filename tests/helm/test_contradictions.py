"""Values that contradict each other stop the rendering, and the message has their names."""

import re

import pytest

from helm import charts
from helm.values import CHART

IDENTITY = {"secret": "gateway-identity"}
HELD = {"namespaces": ["shop"]}
PARTNER = {"name": "partner", "mountPath": "/etc/partner", "secret": "partner"}


def gateway(**more):
    return {"workloads": HELD, "gateway": {"enabled": True, "identity": IDENTITY, **more}}


def certificates(*entries, **more):
    return {"clientCertificates": [PARTNER | each for each in entries], **more}


CASES = {
    "no gate": ({"webhook": {"enabled": False}}, ["webhook.enabled", "gateway.enabled"]),
    "mode and enableEgress": ({"mode": "OBSERVE", "enableEgress": True}, ["mode is OBSERVE", "enableEgress is true"]),
    "enableEgress and mode": (
        {"mode": "ALLOW_ANY", "enableEgress": False},
        ["mode is ALLOW_ANY", "enableEgress is false, which is REGISTRY_ONLY"],
    ),
    "mode and a document": (
        {"mode": "OBSERVE", "policy": {"documents": {"a.yaml": "apiVersion: x\nkind: EgressDefaults\n"}}},
        ["policy.documents", "a.yaml", "mode"],
    ),
    "enableEgress and a document": (
        {"enableEgress": False, "policy": {"documents": {"a.yaml": {"kind": "EgressDefaults"}}}},
        ["policy.documents", "a.yaml", "enableEgress"],
    ),
    "the chart's own document": (
        {"policy": {"documents": {"00-mode.yaml": {"kind": "EgressAccess"}}}},
        ["policy.documents", "00-mode.yaml"],
    ),
    "the release's own namespace": (
        {"workloads": {"namespaces": [charts.NAMESPACE]}},
        ["workloads.namespaces", charts.NAMESPACE],
    ),
    "namespaces of a cluster that is not followed": (
        {"policy": {"fromCluster": {"namespaces": ["shop"]}}},
        ["policy.fromCluster", "namespaces", "enabled"],
    ),
    "a CA of values without one": ({"ca": {"source": "values"}}, ["ca.source", "ca.certificate", "ca.key"]),
    "a CA without its key": ({"ca": {"source": "values", "certificate": "PEM"}}, ["ca.source", "ca.key"]),
    "a CA from elsewhere with a key": ({"ca": {"key": "PEM"}}, ["ca.key", "ca.source", "generate"]),
    "a constraint on a CA that is there": (
        {"ca": {"source": "secret", "permit": ["a.example"]}},
        ["ca.permit", "ca.source"],
    ),
    "a certificate from nowhere": (
        {"clientCertificates": [{"name": "partner", "mountPath": "/etc/partner"}]},
        ["clientCertificates", "partner", "no source", "secret, data and certManager"],
    ),
    "a certificate from two places": (
        certificates({"data": {"client.crt": "PEM"}}),
        ["clientCertificates", "partner", "secret and data"],
    ),
    "two certificates of a name": (
        certificates({}, {"mountPath": "/etc/other"}),
        ["clientCertificates", "partner", "twice"],
    ),
    "two certificates at a path": (
        certificates({}, {"name": "other"}),
        ["clientCertificates", "other", "partner", "/etc/partner"],
    ),
    "a certificate over the policy": (
        certificates({"mountPath": "/etc/outgate/policy"}),
        ["clientCertificates", "mountPath", "/etc/outgate/policy"],
    ),
    "other file names in sidecars": (
        certificates({"files": {"tls.crt": "client.crt"}}),
        ["clientCertificates", "files", "gateway"],
    ),
    "a gateway without an identity": (gateway(identity={}), ["gateway.identity", "no source"]),
    "a gateway with two identities": (
        gateway(identity=IDENTITY | {"csi": {"driver": "spiffe.csi.cert-manager.io"}}),
        ["gateway.identity", "secret and csi"],
    ),
    "a gateway for nobody": (
        {"gateway": {"enabled": True, "identity": IDENTITY}},
        ["gateway.enabled", "workloads.namespaces"],
    ),
    "fewer at most than at least": (
        gateway(autoscaling={"minReplicas": 5, "maxReplicas": 3}),
        ["gateway.autoscaling.minReplicas 5", "maxReplicas 3"],
    ),
    "a budget that nothing fits": (
        gateway(podDisruptionBudget={"minAvailable": 2}),
        ["gateway.podDisruptionBudget.minAvailable 2", "2 pods"],
    ),
    "one pod and a budget": (
        gateway(autoscaling={"enabled": False}, replicas=1),
        ["gateway.podDisruptionBudget.minAvailable 1", "1 pods"],
    ),
    "credentials for no proxy": (
        gateway(upstreamProxy={"secret": "credentials"}),
        ["gateway.upstreamProxy.secret", "gateway.upstreamProxy.url"],
    ),
    "nothing that may leave": ({"fence": {"sidecarsLeave": False}}, ["fence.sidecarsLeave", "gateway"]),
    "one webhook and a budget": (
        {"webhook": {"replicas": 1}},
        ["webhook.podDisruptionBudget.minAvailable 1", "1 pods"],
    ),
    "mitmdump of many processes": (
        {"sidecar": {"engine": "mitmdump", "settings": {"workers": 2}}},
        ["sidecar.settings.workers", "sidecar.engine"],
    ),
    "labels for nothing": (
        {"metrics": {"labels": {"a": "b"}}},
        ["metrics.labels", "metrics.monitors", "metrics.rules"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused_by_name(case):
    values, names = CASES[case]
    with pytest.raises(charts.helm().HelmError) as caught:
        charts.rendered(values)
    assert [name for name in names if name not in str(caught.value)] == []


def test_there_is_a_case_for_each():
    source = (CHART / "templates" / "checks.yaml").read_text(encoding="utf-8")
    lines = {number for number, line in enumerate(source.splitlines(), 1) if "{{- fail " in line}
    assert {_line(values) for values, _ in CASES.values()} == lines


def _line(values):
    """Of the template, where the rendering stops."""
    with pytest.raises(charts.helm().HelmError) as caught:
        charts.rendered(values)
    return int(re.search(r"checks\.yaml:(\d+):", str(caught.value))[1])


@pytest.mark.parametrize(
    "values",
    [
        {"mode": "ALLOW_ANY", "enableEgress": True},
        {"mode": "REGISTRY_ONLY", "enableEgress": False},
        {"policy": {"documents": {"a.yaml": "apiVersion: x\nkind: EgressDefaults\n"}}},
        gateway(autoscaling={"enabled": False}, replicas=1, podDisruptionBudget={"enabled": False}),
        gateway(identity={"csi": {"driver": "spiffe.csi.cert-manager.io"}}),
        certificates({"name": "other", "mountPath": "/etc/other"}),
    ],
    ids=["allow", "refuse", "document", "one pod", "csi", "certificate"],
)
def test_what_agrees_is_rendered(values):
    assert charts.manifests(values)
