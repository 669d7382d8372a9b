"""The policy that the chart installs is one that the gate takes, and its mode is what the values say."""

import pytest

from helm.charts import NAMES, manifests, of_kind, one
from helm.charts import example as rendered
from outgate.policy.compile import load
from outgate.policy.frontends import Setting
from outgate.policy.model import Mode

MOUNTED = "/etc/istio/external-certs"
HELD = {"workloads": {"namespaces": ["shop"]}}
SAYING = "apiVersion: outgate.dev/v1alpha1\nkind: EgressDefaults\nmetadata: {name: own}\nspec: {mode: OBSERVE}\n"
SILENT = {"apiVersion": "outgate.dev/v1alpha1", "kind": "EgressDestination"}
SILENT |= {"metadata": {"name": "a"}, "spec": {"hosts": ["a.example"], "ports": [{"number": 443, "protocol": "TLS"}]}}


WITHOUT = ("defaults", "existing-secrets", "cluster-policy")
"""Examples whose policy is elsewhere."""


def written(folder, documents):
    """The files of the first policy ConfigMap, as a volume has them. What they name of Secrets is empty files."""
    data = of_kind(documents, "ConfigMap", "outgate-policy")[0]["data"]
    for name, text in data.items():
        (folder / name).write_text(text.replace(MOUNTED, str(folder)), encoding="utf-8")
    for name in ("client.crt", "client.key", "ca.crt"):
        (folder / name).touch()
    return folder


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WITHOUT])
def test_nothing_is_wrong_with_the_documents(name, tmp_path):
    assert load([written(tmp_path, rendered(name))], Setting()).problems == ()


@pytest.mark.parametrize(
    ("values", "mode"),
    [
        ({}, Mode.REGISTRY_ONLY),
        ({"mode": "OBSERVE"}, Mode.OBSERVE),
        ({"mode": "ALLOW_ANY"}, Mode.ALLOW_ANY),
        ({"enableEgress": True}, Mode.ALLOW_ANY),
        ({"enableEgress": False}, Mode.REGISTRY_ONLY),
        ({"policy": {"documents": {"own.yaml": SAYING}}}, Mode.OBSERVE),
        ({"policy": {"documents": {"a.yaml": SILENT}}}, Mode.REGISTRY_ONLY),
        ({"mode": "OBSERVE", "policy": {"documents": {"a.yaml": SILENT}}}, Mode.OBSERVE),
    ],
    ids=["nothing", "observe", "allow", "enabled", "disabled", "a document", "another document", "both"],
)
def test_the_mode_is_what_the_values_say(values, mode, tmp_path):
    policy = load([written(tmp_path, manifests(HELD | values))], Setting())
    assert policy.defaults.mode is mode


def test_documents_are_installed_as_they_are_written(tmp_path):
    text = "# by hand\n" + SAYING
    folder = written(tmp_path, manifests(HELD | {"policy": {"documents": {"own.yaml": text}}}))
    assert (folder / "own.yaml").read_text(encoding="utf-8") == text


def sources(documents):
    volumes = one(documents, "Deployment", "gateway")["spec"]["template"]["spec"]["volumes"]
    return [each["configMap"]["name"] for each in volumes[0]["projected"]["sources"]]


GATEWAY = HELD | {"gateway": {"enabled": True, "identity": {"secret": "gateway-identity"}}}


def test_config_maps_that_are_there_come_after_the_charts_own():
    values = GATEWAY | {"mode": "OBSERVE", "policy": {"configMaps": ["registry", "rules"]}}
    assert sources(manifests(values)) == ["outgate-policy", "registry", "rules"]


def test_a_config_map_without_a_document_would_be_no_policy():
    documents = manifests(GATEWAY | {"policy": {"configMaps": ["registry"]}})
    assert sources(documents) == ["registry"]
    assert of_kind(documents, "ConfigMap", "outgate-policy") == []
