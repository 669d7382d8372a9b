"""AuthorizationPolicy: what is accepted, what is refused and where, which gate it is about, and what it comes to."""

import os
import textwrap
from pathlib import Path

import pytest
import yaml

from outgate.policy import compile as compilation
from outgate.policy import documents
from outgate.policy.access import judge
from outgate.policy.compile import Policy
from outgate.policy.decide import decide
from outgate.policy.frontends import Contribution, Setting
from outgate.policy.frontends.istio.authorization import translate
from outgate.policy.frontends.istio.authorization_fields import KEYS, OPERATIONS, SOURCES, SPEC, negation
from outgate.policy.model import (
    AccessLayer,
    AccessPolicy,
    Action,
    Attempt,
    AttemptKind,
    Attribute,
    Code,
    Condition,
    Defaults,
    Fate,
    Gate,
    Identity,
)
from outgate.policy.schema import Fields, Sequence
from outgate.problems import Severity

CORPUS = Path(os.environ.get("OUTGATE_CORPUS", "/nonexistent")) / "istio"
GATE = Gate(namespace="prod", labels=(("app", "web"),))
ENVELOPE = {"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy"}


def translated(text: str, gate: Gate = GATE) -> Contribution:
    contribution = Contribution()
    translate(documents.parse(textwrap.dedent(text), "authz.yaml"), Setting(gate=gate), contribution)
    return contribution


def of(spec: object, gate: Gate = GATE, **metadata: object) -> Contribution:
    """A policy of the gate's own namespace, or as `metadata` says."""
    given = {"name": "p", "namespace": "prod"} | metadata
    return translated(yaml.safe_dump(ENVELOPE | {"metadata": given, "spec": spec}), gate)


def one(spec: object, gate: Gate = GATE, **metadata: object) -> AccessPolicy:
    """The one policy of a document without any problem."""
    contribution = of(spec, gate, **metadata)
    assert [str(problem) for problem in contribution.problems] == []
    (policy,) = contribution.access
    return policy


def faults(contribution: Contribution) -> list[str]:
    """Fields with an error."""
    return [problem.field for problem in contribution.problems if problem.severity is Severity.ERROR]


def source(**fields: object) -> dict[str, object]:
    return {"rules": [{"from": [{"source": fields}]}]}


def operation(**fields: object) -> dict[str, object]:
    return {"rules": [{"to": [{"operation": fields}]}]}


def when(key: str, **fields: object) -> dict[str, object]:
    return {"rules": [{"when": [{"key": key} | fields]}]}


VALUES = {
    Attribute.SOURCE_IP: ["10.0.0.0/8"],
    Attribute.REMOTE_IP: ["10.0.0.1"],
    Attribute.DESTINATION_IP: ["2001:db8::/32"],
    Attribute.PORT: ["443"],
    Attribute.SERVICE_ACCOUNT: ["dev/web"],
    Attribute.PATH: ["/a/{*}"],
}


class TestFields:
    @pytest.mark.parametrize("name", SOURCES)
    def test_a_source_is_a_condition_on_the_caller(self, name):
        attribute = SOURCES[name].attribute
        values = VALUES.get(attribute, ["x*"])
        for field, negated in ((name, False), (negation(name), True)):
            (rule,) = one(source(**{field: values})).rules
            assert rule.sources == ((Condition(attribute, tuple(values), "", negated),),)

    @pytest.mark.parametrize("name", OPERATIONS)
    def test_an_operation_is_a_condition_on_what_is_tried(self, name):
        attribute = OPERATIONS[name].attribute
        values = VALUES.get(attribute, ["*x"])
        for field, negated in ((name, False), (negation(name), True)):
            (rule,) = one(operation(**{field: values})).rules
            assert rule.operations == ((Condition(attribute, tuple(values), "", negated),),)

    @pytest.mark.parametrize(
        ("key", "attribute", "name"),
        [
            *((key, looked.attribute, looked.key) for key, looked in KEYS.items()),
            ("request.headers[X-Mode]", Attribute.HEADER, "x-mode"),
            ("request.headers[:authority]", Attribute.HEADER, ":authority"),
            ("request.auth.claims[iss]", Attribute.REQUEST_CLAIM, "iss"),
            ("request.auth.claims[a][b]", Attribute.REQUEST_CLAIM, "a.b"),
            ("experimental.envoy.filters.a.b[c]", Attribute.METADATA, "envoy.filters.a.b[c]"),
        ],
    )
    def test_a_when_is_a_condition_of_its_rule(self, key, attribute, name):
        values = VALUES.get(attribute, ["x"])
        (rule,) = one(when(key, values=values, notValues=values)).rules
        assert rule.conditions == (
            Condition(attribute, tuple(values), name),
            Condition(attribute, tuple(values), name, negated=True),
        )

    def test_entries_and_rules_stay_apart_and_in_their_places(self):
        policy = translated(
            """\
            apiVersion: security.istio.io/v1beta1
            kind: AuthorizationPolicy
            metadata: {name: p, namespace: prod}
            spec:
              rules:
              - from:
                - source: {namespaces: [a], ipBlocks: [10.0.0.1]}
                - source: {namespaces: [b]}
                to:
                - operation: {ports: ["80"]}
              - {}
            """
        ).access[0]
        first, second = policy.rules
        assert [len(group) for group in first.sources] == [2, 1]
        assert (second.sources, second.operations, second.conditions) == ((), (), ())
        assert (first.source.where.line, first.source.field) == (6, "spec.rules[0]")
        assert (second.source.where.line, second.source.field) == (11, "spec.rules[1]")
        assert str(policy.source) == "AuthorizationPolicy prod/p (authz.yaml:1:1)"

    def test_an_account_without_a_namespace_is_of_the_policys(self):
        (rule,) = one(source(serviceAccounts=["web", "dev/job"])).rules
        assert rule.sources[0][0].values == ("prod/web", "dev/job")

    @pytest.mark.parametrize(
        ("action", "expected"), [({}, Action.ALLOW), *(({"action": str(one)}, one) for one in Action)]
    )
    def test_the_action_is_allow_unless_it_is_named(self, action, expected):
        assert one({"rules": [{}]} | action).action is expected

    @pytest.mark.parametrize("spec", [{}, {"rules": []}, None])
    def test_an_allow_without_rules_is_there_and_allows_nothing(self, spec):
        policy = one(spec)
        assert (policy.action, policy.rules) == (Action.ALLOW, ())

    @pytest.mark.parametrize(("value", "shadow"), [("true", True), ("false", False)])
    def test_dry_run_makes_a_shadow(self, value, shadow):
        assert one({"rules": [{}]}, annotations={"istio.io/dry-run": value}).shadow is shadow

    def test_snake_case_is_read_as_well(self):
        assert one(source(ip_blocks=["10.0.0.1"])) == one(source(ipBlocks=["10.0.0.1"]))

    def test_every_field_that_is_applied_stands_in_a_test_of_this_file(self):
        fields = {path for path, field in leaves(SPEC) if field.fate in (Fate.APPLIED, Fate.APPROXIMATED)}
        tested = {f"rules.from.source.{name}" for name in (*SOURCES, *map(negation, SOURCES))}
        tested |= {f"rules.to.operation.{name}" for name in (*OPERATIONS, *map(negation, OPERATIONS))}
        tested |= {"action", "provider.name", "selector.matchLabels", "rules.when"}
        tested |= {
            f"{ref}.{name}" for ref in ("targetRef", "targetRefs") for name in ("kind", "group", "name", "namespace")
        }
        assert fields == tested

    @pytest.mark.parametrize(
        ("spec", "path"),
        [
            (source(requestPrincipals=["x"]), "spec.rules[0].from[0].source.requestPrincipals"),
            (source(notRemoteIpBlocks=["10.0.0.1"]), "spec.rules[0].from[0].source.notRemoteIpBlocks"),
            (when("request.auth.audiences", values=["x"]), "spec.rules[0].when[0].values"),
            (when("destination.ip", notValues=["10.0.0.1"]), "spec.rules[0].when[0].notValues"),
        ],
    )
    def test_what_the_gate_reads_otherwise_than_istio_is_reported_as_approximated(self, spec, path):
        (report,) = [report for report in of(spec).fields if report.path == path]
        assert report.fate is Fate.APPROXIMATED
        assert report.note


def leaves(shape: object, path: str = ""):
    """The paths and fields of a shape that hold no further mapping."""
    for name, field in shape.fields.items():
        inner = field.shape.of if isinstance(field.shape, Sequence) else field.shape
        under = f"{path}.{name}" if path else name
        if isinstance(inner, Fields):
            yield from leaves(inner, under)
        else:
            yield under, field


class TestRefusals:
    """Each names the field, and where it stands."""

    @pytest.mark.parametrize(
        ("spec", "field"),
        [
            ({"action": "DENY"}, "spec.rules"),
            ({"action": "DENY", "rules": []}, "spec.rules"),
            ({"action": "Deny", "rules": [{}]}, "spec.action"),
            ({"provider": {"name": "x"}, "rules": [{}]}, "spec.provider"),
            ({"rule": [{}]}, "spec.rule"),
            ({"rules": [{"from": []}]}, "spec.rules[0].from"),
            ({"rules": [{"to": []}]}, "spec.rules[0].to"),
            ({"rules": [{"to": [{}]}]}, "spec.rules[0].to[0].operation"),
            ({"rules": [{"from": [{}]}]}, "spec.rules[0].from[0].source"),
            ({"rules": [{}, None]}, "spec.rules[1]"),
            (source(), "spec.rules[0].from[0].source"),
            (operation(), "spec.rules[0].to[0].operation"),
            (source(principals=[]), "spec.rules[0].from[0].source"),
            (source(namespaces=["a", ""]), "spec.rules[0].from[0].source.namespaces[1]"),
            (source(ipBlocks=["10.0.0.0/33"]), "spec.rules[0].from[0].source.ipBlocks[0]"),
            (source(serviceAccounts=["a/b/c"]), "spec.rules[0].from[0].source.serviceAccounts[0]"),
            (source(serviceAccounts=["a/*"]), "spec.rules[0].from[0].source.serviceAccounts[0]"),
            (source(serviceAccounts=["a"] * 17), "spec.rules[0].from[0].source.serviceAccounts"),
            (source(serviceAccounts=["a"], notPrincipals=["b"]), "spec.rules[0].from[0].source.serviceAccounts"),
            (source(notServiceAccounts=["a"], namespaces=["b"]), "spec.rules[0].from[0].source.notServiceAccounts"),
            (operation(ports=[443]), "spec.rules[0].to[0].operation.ports[0]"),
            (operation(ports=["65536"]), "spec.rules[0].to[0].operation.ports[0]"),
            (operation(ports=["+1"]), "spec.rules[0].to[0].operation.ports[0]"),
            (operation(paths=["/{*}/{name}"]), "spec.rules[0].to[0].operation.paths[0]"),
            (operation(notPaths=["/{**}/{*}"]), "spec.rules[0].to[0].operation.notPaths[0]"),
            (when("", values=["a"]), "spec.rules[0].when[0].key"),
            (when("source.name", values=["a"]), "spec.rules[0].when[0].key"),
            (when("request.headers", values=["a"]), "spec.rules[0].when[0].key"),
            (when("request.headers[]", values=["a"]), "spec.rules[0].when[0].key"),
            (when("request.headers[a][b]", values=["a"]), "spec.rules[0].when[0].key"),
            (when("destination.labels[a]", values=["a"]), "spec.rules[0].when[0].key"),
            (when("source.principal"), "spec.rules[0].when[0]"),
            (when("source.ip", notValues=["x"]), "spec.rules[0].when[0].notValues[0]"),
            (when("destination.port", values=["x"]), "spec.rules[0].when[0].values[0]"),
            (when("source.serviceAccount", values=["*"]), "spec.rules[0].when[0].values[0]"),
            ({"selector": {"matchLabels": {"app": "a*"}}}, "spec.selector.matchLabels.app"),
            ({"selector": {}, "targetRef": {"kind": "Service", "name": "a"}}, "spec.targetRef"),
            ({"targetRef": {"kind": "Service", "group": "x", "name": "a"}}, "spec.targetRef.group"),
            ({"targetRef": {"kind": "Pod", "name": "a"}}, "spec.targetRef.kind"),
            ({"targetRefs": [{"kind": "Service"}]}, "spec.targetRefs[0].name"),
            ({"targetRef": {"kind": "Service", "name": "a", "namespace": "b"}}, "spec.targetRef.namespace"),
            ({"targetRefs": [{"kind": "Service", "name": "a"}] * 17}, "spec.targetRefs"),
        ],
    )
    def test_what_istio_refuses_is_refused_on_the_field(self, spec, field):
        contribution = of(spec)
        assert faults(contribution) == [field]
        assert all(problem.where.line for problem in contribution.problems)
        assert contribution.access == []

    @pytest.mark.parametrize(("value", "action"), [("yes", "ALLOW"), ("true", "AUDIT")])
    def test_dry_run_is_true_or_false_and_for_what_decides(self, value, action):
        contribution = of({"action": action, "rules": [{}]}, annotations={"istio.io/dry-run": value})
        assert faults(contribution) == ["metadata.annotations.istio.io/dry-run"]

    def test_an_external_authorizer_is_refused_with_what_to_do(self):
        (problem,) = of({"action": "CUSTOM", "provider": {"name": "a"}, "rules": [{}]}).problems
        assert problem.field == "spec.action"
        assert "the gate asks no authorizer; use ALLOW, DENY or AUDIT" in str(problem)

    @pytest.mark.parametrize(
        ("rules", "field"),
        [
            (source(principals=["a"]), "spec.rules[0].from[0].source.principals"),
            (source(notNamespaces=["a"]), "spec.rules[0].from[0].source.notNamespaces"),
            (when("request.auth.claims[a]", values=["a"]), "spec.rules[0].when[0].key"),
        ],
    )
    def test_an_external_authorizer_cannot_ask_for_identities(self, rules, field):
        found = faults(of(rules | {"action": "CUSTOM", "provider": {"name": "a"}}))
        assert found == ["spec.action", field]

    def test_an_external_authorizer_needs_rules_and_a_name(self):
        assert set(faults(of({"action": "CUSTOM"}))) == {"spec.action", "spec.rules", "spec.provider.name"}

    def test_a_version_that_does_not_exist_is_refused(self):
        text = "apiVersion: security.istio.io/v1alpha1\nkind: AuthorizationPolicy\nmetadata: {name: p}\n"
        assert faults(translated(text)) == ["apiVersion"]

    def test_a_stray_mapping_is_no_policy_and_says_where(self):
        text = "kind: AuthorizationPolicy\nspec:\n  selector:\n    matchLabels:\n      istio: egressgateway\n  {}\n"
        with pytest.raises(Exception, match=r"authz\.yaml:\d+:\d+: not valid YAML"):
            documents.parse(text, "authz.yaml")

    def test_all_faults_are_told_at_once(self):
        spec = {"rules": [{"from": [{"source": {"ipBlocks": ["x"]}}], "to": [{"operation": {"ports": ["y"]}}]}]}
        assert len(faults(of(spec))) == 2


class TestWarnings:
    @pytest.mark.parametrize(
        ("spec", "words"),
        [
            (source(principals=["*/ns/a/*"]), 'a "*" that stands for itself'),
            (operation(paths=["/a/*/b"]), 'a "*" that stands for itself'),
            (source(principals=["spiffe://td/ns/a/sa/b"]), 'read without "spiffe://"'),
            (source(principals=[], namespaces=["a"]), "an empty list restricts nothing"),
            ({"selector": {}}, "every workload is selected"),
        ],
    )
    def test_what_matches_otherwise_than_it_looks_is_told(self, spec, words):
        contribution = of(spec)
        (problem,) = contribution.problems
        assert problem.severity is Severity.WARNING
        assert words in problem.what
        assert len(contribution.access) == 1

    @pytest.mark.parametrize(
        "spec", [source(namespaces=["a-*-b"]), operation(paths=["/{*}/b"]), source(principals=["*"])]
    )
    def test_wildcards_that_mean_what_they_say_are_let_be(self, spec):
        assert of(spec).problems == []


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


@pytest.mark.skipif(not CORPUS.is_dir(), reason="OUTGATE_CORPUS names no corpus")
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
