"""Policy from the cluster: gates follow it with the rights that this takes, and the gateway alone writes a status."""

import pytest
import yaml

from helm.charts import NAMESPACE, example, manifests, of_kind, one
from outgate.cluster.kinds import KINDS, MESHES
from outgate.injection import config

HELD = {"workloads": {"namespaces": ["shop", "billing"]}}
GATEWAY = {"gateway": {"enabled": True, "identity": {"secret": "gateway-identity"}}}
GROUPS = ["system:serviceaccounts:shop", "system:serviceaccounts:billing"]


def following(values=GATEWAY, **more):
    return manifests(HELD | {"policy": {"fromCluster": {"enabled": True, **more}}} | values)


def gateway(documents):
    return one(documents, "Deployment", "gateway")["spec"]["template"]["spec"]


def granted(roles):
    """Each right, and each only once."""
    found = [
        (group, resource, verb)
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]
    assert len(found) == len(set(found))
    return set(found)


def reading(kinds):
    return {(kind.group, kind.plural, verb) for kind in kinds for verb in ("list", "watch")}


def writing(kinds):
    return {(kind.group, f"{kind.plural}/status", "patch") for kind in kinds if kind.own}


def roles(documents, kind, suffix):
    return [each for each in of_kind(documents, kind, "cluster-policy") if each["metadata"]["name"].endswith(suffix)]


def subjects(documents, kind, name):
    (found,) = (each for each in of_kind(documents, f"{kind}Binding") if each["metadata"]["name"] == name)
    assert found["roleRef"]["name"] == name
    return [each["name"] for each in found["subjects"]]


def test_in_named_namespaces_gates_may_follow_what_they_follow_and_nothing_else():
    documents, kinds = example("cluster-policy"), [kind for kind in KINDS if kind.mesh in ("native", "istio")]
    for namespace in ("egress-policy", "shop"):
        here = [
            role for role in of_kind(documents, "Role", "cluster-policy") if role["metadata"]["namespace"] == namespace
        ]
        assert granted(here) == reading(kinds) | writing(kinds)
    assert of_kind(documents, "ClusterRole", "cluster-policy") == []


@pytest.mark.parametrize("mesh", [None, *MESHES])
def test_in_all_namespaces_they_may_follow_each_mesh_by_itself_or_all(mesh):
    documents = following(meshes=[mesh] if mesh else [])
    kinds = [kind for kind in KINDS if mesh in (None, kind.mesh)]
    assert granted(of_kind(documents, "ClusterRole", "cluster-policy")) == reading(kinds) | writing(kinds)
    assert of_kind(documents, "Role", "cluster-policy") == []


def test_kinds_without_a_namespace_are_for_the_whole_cluster():
    documents = following(meshes=["kuma"], namespaces=["policy"])
    parts = [[kind for kind in KINDS if kind.mesh == "kuma" and kind.namespaced is apart] for apart in (False, True)]
    for kind, kinds in zip(("ClusterRole", "Role"), parts, strict=True):
        assert granted(of_kind(documents, kind, "cluster-policy")) == reading(kinds)


def test_workloads_accounts_read_and_the_gateways_alone_writes():
    documents = following()
    whole = f"outgate-cluster-policy-{NAMESPACE}"
    assert subjects(documents, "ClusterRole", whole) == ["outgate-gateway", *GROUPS]
    assert subjects(documents, "ClusterRole", f"{whole}-status") == ["outgate-gateway"]
    assert granted(roles(documents, "ClusterRole", "-status")) == writing(KINDS)


@pytest.mark.parametrize(("values", "more"), [(GATEWAY, {"status": False}), ({}, {})], ids=["off", "no gateway"])
def test_who_writes_no_status_has_no_right_to(values, more):
    documents = following(values, **more)
    assert {verb for _, _, verb in granted(of_kind(documents, "ClusterRole", "cluster-policy"))} == {"list", "watch"}


def test_without_a_gateway_sidecars_read_and_nobody_else():
    documents = following({})
    assert subjects(documents, "ClusterRole", f"outgate-cluster-policy-{NAMESPACE}") == GROUPS


def test_without_documents_of_its_own_the_gateway_goes_by_the_clusters_alone():
    pod = gateway(following(namespaces=["a", "b"], meshes=["istio"]))
    arguments = pod["containers"][0]["args"]
    assert "--policy" not in arguments
    assert "policy" not in [volume["name"] for volume in pod["volumes"]]
    assert pod["automountServiceAccountToken"] is True
    told = {"policy_from_cluster=true", "cluster_namespaces=a,b", "cluster_meshes=istio", "cluster_status=true"}
    assert told <= set(arguments)


def test_sidecars_follow_the_same_and_write_nothing():
    documents = following(namespaces=["a", "b"], meshes=["istio"])
    text = one(documents, "ConfigMap", "injection")["data"]["injection.yaml"]
    settings = config.from_text(text, "injection.yaml")
    assert (settings.token, settings.policy) == (True, ())
    told = {"policy_from_cluster": "true", "cluster_namespaces": "a,b", "cluster_meshes": "istio"}
    assert settings.settings.items() >= (told | {"cluster_status": "false"}).items()


def test_without_it_sidecars_have_no_token():
    text = one(example("gateway"), "ConfigMap", "injection")["data"]["injection.yaml"]
    assert "token" not in yaml.safe_load(text)


def test_documents_and_a_mode_among_the_values_are_laid_over_the_clusters():
    documents = manifests(HELD | GATEWAY | {"mode": "OBSERVE", "policy": {"fromCluster": {"enabled": True}}})
    assert "--policy" in gateway(documents)["containers"][0]["args"]
    policies = of_kind(documents, "ConfigMap", "outgate-policy")
    assert [each["metadata"]["namespace"] for each in policies] == ["shop", "billing", NAMESPACE]
