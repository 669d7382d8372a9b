"""A pod that is made otherwise than Kubernetes makes one is refused, and told where."""

from __future__ import annotations

import pytest

from injection.podded import PLAIN, RICH, container, pod
from outgate.injection.annotations import Refusal
from outgate.injection.shape import check_shape


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (None, "the pod is no mapping; write one"),
        ({"metadata": []}, "metadata is no mapping; write one"),
        (pod(labels=["a"]), "metadata.labels is no mapping; write one"),
        ({"spec": None}, "spec is no mapping; write one"),
        ({"spec": {}}, "spec.containers is no list; write one"),
        (pod({"containers": {}}), "spec.containers is no list; write one"),
        (pod({"containers": ["main"]}), "spec.containers[0] is no mapping; write one"),
        (pod({"containers": [{"name": 7}]}), "spec.containers[0].name is no text; write one"),
        (pod({"initContainers": "a"}), "spec.initContainers is no list; write one"),
        (pod({"volumes": [{"emptyDir": {}}]}), "spec.volumes[0].name is no text; write one"),
        (pod({"os": "linux"}), "spec.os is no mapping; write one"),
        (container(env={"A": "b"}), "spec.containers[0].env is no list; write one"),
        (container(env=[{"value": "b"}]), "spec.containers[0].env[0].name is no text; write one"),
        (container(volumeMounts=["a"]), "spec.containers[0].volumeMounts[0] is no mapping; write one"),
        (container(securityContext=[1]), "spec.containers[0].securityContext is no mapping; write one"),
        (
            container(securityContext={"capabilities": {"add": "NET_ADMIN"}}),
            "spec.containers[0].securityContext.capabilities.add is no list; write one",
        ),
    ],
)
def test_what_is_of_another_kind_is_told_with_its_path(given, told):
    with pytest.raises(Refusal) as caught:
        check_shape(given)
    assert str(caught.value) == told


@pytest.mark.parametrize("given", [PLAIN, RICH, container(env=None, ports=[], securityContext=None), pod({"os": None})])
def test_what_is_as_it_should_be_passes(given):
    check_shape(given)
