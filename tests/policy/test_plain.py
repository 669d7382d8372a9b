"""Policies as data: complete, ready for JSON, and without what could be a credential."""

import json

from outgate.policy.plain import plain, plain_policy
from policy.building import policy

POLICY = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDefaults
    metadata: {name: mesh}
    spec: {mode: REGISTRY_ONLY, internal: {networks: [10.0.0.0/8]}}
    ---
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDestination
    metadata: {name: partner, namespace: prod}
    spec:
      hosts: [api.partner.example]
      addresses: [192.0.2.0/24]
      expires: 2999-01-01
      ports: [{number: 443, protocol: HTTPS}]
      headers:
        set: [{name: x-api-key, value: hunter2}]
        setFromFile: [{name: authorization, file: /run/token}]
    ---
    apiVersion: outgate.dev/v1alpha1
    kind: EgressAccess
    metadata: {name: keyed}
    spec:
      action: ALLOW
      rules: [{to: {methods: [GET], headers: {x-key: [hunter3], x-any: ["*"]}}}]
"""


def test_a_policy_goes_through_json_unchanged():
    told = plain_policy(policy(POLICY, strict=False))
    assert json.loads(json.dumps(told)) == told


def test_a_policy_tells_its_parts_and_their_places():
    told = plain_policy(policy(POLICY, strict=False))
    destination = told["destinations"][0]
    assert destination["networks"] == ["192.0.2.0/24"]
    assert destination["expires"] == "2999-01-01T00:00:00+00:00"
    assert destination["source"] == {
        "where": {"file": "policy.yaml", "line": 7, "column": 1},
        "kind": "EgressDestination",
        "name": "partner",
        "namespace": "prod",
        "field": "",
    }
    assert told["defaults"]["internal_networks"] == ["10.0.0.0/8"]
    assert told["access"][0]["policies"][0]["source"]["name"] == "keyed"
    assert told["gate"]["root_namespace"] == "istio-system"
    assert told["generation"] == policy(POLICY, strict=False).generation
    assert any("temporary allowance" in line for line in told["warnings"])


def test_header_values_are_masked_and_their_files_are_not():
    told = plain_policy(policy(POLICY, strict=False))
    text = json.dumps(told)
    assert "hunter" not in text
    assert told["destinations"][0]["headers"] == [
        {"name": "x-api-key", "value": "[redacted]", "file": None},
        {"name": "authorization", "value": None, "file": "/run/token"},
    ]
    conditions = told["access"][0]["policies"][0]["rules"][0]["operations"][0]
    values = {condition["key"] or condition["attribute"]: condition["values"] for condition in conditions}
    assert values == {"method": ["GET"], "x-key": ["[redacted]"], "x-any": ["*"]}


def test_values_of_no_kind_are_text():
    assert plain({"a": (1, 2.5, True, None), "b": frozenset({"x"}), 3: object}) == {
        "a": [1, 2.5, True, None],
        "b": ["x"],
        "3": "<class 'object'>",
    }
