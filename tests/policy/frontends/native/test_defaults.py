"""`EgressDefaults` sets what holds for the gate, each field as its value says."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from outgate.policy.model import Import, Intercept, Mode, Scope, Via
from policy.building import DEFAULTS, policy, problems


@pytest.mark.parametrize(
    ("spec", "field", "value"),
    [
        ("{mode: ALLOW_ANY}", "mode", Mode.ALLOW_ANY),
        ("{mode: observe}", "mode", Mode.OBSERVE),
        ("{denyStatus: 403}", "deny_status", 403),
        ("{internal: {hosts: ['*.Mesh.example.']}}", "internal_hosts", ("*.mesh.example",)),
        (
            "{internal: {networks: [10.0.0.0/8, 'fd00::/8']}}",
            "internal_networks",
            (ip_network("10.0.0.0/8"), ip_network("fd00::/8")),
        ),
        ("{tunnelHosts: istio}", "tunnel_hosts", "istio"),
        ("{unregisteredTLS: DECRYPT}", "unregistered_tls", Intercept.DECRYPT),
        ("{trustDomain: td.example}", "trust_domain", "td.example"),
        ("{trustDomainAliases: [old.example]}", "trust_domain_aliases", ("old.example",)),
        ("{nat64: ['2001:db8:64::/96']}", "nat64", (ip_network("2001:db8:64::/96"),)),
        ("{pathNormalization: MERGE_SLASHES}", "path_normalization", "MERGE_SLASHES"),
    ],
)
def test_a_field_is_applied(spec, field, value):
    assert getattr(policy(DEFAULTS + spec).defaults, field) == value


def test_rules_of_forwarding_are_read_in_their_order():
    spec = "{forwarding: [{hosts: ['*.A.example'], addresses: [10.0.0.0/8], via: direct}, {via: PROXY}]}"
    first, second = policy(DEFAULTS + spec).defaults.forwarding
    assert (first.via, first.hosts, first.networks) == (Via.DIRECT, ("*.a.example",), (ip_network("10.0.0.0/8"),))
    assert (second.via, second.hosts, second.networks) == (Via.PROXY, (), ())
    assert second.source.field == "spec.forwarding[1]"


def test_scopes_say_what_callers_see():
    spec = (
        "{scopes: [{namespace: dev, labels: {app: web}, mode: ALLOW_ANY}, "
        "{imports: [{host: '*.a.example'}, {namespace: prod, excluded: true}]}, {namespace: prod, imports: []}]}"
    )
    found = [replace(scope, source=None) for scope in policy(DEFAULTS + spec).scopes]
    assert found == [
        Scope("dev", (("app", "web"),), Mode.ALLOW_ANY),
        Scope("", imports=(Import("*", "*.a.example"), Import("prod", "*", True))),
        Scope("prod", imports=()),
    ]


def test_the_mode_knows_the_line_that_sets_it():
    assert str(policy(DEFAULTS + "\n  mode: OBSERVE").defaults.mode_source.where) == "policy.yaml:5:9"


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("{mode: DENY}", '"DENY" is not known'),
        ("{mode: REGISTRY_ONYL}", 'did you mean "REGISTRY_ONLY"?'),
        ("{denyStatus: 200}", "200 is out of range"),
        ("{internal: {hosts: ['a_b']}}", "underscores"),
        ("{internal: {networks: [10.0.0.1/8]}}", "has host bits set"),
        ("{internal: [a]}", "expected a mapping"),
        ("{tunnelHosts: host}", "not known"),
        ("{pathNormalisation: BASE}", 'did you mean "pathNormalization"?'),
        ("{trustDomain: ''}", "must not be empty"),
        ("{forwarding: [{hosts: [a.example]}]}", "via: required value is missing"),
        ("{forwarding: [{via: TUNNEL}]}", '"TUNNEL" is not known'),
        ("{nat64: ['2001:db8::/50']}", "2001:db8::/50 is not a NAT64 prefix"),
        ("{nat64: [10.0.0.0/32]}", "10.0.0.0/32 is not a NAT64 prefix"),
    ],
)
def test_what_is_wrong_is_said(spec, says):
    assert any(says in str(problem) for problem in problems(DEFAULTS + spec))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("apiVersion: outgate.dev/v1\nkind: EgressDefaults\nmetadata: {name: d}\nspec: {}", "use outgate.dev/v1alpha1"),
        ("apiVersion: outgate.dev/v1alpha1\nkind: EgressDefaults\nspec: {}", "metadata: required value is missing"),
        ("apiVersion: outgate.dev/v1alpha1\nkind: EgressDefaults\nmetadata: {}\nspec: {}", "metadata.name: required"),
        (
            "apiVersion: outgate.dev/v1alpha1\nkind: EgressDefaults\nmetadata: {name: d}",
            "spec: required value is missing",
        ),
        (
            "apiVersion: outgate.dev/v1alpha1\nkind: EgressDefaults\nmetadata: {name: d}\nspec: {}\nextra: 1",
            "extra: unknown",
        ),
        (
            "apiVersion: outgate.dev/v1alpha1\nkind: EgressDefaults\nmetadata: {name: d, nam: e}\nspec: {}",
            "metadata.nam",
        ),
    ],
)
def test_the_envelope_is_checked(text, says):
    assert any(says in str(problem) for problem in problems(text))


def test_what_the_api_server_adds_is_accepted():
    text = (
        "apiVersion: outgate.dev/v1alpha1\nkind: EgressDefaults\n"
        "metadata: {name: d, labels: {a: b}, annotations: {owner: team}, uid: x, resourceVersion: '1', generation: 2,\n"
        "  creationTimestamp: 2026-01-01T00:00:00Z, managedFields: []}\n"
        "spec: {mode: OBSERVE}\nstatus: {}\n"
    )
    assert policy(text).problems == ()
