"""Rules are written as they were said, each mesh's in a layer of its own where there are several."""

import pytest
import yaml

from converting.rewritten import HEAD, HOME, native, spec, specs
from outgate.converting.access import does_something
from outgate.policy.access_model import AccessPolicy, AccessRule, Action
from outgate.policy.model import Source
from outgate.problems import Where

RULES = (
    "{}",
    "{from: [{principals: [a, b*]}, {notNamespaces: [dev]}]}",
    "{from: [{namespaces: [shop], serviceAccounts: [shop/web], trustDomains: [td], ipBlocks: [192.0.2.0/24]}]}",
    "{to: [{hosts: ['*.example'], ports: [443], notMethods: [GET], paths: [/a*]}, {snis: [a.example], regions: [eu]}]}",
    "{to: [{headers: {x-a: [b]}, notHeaders: {x-c: [d]}}]}",
    "{when: [{attribute: source_label, key: app, values: [web]}, {attribute: port, values: ['443'], not: true}]}",
    "{from: [{when: [{attribute: source_label, key: app, values: [web], not: true}]}]}",
    "{to: [{when: [{attribute: destination_ip, values: [192.0.2.0/24]}]}]}",
)
AUTHORIZATION = """
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: a, namespace: istio-system}
spec: {action: ALLOW, rules: [{to: [{operation: {hosts: [home.example]}}]}]}
---
"""


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_written_as_it_was_said(rule):
    text = HEAD + HOME + native("EgressAccess", f"{{action: DENY, rules: [{rule}]}}")
    assert spec(text, "EgressAccess") == {"action": "DENY", "rules": [yaml.safe_load(rule)]}


def test_destinations_and_dry_runs_are_kept():
    said = "{action: ALLOW, shadow: true, destinations: [default/home], rules: []}"
    assert spec(HEAD + HOME + native("EgressAccess", said), "EgressAccess") == yaml.safe_load(said)


def test_layers_do_not_widen_each_other():
    text = HEAD + HOME + AUTHORIZATION
    text += native("EgressAccess", "{rules: [{}]}") + native("EgressAccess", "{layer: own, rules: [{}]}", "two")
    assert [each.get("layer") for each in specs(text, "EgressAccess")] == [None, "own", "istio"]


def test_one_layer_needs_no_name():
    assert "layer" not in spec(HEAD + HOME + AUTHORIZATION, "EgressAccess")


@pytest.mark.parametrize(
    ("action", "rules", "does"),
    [
        (Action.ALLOW, (), True),
        (Action.DENY, (), False),
        (Action.AUDIT, (), False),
        (Action.DENY, (AccessRule(),), True),
    ],
)
def test_what_denies_nothing_in_particular_does_nothing(action, rules, does):
    source = Source(Where("a.yaml"), "EgressAccess", "a")
    assert does_something(AccessPolicy(action, rules, source)) is does
