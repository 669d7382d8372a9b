"""Which gate an AuthorizationPolicy is about, and what it decides there."""

import os
from pathlib import Path

import pytest

from outgate.policy import compile as compilation
from outgate.policy import documents
from outgate.policy.access import judge
from outgate.policy.access_model import AccessLayer
from outgate.policy.compile import Policy
from outgate.policy.decide import decide
from outgate.policy.frontends import Contribution, Setting
from outgate.policy.frontends.istio.authorization import translate
from outgate.policy.model import Attempt, AttemptKind, Code, Defaults, Gate, Identity
from outgate.problems import Severity
from policy.frontends.istio.authz_building import GATE, faults, of, operation, translated, when

CORPUS = Path(os.environ.get("MESH_CORPUS") or "/nonexistent") / "istio"
EGRESS = {"selector": {"matchLabels": {"istio": "egressgateway"}}}
SIDECAR = Gate(namespace="prod", labels=(("app", "web"), ("tier", "a")), collapses=False)


class TestSelection:
    @pytest.mark.parametrize(
        ("spec", "namespace", "gate", "selected"),
        [
            ({}, "prod", GATE, True),
            ({}, "dev", GATE, False),
            ({}, "istio-system", GATE, True),
            ({}, "mesh-root", Gate(namespace="prod", root_namespace="mesh-root"), True),
            ({"selector": {"matchLabels": {"app": "web"}}}, "prod", SIDECAR, True),
            ({"selector": {"matchLabels": {"app": "web", "tier": "b"}}}, "prod", SIDECAR, False),
            ({"selector": {"matchLabels": {"app": "web"}}}, "dev", SIDECAR, False),
            ({"selector": {"matchLabels": {"app": "web"}}}, "istio-system", SIDECAR, True),
            (EGRESS, "istio-system", GATE, True),
            (EGRESS, "istio-egress", GATE, True),
            (EGRESS, "istio-system", SIDECAR, False),
            (EGRESS, "istio-system", Gate("gw", "istio-system", (("istio", "egressgateway"),), collapses=False), True),
            ({"selector": {"matchLabels": {"app": "my-egress-gateway", "version": "2"}}}, "edge", GATE, True),
            ({"selector": {"matchLabels": {"istio": "ingressgateway"}}}, "istio-system", GATE, False),
            ({"selector": {"matchLabels": {"app": "egress-gateway-logger"}}}, "istio-system", GATE, False),
            ({"selector": {"matchLabels": {"app": "noegressgateway"}}}, "istio-system", GATE, False),
        ],
    )
    def test_a_policy_is_about_its_namespaces_workloads_and_a_collapsed_egress_gateway(
        self, spec, namespace, gate, selected
    ):
        contribution = of(spec, gate, namespace=namespace)
        assert bool(contribution.access) is selected
        if not selected:
            (problem,) = contribution.problems
            assert problem.severity is Severity.WARNING
            assert "selects nothing on this gate" in problem.what

    @pytest.mark.parametrize("value", ["b\u00fccher.example", "xn--bcher-kva.example.", "*.B\u00fccher.example"])
    def test_a_deny_of_a_host_is_not_escaped_by_how_it_is_spelt(self, value):
        asked = "a.xn--bcher-kva.example" if value.startswith("*") else "xn--bcher-kva.example"
        for spec in (operation(hosts=[value]), when("request.headers[:authority]", values=[value])):
            (denying,) = of(spec | {"action": "DENY"}, GATE).access
            attempt = Attempt(AttemptKind.HTTP, Identity(), 80, host=asked, headers={"host": asked})
            assert not judge((AccessLayer("istio", (denying,)),), attempt, Defaults()).allowed

    @pytest.mark.parametrize(
        ("host", "namespace", "spec", "gate", "selected"),
        [
            ("istio-egressgateway.edge.svc.cluster.local", "edge", "{}", GATE, True),
            ("egress-gateway", "routes", "{}", GATE, True),
            ("istio-egressgateway.edge.svc.cluster.local", "other", "{}", GATE, False),
            (
                "istio-egressgateway.edge.svc.cluster.local",
                "edge",
                "{selector: {matchLabels: {app: web}}}",
                GATE,
                False,
            ),
            ("istio-egressgateway.edge.svc.cluster.local", "edge", "{}", SIDECAR, False),
            ("logger.edge.svc.cluster.local", "edge", "{}", GATE, False),
            ("istio-egressgateway.", "edge", "{}", GATE, False),
        ],
    )
    def test_a_policy_of_the_egress_gateways_namespace_is_about_a_gate_that_stands_for_it(
        self, host, namespace, spec, gate, selected
    ):
        text = f"""
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata: {{name: through, namespace: routes}}
            spec: {{hosts: [api.example], tls: [{{route: [{{destination: {{host: {host}}}}}]}}]}}
            ---
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata: {{name: p, namespace: {namespace}}}
            spec: {spec}
            """
        assert bool(translated(text, gate).access) is selected

    def test_without_a_namespace_a_policy_is_of_the_gates(self):
        contribution = translated("apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p}\n")
        assert contribution.access[0].source.namespace == "prod"

    def test_a_policy_that_selects_nothing_is_checked_all_the_same(self):
        assert faults(of(operation(ports=["x"]), namespace="elsewhere")) == ["spec.rules[0].to[0].operation.ports[0]"]

    @pytest.mark.parametrize(
        ("reference", "gate", "selected"),
        [
            ({"kind": "Gateway", "group": "gateway.networking.k8s.io", "name": "outgate"}, SIDECAR, True),
            ({"kind": "Gateway", "group": "gateway.networking.k8s.io", "name": "other"}, SIDECAR, False),
            ({"kind": "Gateway", "group": "gateway.networking.k8s.io", "name": "egress-gateway"}, GATE, True),
            (
                {"kind": "Gateway", "group": "gateway.networking.k8s.io", "name": "gw"},
                Gate(namespace="prod", labels=(("gateway.networking.k8s.io/gateway-name", "gw"),)),
                True,
            ),
            ({"kind": "GatewayClass", "group": "gateway.networking.k8s.io", "name": "waypoint"}, GATE, False),
            ({"kind": "Service", "group": "", "name": "web"}, GATE, False),
            ({"kind": "ServiceEntry", "group": "networking.istio.io", "name": "unknown"}, GATE, False),
        ],
    )
    def test_a_target_may_be_the_gateway_that_the_gate_is(self, reference, gate, selected):
        for spec in ({"targetRef": reference}, {"targetRefs": [reference]}):
            contribution = of(spec, gate)
            assert bool(contribution.access) is selected
            assert all(policy.targets == () for policy in contribution.access)
            assert bool(contribution.problems) is not selected

    def test_a_target_may_be_a_service_entry_of_the_same_namespace(self):
        text = """\
            apiVersion: networking.istio.io/v1
            kind: ServiceEntry
            metadata: {name: partner, namespace: %s}
            ---
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata: {name: p, namespace: prod}
            spec: {targetRefs: [{kind: ServiceEntry, group: networking.istio.io, name: partner}]}
            """
        assert translated(text % "prod").access[0].targets == ("ServiceEntry/prod/partner",)
        elsewhere = translated(text % "dev")
        assert elsewhere.access == []
        assert "selects nothing" in elsewhere.problems[0].what


SEED = """\
apiVersion: security.istio.io/v1beta1
kind: AuthorizationPolicy
metadata: {name: egress-authz, namespace: istio-system}
spec:
  selector: {matchLabels: {istio: egressgateway}}
  action: ALLOW
  rules:
  - from:
    - source: {principals: [cluster.local/ns/default/sa/frontend]}
    to:
    - operation: {hosts: [api.one.example], ports: ["443"]}
  - from:
    - source: {namespaces: [data, analytics]}
    to:
    - operation: {hosts: [db.example], ports: ["5432"]}
---
apiVersion: security.istio.io/v1beta1
kind: AuthorizationPolicy
metadata: {name: deny-all, namespace: istio-system}
spec:
  selector: {matchLabels: {istio: egressgateway}}
"""


@pytest.mark.parametrize(
    ("who", "sni", "tunnel_hosts", "expected"),
    [
        ("default/frontend", "api.one.example", "sni", True),
        ("default/frontend", "api.two.example", "sni", False),
        ("default/backend", "api.one.example", "sni", False),
        ("", "api.one.example", "sni", False),
        ("default/frontend", "api.one.example", "istio", False),
    ],
)
def test_an_egress_gateways_policies_hold_for_passed_through_tls(who, sni, tunnel_hosts, expected):
    namespace, _, account = who.partition("/")
    caller = Identity(namespace=namespace, service_account=account, address="10.0.0.1")
    attempt = Attempt(AttemptKind.TLS, caller, 443, host=sni, sni=sni, address="192.0.2.1")
    layers = (AccessLayer("istio", tuple(translated(SEED).access)),)
    assert judge(layers, attempt, Defaults(tunnel_hosts=tunnel_hosts)).allowed is expected


REGISTERED = """\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: %(name)s, namespace: prod}
spec:
  hosts: [%(name)s.example]
  ports: [{number: %(port)d, name: p, protocol: %(protocol)s}]
  resolution: DNS
---
"""
ABOUT_ONE = """\
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: p, namespace: prod}
spec:
  targetRefs: [{kind: ServiceEntry, group: networking.istio.io, name: one}]
  rules: [{from: [{source: {serviceAccounts: [web]}}], to: [{operation: {hosts: [one.example]}}]}]
"""


@pytest.mark.parametrize(
    ("host", "account", "code"),
    [
        ("one.example", "web", Code.REGISTERED),
        ("one.example", "job", Code.REFUSED_BY_RULE),
        ("two.example", "job", Code.REGISTERED),
    ],
)
def test_a_policy_about_a_service_entry_decides_there_and_nowhere_else(host, account, code):
    entries = [REGISTERED % {"name": name, "port": 80, "protocol": "HTTP"} for name in ("one", "two")]
    policy = compiled("".join(entries) + ABOUT_ONE)
    caller = Identity(namespace="prod", service_account=account)
    attempt = Attempt(AttemptKind.HTTP, caller, 80, host=host, method="GET", path="/", headers={"host": host})
    assert decide(policy, attempt).code is code


@pytest.mark.parametrize(("account", "code"), [("web", Code.REGISTERED), ("job", Code.REFUSED_BY_RULE)])
def test_raw_bytes_to_a_service_entry_are_judged_by_its_name(account, code):
    policy = compiled(REGISTERED % {"name": "one", "port": 5432, "protocol": "TCP"} + ABOUT_ONE)
    caller = Identity(namespace="prod", service_account=account)
    attempt = Attempt(AttemptKind.TCP, caller, 5432, address="198.51.100.7")
    assert decide(policy, attempt).code is code


def compiled(text: str) -> Policy:
    return compilation.compile(documents.parse(text, "mesh.yaml"), Setting(gate=GATE))


def corpus(folder: str) -> list[Path]:
    if not CORPUS.is_dir():
        return []
    files = sorted((CORPUS / folder).glob("*.yaml"))
    return [path for path in files if "kind: AuthorizationPolicy" in path.read_text()]


@pytest.mark.skipif(not CORPUS.is_dir(), reason="MESH_CORPUS names no corpus")
class TestCorpus:
    # Kinds that the rest of the front-end reads stand in some of the files; only AuthorizationPolicies are read here.

    @pytest.mark.parametrize("path", corpus(""), ids=lambda path: path.stem)
    def test_a_valid_policy_is_accepted_unless_it_asks_an_external_authorizer(self, path):
        contribution = Contribution()
        translate(documents.load(path), Setting(), contribution)
        assert set(faults(contribution)) == ({"spec.action"} if "action: CUSTOM" in path.read_text() else set())

    @pytest.mark.parametrize("path", corpus("invalid"), ids=lambda path: path.stem)
    def test_an_invalid_policy_is_refused_on_the_matching_field(self, path):
        contribution = Contribution()
        translate(documents.load(path), Setting(), contribution)
        assert contribution.access == []
        found = " ".join(faults(contribution)).lower()
        assert any(word in found for word in expected_words(path)), found


def expected_words(path: Path) -> list[str]:
    """What the name of an invalid file says is wrong with it, as our fields spell it."""
    name = path.stem.removeprefix("vt-authorizationpolicy-").removeprefix("crd-authz-")
    words = {
        "condition": "when",
        "custom": "action",
        "service": "serviceaccounts",
        "dry": "dry-run",
        "invalid": "blocks",
    }
    head = name.split("-")[0]
    return [words.get(head, head), *(["targetref"] if head == "target" else [])]
