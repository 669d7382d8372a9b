"""What the chart grants, and to whom: as little as there is, whatever the values."""

import pytest
import yaml

from helm.charts import NAMES, NAMESPACE, containers, example, manifests, of_kind, one, pods, told
from helm.values import CHART
from outgate.injection.annotations import CHOICES, INJECT, INJECTED
from outgate.injection.config import from_text

CONFINED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
ALLOWED = {
    ("", "secrets", "create"),
    ("", "secrets", "get"),
    ("", "secrets", "update"),
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "get"),
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "patch"),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_container_can_do_nothing_but_its_work(name):
    for where, container in containers(example(name)):
        assert container["securityContext"] == CONFINED, where
        assert container["resources"]["requests"].keys() >= {"cpu", "memory"}, where
        assert "memory" in container["resources"]["limits"], where


def follows(name):
    """Whether the gateway reads the cluster's documents."""
    return told(name).get("policy", {}).get("fromCluster", {}).get("enabled", False)


@pytest.mark.parametrize("name", NAMES)
def test_a_pod_is_nobody_in_particular(name):
    for where, pod in pods(example(name)):
        security = pod["securityContext"]
        assert (security["runAsNonRoot"], security["runAsUser"]) == (True, 1337), where
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, where
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod), where
        asks = "Job" in where or ("gateway" in where and follows(name))
        assert pod["automountServiceAccountToken"] is asks, where
        assert pod["enableServiceLinks"] is False, where


@pytest.mark.parametrize("name", NAMES)
def test_keys_are_for_the_gates_group_and_nothing_is_written_but_tmp(name):
    for where, pod in pods(example(name)):
        assert [volume["name"] for volume in pod["volumes"] if "emptyDir" in volume] == ["tmp"], where
        modes = {volume["secret"]["defaultMode"] for volume in pod["volumes"] if "secret" in volume}
        assert modes <= {0o440}, where
        for container in pod["containers"]:
            mounts = {mount["name"]: mount.get("readOnly", False) for mount in container["volumeMounts"]}
            assert {mount for mount, read_only in mounts.items() if not read_only} == {"tmp"}, where
            assert set(mounts) <= {volume["name"] for volume in pod["volumes"]}, where


@pytest.mark.parametrize("name", NAMES)
def test_rights_are_few_and_named(name):
    """But for those to the cluster's documents, which `test_cluster_policy.py` counts."""
    rules = [
        rule
        for kind in ("Role", "ClusterRole")
        for each in of_kind(example(name), kind)
        if "cluster-policy" not in each["metadata"]["name"]
        for rule in each["rules"]
    ]
    granted = {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert granted <= ALLOWED
    assert [rule for rule in rules if "resourceNames" not in rule and rule["verbs"] != ["create"]] == []


@pytest.mark.parametrize("name", NAMES)
def test_who_has_rights_is_a_service_account_of_the_release(name):
    """But for those to the cluster's documents, which sidecars read, too."""
    accounts = {each["metadata"]["name"] for each in of_kind(example(name), "ServiceAccount")}
    bound = [
        subject
        for kind in ("RoleBinding", "ClusterRoleBinding")
        for each in of_kind(example(name), kind)
        if "cluster-policy" not in each["metadata"]["name"]
        for subject in each["subjects"]
    ]
    assert all(subject["name"] in accounts and subject["namespace"] == NAMESPACE for subject in bound)


def test_with_certificates_from_elsewhere_nobody_has_any_right():
    assert [each["kind"] for each in example("cert-manager") if each["kind"].startswith(("Role", "ClusterRole"))] == []


# Keys and policy.


def secrets_of(manifest):
    return [
        each["secret"]["secretName"] for each in manifest["spec"]["template"]["spec"]["volumes"] if "secret" in each
    ]


def test_with_a_gateway_client_keys_are_mounted_there_and_nowhere_else():
    documents = example("gateway")
    gateway = one(documents, "Deployment", "gateway")
    mounts = gateway["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
    assert {"name": "client-partner", "mountPath": "/etc/istio/external-certs", "readOnly": True} in mounts
    assert "external-api-certs" in secrets_of(gateway)
    assert "external-api-certs" not in one(documents, "ConfigMap", "injection")["data"]["injection.yaml"]


def test_without_one_sidecars_have_them():
    injection = one(example("existing-secrets"), "ConfigMap", "injection")["data"]["injection.yaml"]
    assert "- {secret: external-api-certs, path: /etc/istio/external-certs}" in injection


def test_a_client_certificate_of_cert_manager_has_the_names_of_the_guide():
    volumes = one(example("cert-manager"), "Deployment", "gateway")["spec"]["template"]["spec"]["volumes"]
    (volume,) = (each for each in volumes if each["name"] == "client-partner")
    assert {item["path"] for item in volume["secret"]["items"]} == {"client.crt", "client.key", "ca.crt"}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("existing-secrets", "cluster-policy")])
def test_every_namespace_that_reads_the_policy_has_it(name):
    held = set(told(name).get("workloads", {}).get("namespaces", ()))
    gateway = {NAMESPACE} if of_kind(example(name), "Deployment", "gateway") else set()
    policies = of_kind(example(name), "ConfigMap", "outgate-policy")
    assert {each["metadata"]["namespace"] for each in policies} == held | gateway


# The fence.


def fence(name):
    return [each["spec"] for each in of_kind(example(name), "NetworkPolicy", "fence")]


def test_with_a_gateway_no_workload_may_leave_the_cluster():
    blocks = [peer for spec in fence("gateway") for rule in spec["egress"] for peer in rule["to"] if "ipBlock" in peer]
    assert fence("gateway")
    assert blocks == []


def test_without_one_sidecars_may_and_nobody_else():
    leaving = [
        spec for spec in fence("sidecar") if any("ipBlock" in peer for rule in spec["egress"] for peer in rule["to"])
    ]
    assert leaving
    assert [spec["podSelector"] for spec in leaving] == [{"matchLabels": {INJECTED: "true"}}] * 2


@pytest.mark.parametrize("name", [name for name in NAMES if name != "defaults"])
def test_nobody_reaches_where_clouds_keep_credentials(name):
    specs = [each["spec"] for each in of_kind(example(name), "NetworkPolicy")]
    blocks = [
        peer["ipBlock"] for spec in specs for rule in spec["egress"] for peer in rule.get("to", ()) if "ipBlock" in peer
    ]
    named = told(name).get("fence", {}).get("allowCIDRs", ())
    for block in (block for block in blocks if block["cidr"] not in named):
        wanted = {"fd00:ec2::254/128", "fe80::/10"} if ":" in block["cidr"] else {"169.254.0.0/16"}
        assert wanted <= set(block["except"])


def test_every_held_namespace_is_fenced_whole():
    policies = of_kind(example("sidecar"), "NetworkPolicy", "fence")
    whole = {each["metadata"]["namespace"] for each in policies if each["spec"]["podSelector"] == {}}
    assert whole == {"shop", "billing"}
    assert all(each["spec"]["policyTypes"] == ["Egress"] for each in policies)


# The webhook.


def test_pods_of_held_namespaces_alone_are_asked_about():
    for webhook in one(example("sidecar"), "MutatingWebhookConfiguration")["webhooks"]:
        selected = webhook["namespaceSelector"]["matchExpressions"][0]
        assert selected == {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["shop", "billing"]}
        assert webhook["failurePolicy"] == "Fail"


def test_a_pod_that_asks_for_a_sidecar_or_says_that_it_has_one_is_asked_about_everywhere():
    webhooks = one(example("sidecar"), "MutatingWebhookConfiguration")["webhooks"]
    asked = [
        ([each["operator"] for each in webhook["namespaceSelector"]["matchExpressions"]], webhook.get("objectSelector"))
        for webhook in webhooks
    ]
    assert sorted(asked, key=str) == [
        (["In", "In"], None),
        (["In", "NotIn"], {"matchLabels": {INJECT: "true"}}),
        (["In"], {"matchLabels": {INJECTED: "true"}}),
    ]


@pytest.mark.parametrize(("fenced", "policy"), [(True, "Fail"), (False, "Ignore")])
def test_nobody_takes_the_label_that_opens_the_fence_while_the_webhook_is_away(fenced, policy):
    values = told("sidecar") | {"webhook": {"failurePolicy": "Ignore"}, "fence": {"enabled": fenced}}
    webhooks = one(manifests(values), "MutatingWebhookConfiguration")["webhooks"]
    assert {each["failurePolicy"] for each in webhooks if "objectSelector" not in each} == {"Ignore"}
    claims = [each for each in webhooks if each.get("objectSelector") == {"matchLabels": {INJECTED: "true"}}]
    assert [each["failurePolicy"] for each in claims] == [policy]


def test_a_pod_does_not_open_a_way_past_the_gate_unless_it_is_let():
    text = one(example("sidecar"), "ConfigMap", "injection")["data"]["injection.yaml"]
    settings = from_text(text, "injection.yaml")
    assert set(CHOICES) - set(settings.annotations) == {"exclude-ports", "exclude-cidrs"}


def test_what_is_done_to_a_running_pod_is_asked_about():
    for webhook in one(example("sidecar"), "MutatingWebhookConfiguration")["webhooks"]:
        rules = [(rule["resources"], rule["operations"]) for rule in webhook["rules"]]
        assert rules == [(["pods"], ["CREATE", "UPDATE"]), (["pods/ephemeralcontainers"], ["UPDATE"])]


def test_where_nobody_is_held_nobody_is_asked_about():
    """An empty list is a selector that Kubernetes refuses."""
    assert of_kind(example("defaults"), "MutatingWebhookConfiguration") == []


# What else the values say.


def test_two_gateways_are_kept_apart_and_together():
    gateway = one(example("monitoring"), "Deployment", "gateway")["spec"]["template"]["spec"]
    assert {each["topologyKey"] for each in gateway["topologySpreadConstraints"]} == {
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    }
    assert gateway["affinity"]["podAntiAffinity"]
    assert one(example("monitoring"), "PodDisruptionBudget", "gateway")["spec"]["minAvailable"] == 1
    scaler = one(example("monitoring"), "HorizontalPodAutoscaler")["spec"]
    assert (scaler["minReplicas"], [each["type"] for each in scaler["metrics"]]) == (2, ["Resource"])


def test_sidecars_are_scraped_by_the_label_that_the_injection_gives():
    monitor = one(example("monitoring"), "PodMonitor")["spec"]
    assert monitor["selector"]["matchLabels"] == {INJECTED: "true"}


def test_open_connections_scale_it_where_they_are_asked_for():
    metrics = one(example("gateway"), "HorizontalPodAutoscaler")["spec"]["metrics"]
    assert metrics[1]["pods"]["metric"]["name"] == "outgate_connections"


def test_rules_and_dashboard_are_the_one_source():
    rules = yaml.safe_load((CHART / "rules" / "outgate.yaml").read_text(encoding="utf-8"))
    dashboard = (CHART / "dashboards" / "outgate.json").read_text(encoding="utf-8")
    assert one(example("monitoring"), "PrometheusRule")["spec"] == rules
    assert one(example("monitoring"), "ConfigMap", "dashboard")["data"]["outgate.json"].strip() == dashboard.strip()


def test_the_port_of_metrics_has_istios_name():
    service = next(
        each for each in of_kind(example("monitoring"), "Service") if each["metadata"]["name"] == "outgate-gateway"
    )
    monitor = one(example("monitoring"), "ServiceMonitor", "gateway")["spec"]
    assert "http-envoy-prom" in [port["name"] for port in service["spec"]["ports"]]
    assert monitor["endpoints"][0] == {"port": "http-envoy-prom", "path": "/stats/prometheus", "interval": "30s"}
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
