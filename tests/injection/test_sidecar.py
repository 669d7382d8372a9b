"""The gate's containers: who it is told that the workload is, what it may, and how it lives and ends."""

from __future__ import annotations

import re

import pytest

from outgate.injection import sidecar
from outgate.injection.settings import Form, Mode, Mounted, Resources, Settings, Trust
from outgate.settings import read_settings

POD = {"metadata.name": "web-1", "metadata.namespace": "shop", "spec.serviceAccountName": "web"}
REFERENCE = re.compile(r"\$\(([A-Z0-9_]+)\)")


def expanded(env, labels):
    """The environment as a kubelet makes it: a name refers to what stands before it, and is left as it is if nothing
    does."""
    fields = POD | {f"metadata.labels['{key}']": value for key, value in labels.items()}
    found = {}
    for each in env:
        value = fields[each["valueFrom"]["fieldRef"]["fieldPath"]] if "valueFrom" in each else each["value"]
        found[each["name"]] = REFERENCE.sub(lambda match: found.get(match[1], match[0]), value)
    return found


def told(settings, **labels):
    """The settings that the gate reads of its environment."""
    env = expanded(sidecar.gate(settings, labels)["env"], labels)
    assert not [value for value in env.values() if "$(" in value]
    return read_settings({}, [], env), env


def test_the_gate_knows_whose_it_is():
    read, env = told(Settings(trust_domain="prod.example"), app="web", tier="front")
    assert read.workload is not None
    assert (read.workload.namespace, read.workload.service_account) == ("shop", "web")
    assert dict(read.workload.labels) == {"app": "web", "tier": "front"}
    assert (read.gate.namespace, dict(read.gate.labels)) == ("shop", {"app": "web", "tier": "front"})
    assert read.workload.principal == "prod.example/ns/shop/sa/web"
    assert env["OTEL_RESOURCE_ATTRIBUTES"] == "k8s.namespace.name=shop,k8s.pod.name=web-1"
    assert str(read.ca_certificate) == "/etc/outgate/certs/outgate-ca.crt"
    assert str(read.ca_key) == "/etc/outgate/certs/outgate-ca.key"


def test_a_pod_without_labels_has_none():
    read, _ = told(Settings())
    assert read.workload is not None
    assert dict(read.workload.labels) == {}


def test_further_settings_and_variables_are_its_own():
    read, env = told(
        Settings(settings={"strict": "false", "trace_sampling": "0.5"}, environment={"OTEL_RESOURCE_ATTRIBUTES": "a=b"})
    )
    assert read.strict is False
    assert env["OTEL_RESOURCE_ATTRIBUTES"] == "a=b"


@pytest.mark.parametrize("form", Form)
def test_it_can_do_nothing_but_its_work(form):
    made = sidecar.gate(Settings(sidecar=form, uid=1500), {})
    assert made["securityContext"] == {
        "runAsUser": 1500,
        "runAsGroup": 0,
        "runAsNonRoot": True,
        "privileged": False,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


@pytest.mark.parametrize("mode", Mode)
def test_none_of_them_sees_the_service_accounts_token(mode):
    settings = Settings(mode=mode)
    for each in [*sidecar.first(settings), sidecar.gate(settings, {})]:
        places = {mount["mountPath"]: mount["name"] for mount in each["volumeMounts"]}
        assert places["/var/run/secrets/kubernetes.io/serviceaccount"] == "outgate-no-token"


def test_the_key_is_the_gates_alone():
    settings = Settings(secrets=(Mounted("partner", "/etc/istio/external-certs"),))
    secret = {"outgate-ca", "outgate-secret-0"}
    for each in sidecar.first(settings):
        assert not secret & {mount["name"] for mount in each["volumeMounts"]}
    mounts = {mount["name"]: mount for mount in sidecar.gate(settings, {})["volumeMounts"]}
    assert secret <= mounts.keys()
    assert mounts["outgate-secret-0"] == {
        "name": "outgate-secret-0",
        "mountPath": "/etc/istio/external-certs",
        "readOnly": True,
    }


def test_a_native_one_starts_before_others_and_ends_after_them():
    made = sidecar.gate(Settings(), {})
    assert made["restartPolicy"] == "Always"
    assert made["startupProbe"]["httpGet"] == {"path": "/readyz", "port": 15090}
    assert "lifecycle" not in made


def test_a_classic_one_is_waited_for_and_waits():
    made = sidecar.gate(Settings(sidecar=Form.CLASSIC, linger_seconds=7), {})
    assert "restartPolicy" not in made
    assert made["lifecycle"]["postStart"]["exec"]["command"][2].startswith("until outgate status")
    assert made["lifecycle"]["preStop"] == {"exec": {"command": ["sleep", "7"]}}


def test_resources_without_amounts_are_not_written():
    made = sidecar.gate(Settings(resources=Resources({}, {"cpu": "1"})), {})
    assert made["resources"] == {"limits": {"cpu": "1"}}


def test_prometheus_finds_it_by_istios_name():
    assert sidecar.gate(Settings(metrics_port=16090), {})["ports"] == [
        {"name": "http-envoy-prom", "containerPort": 16090, "protocol": "TCP"}
    ]


def test_what_workloads_trust_may_be_there_already():
    assert [each["name"] for each in sidecar.first(Settings(trust=Trust(config_map="roots")))] == ["outgate-redirect"]
