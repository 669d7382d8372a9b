"""Policy from the cluster: the gateway follows it with the rights that this takes; sidecars leave deciding to it."""

import pytest

from helm.charts import NAMESPACE, example, manifests, of_kind, one
from outgate.cluster.kinds import KINDS, MESHES


def following(**more):
    policy = {"fromCluster": {"enabled": True, **more}}
    gateway = {"enabled": True, "identity": {"secret": "gateway-identity"}}
    return manifests({"workloads": {"namespaces": ["shop"]}, "policy": policy, "gateway": gateway})


def gateway(documents):
    return one(documents, "Deployment", "gateway")["spec"]["template"]["spec"]


def granted(rules):
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def needed(kinds):
    """What following some kinds takes, and saying of the gate's own what became of them."""
    read = {(kind.group, kind.plural, verb) for kind in kinds for verb in ("get", "list", "watch")}
    return read | {(kind.group, f"{kind.plural}/status", "patch") for kind in kinds if kind.own}


def test_the_gateway_may_follow_what_it_follows_and_nothing_else():
    kinds = [kind for kind in KINDS if kind.mesh in ("native", "istio")]
    roles = of_kind(example("cluster-policy"), "Role", "cluster-policy")
    assert [role["metadata"]["namespace"] for role in roles] == ["egress-policy", "shop"]
    assert [granted(role["rules"]) for role in roles] == [needed(kinds)] * 2
    assert of_kind(example("cluster-policy"), "ClusterRole", "cluster-policy") == []


@pytest.mark.parametrize("mesh", [None, *MESHES])
def test_in_all_namespaces_it_may_follow_each_mesh_by_itself_or_all(mesh):
    documents = following(meshes=[mesh] if mesh else [])
    (role,) = of_kind(documents, "ClusterRole", "cluster-policy")
    assert granted(role["rules"]) == needed([kind for kind in KINDS if mesh in (None, kind.mesh)])
    assert of_kind(documents, "Role", "cluster-policy") == []


def test_kinds_without_a_namespace_are_for_the_whole_cluster():
    documents = following(meshes=["kuma"], namespaces=["shop"])
    (whole,) = of_kind(documents, "ClusterRole", "cluster-policy")
    (own,) = of_kind(documents, "Role", "cluster-policy")
    parts = [[kind for kind in KINDS if kind.mesh == "kuma" and kind.namespaced is apart] for apart in (False, True)]
    assert [granted(role["rules"]) for role in (whole, own)] == list(map(needed, parts))


def test_who_writes_no_status_needs_no_right_to():
    documents = following(status=False)
    (role,) = of_kind(documents, "ClusterRole", "cluster-policy")
    assert {verb for _, _, verb in granted(role["rules"])} == {"get", "list", "watch"}
    assert "cluster_status=false" in gateway(documents)["containers"][0]["args"]


def test_without_documents_of_its_own_the_gateway_goes_by_the_clusters_alone():
    pod = gateway(following())
    assert "--policy" not in pod["containers"][0]["args"]
    assert "policy" not in [volume["name"] for volume in pod["volumes"]]
    assert pod["automountServiceAccountToken"] is True


def test_sidecars_pass_everything_on_and_the_clusters_documents_say_what_the_mode_is():
    (policy,) = of_kind(following(), "ConfigMap", "outgate-policy")
    assert policy["metadata"]["namespace"] == "shop"
    assert "spec: {mode: ALLOW_ANY}" in policy["data"]["00-mode.yaml"]


def test_a_mode_among_the_values_is_the_gateways():
    values = {"mode": "OBSERVE", "workloads": {"namespaces": ["shop"]}, "policy": {"fromCluster": {"enabled": True}}}
    documents = manifests(values | {"gateway": {"enabled": True, "identity": {"secret": "gateway-identity"}}})
    modes = {
        each["metadata"]["namespace"]: each["data"]["00-mode.yaml"].rpartition("mode: ")[2].strip("}\n")
        for each in of_kind(documents, "ConfigMap", "outgate-policy")
    }
    assert modes == {NAMESPACE: "OBSERVE", "shop": "ALLOW_ANY"}
