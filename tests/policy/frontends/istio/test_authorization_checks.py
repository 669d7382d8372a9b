"""What an AuthorizationPolicy is refused for: each names the field, and where it stands."""

import pytest

from outgate.policy import documents
from policy.frontends.istio.authz_building import faults, of, operation, source, translated, when


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
def test_what_istio_refuses_is_refused_on_the_field(spec, field):
    contribution = of(spec)
    assert faults(contribution) == [field]
    assert all(problem.where.line for problem in contribution.problems)
    assert contribution.access == []


@pytest.mark.parametrize(("value", "action"), [("yes", "ALLOW"), ("true", "AUDIT")])
def test_dry_run_is_true_or_false_and_for_what_decides(value, action):
    contribution = of({"action": action, "rules": [{}]}, annotations={"istio.io/dry-run": value})
    assert faults(contribution) == ["metadata.annotations.istio.io/dry-run"]


def test_an_external_authorizer_is_refused_with_what_to_do():
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
def test_an_external_authorizer_cannot_ask_for_identities(rules, field):
    found = faults(of(rules | {"action": "CUSTOM", "provider": {"name": "a"}}))
    assert found == ["spec.action", field]


def test_an_external_authorizer_needs_rules_and_a_name():
    assert set(faults(of({"action": "CUSTOM"}))) == {"spec.action", "spec.rules", "spec.provider.name"}


def test_a_version_that_does_not_exist_is_refused():
    text = "apiVersion: security.istio.io/v1alpha1\nkind: AuthorizationPolicy\nmetadata: {name: p}\n"
    assert faults(translated(text)) == ["apiVersion"]


def test_a_stray_mapping_is_no_policy_and_says_where():
    text = "kind: AuthorizationPolicy\nspec:\n  selector:\n    matchLabels:\n      istio: egressgateway\n  {}\n"
    with pytest.raises(Exception, match=r"authz\.yaml:\d+:\d+: not valid YAML"):
        documents.parse(text, "authz.yaml")


def test_all_faults_are_told_at_once():
    spec = {"rules": [{"from": [{"source": {"ipBlocks": ["x"]}}], "to": [{"operation": {"ports": ["y"]}}]}]}
    assert len(faults(of(spec))) == 2
