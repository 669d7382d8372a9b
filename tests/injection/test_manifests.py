"""Whatever makes pods: the sidecar is in its template, wherever that is; everything else passes."""

from __future__ import annotations

import pytest

from injection.podded import PLAIN, pod
from outgate.injection import manifests
from outgate.injection.manifests import TEMPLATES, Done, Refused
from outgate.injection.settings import Settings

SETTINGS = Settings()
TEMPLATE = {"metadata": PLAIN["metadata"], "spec": PLAIN["spec"]}


def made(group, kind, path):
    template = TEMPLATE
    for key in reversed(path):
        template = {key: template}
    return {"apiVersion": f"{group}/v1".lstrip("/"), "kind": kind, "metadata": {"name": "a"}} | template


def found(manifest, path):
    for key in path:
        manifest = manifest[key]
    return [each["name"] for each in manifest["spec"].get("initContainers", ())]


@pytest.mark.parametrize(("group", "kind", "path"), [(*owner, path) for owner, path in TEMPLATES.items()])
def test_every_kind_that_makes_pods(group, kind, path):
    given = made(group, kind, path)
    done = manifests.inject(given, SETTINGS)
    assert isinstance(done, Done)
    assert found(done.manifest, path) == ["outgate-redirect", "outgate-trust", "outgate"]
    assert manifests.remove(done.manifest) == Done(given)


@pytest.mark.parametrize(
    "other",
    [
        None,
        "text",
        [PLAIN],
        {},
        {"apiVersion": "v1", "kind": "Service", "spec": {}},
        {"apiVersion": "serving.knative.dev/v1", "kind": "Pod", "spec": {}},
        {"apiVersion": "v1", "kind": "ConfigMap", "items": [PLAIN]},
        {"apiVersion": "apps/v1", "kind": "Deployment/scale", "spec": {}},
        {"kind": ["Pod"]},
    ],
)
def test_everything_else_passes(other):
    assert manifests.inject(other, SETTINGS) == Done(other)
    assert manifests.remove(other) == Done(other)


def test_lists_in_lists_and_what_is_told_says_of_whom():
    inner = {"apiVersion": "v1", "kind": "PodList", "items": [PLAIN]}
    done = manifests.inject({"apiVersion": "v1", "kind": "List", "items": [inner, {"kind": "Service"}]}, SETTINGS)
    assert isinstance(done, Done)
    assert found(done.manifest["items"][0]["items"][0], ())
    assert done.manifest["items"][1] == {"kind": "Service"}
    assert [text.partition(":")[0] for text in done.warnings] == ["Pod plain"]


def test_one_in_a_list_that_is_refused_is_named_with_its_place():
    bad = pod({"hostNetwork": True})
    inner = {"apiVersion": "v1", "kind": "PodList", "items": [PLAIN, bad]}
    refused = manifests.inject({"apiVersion": "v1", "kind": "List", "items": [PLAIN, PLAIN, inner]}, SETTINGS)
    assert isinstance(refused, Refused)
    assert refused.place == (2, 1)
    assert refused.reason.startswith("Pod plain: it shares the host's network")


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        (
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}},
            "Deployment a: there is no spec wh",
        ),
        ({"apiVersion": "apps/v1", "kind": "Deployment", "spec": []}, "Deployment: there is no template where"),
        ({"apiVersion": "batch/v1", "kind": "CronJob", "spec": {"jobTemplate": 1}}, "CronJob: there is no spec where"),
        ({"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": None}}, "Job: the pod is no mapping; write"),
        ({"apiVersion": "v1", "kind": "Pod", "metadata": 1}, "Pod: metadata is no mapping; write one"),
    ],
)
def test_one_without_a_template_is_refused(manifest, reason):
    for refused in (manifests.inject(manifest, SETTINGS), manifests.remove(manifest)):
        assert isinstance(refused, Refused)
        assert refused.reason.startswith(reason)
