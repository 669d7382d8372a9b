"""`EgressAccess`: every field becomes a condition that decides, and what says nothing is refused."""

import pytest

from outgate.policy.access_model import Action, Attribute, Condition
from outgate.policy.decide import decide
from outgate.policy.model import Identity, Intercept, Protocol, Verdict
from outgate.policy.snapshot import Policy
from outgate.problems import Severity
from policy.building import destination, http, policy, problems, tls

HEAD = "apiVersion: outgate.dev/v1alpha1\nkind: EgressAccess\nmetadata: {name: x, namespace: prod}\nspec:\n  "


def made(spec):
    (layer,) = policy(HEAD + spec.replace("\n", "\n  ")).access
    (only,) = layer.policies
    return only


def errors(spec):
    return [str(p) for p in problems(HEAD + spec.replace("\n", "\n  ")) if p.severity is Severity.ERROR]


def allows(spec, attempt, **more):
    compiled = policy(HEAD + spec.replace("\n", "\n  "))
    known = destination("a.example", **more)
    return decide(Policy("test", destinations=(known,), access=compiled.access), attempt).allowed


def caller(namespace="prod", account="web", address="10.0.0.1"):
    return Identity(namespace=namespace, service_account=account, address=address)


@pytest.mark.parametrize(
    ("spec", "fitting", "other"),
    [
        ("from: [{namespaces: [prod]}]", {}, {"caller": caller("dev")}),
        ("from: [{notNamespaces: [dev]}]", {}, {"caller": caller("dev")}),
        ("from: [{serviceAccounts: [prod/web]}]", {}, {"caller": caller("prod", "job")}),
        ("from: [{serviceAccounts: [web]}]", {}, {"caller": caller("dev", "web")}),
        ("from: [{notServiceAccounts: [prod/job]}]", {}, {"caller": caller("prod", "job")}),
        ("from: [{principals: [cluster.local/ns/prod/sa/web]}]", {}, {"caller": caller("dev")}),
        ("from: [{principals: ['spiffe://cluster.local/ns/prod/sa/*']}]", {}, {"caller": caller("dev")}),
        ("from: [{notPrincipals: ['*/sa/job']}]", {}, {"caller": caller("prod", "job")}),
        ("from: [{trustDomains: [cluster.local]}]", {}, {"caller": Identity()}),
        ("from: [{ipBlocks: [10.0.0.0/24]}]", {}, {"caller": caller(address="10.0.1.1")}),
        ("from: [{notIpBlocks: [10.0.1.0/24]}]", {}, {"caller": caller(address="10.0.1.1")}),
        ("from: {namespaces: [prod]}", {}, {"caller": caller("dev")}),
        ("rules: [{when: [{attribute: namespace, values: [prod]}]}]", {}, {"caller": caller("dev")}),
        ("to: [{when: [{attribute: method, values: POST, not: true}]}]", {}, {"method": "POST"}),
        ("from: [{when: [{attribute: source_ip, values: 10.0.0.0/24}]}]", {}, {"caller": caller(address="10.0.1.1")}),
        ("to: [{methods: [GET]}]", {}, {"method": "POST"}),
        ("to: {notMethods: [POST]}", {}, {"method": "POST"}),
        ("to: [{paths: ['/v1/*']}]", {"path": "/v1/x"}, {"path": "/v2/x"}),
        ("to: [{notPaths: [/admin]}]", {"path": "/x"}, {"path": "/admin?x=1"}),
        ("to: [{headers: {X-Team: [web]}}]", {"headers": {"x-team": "web"}}, {"headers": {"x-team": "job"}}),
        ("to: [{headers: {X-Team: web}}]", {"headers": {"x-team": "web"}}, {"headers": {"x-team": "job"}}),
        ("to: [{notHeaders: {x-team: ['j*']}}]", {"headers": {"x-team": "web"}}, {"headers": {"x-team": "job"}}),
    ],
)
def test_a_field_decides(spec, fitting, other):
    assert allows(spec, http("a.example", **({"caller": caller()} | fitting)))
    assert not allows(spec, http("a.example", **({"caller": caller()} | other)))


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("to: [{hosts: [a.example]}]", True),
        ("to: [{hosts: ['*.example']}]", True),
        ("to: [{hosts: [b.example]}]", False),
        ("to: [{notHosts: [a.example]}]", False),
        ("to: [{ports: [443]}]", True),
        ("to: [{ports: ['443']}]", True),
        ("to: [{ports: [80]}]", False),
        ("to: [{notPorts: [443]}]", False),
        ("to: [{regions: [eu]}]", True),
        ("to: [{regions: [us]}]", False),
        ("to: [{regions: [.]}]", False),
        ("to: [{regions: [., eu]}]", True),
        ("to: [{notRegions: [eu]}]", False),
        ("rules: [{}]", True),
        ("rules: []", False),
        ("rules: [{from: [{namespaces: [dev]}]}, {to: [{methods: [GET]}]}]", True),
        ("rules: [{from: [{namespaces: [dev]}], to: [{methods: [GET]}]}]", False),
        ("action: DENY\nrules: [{}]", False),
        ("action: DENY\nshadow: true\nrules: [{}]", True),
        ("action: AUDIT\nrules: [{}]", True),
        ("action: DENY\nto: [{methods: [POST]}]", True),
    ],
)
def test_a_policy_decides(spec, expected):
    assert allows(spec, http("a.example", caller=caller()), region="eu") is expected


def test_snis_judge_tunnels():
    known = {"protocol": Protocol.TLS, "intercept": Intercept.TUNNEL}
    assert allows("to: [{snis: [a.example]}]", tls("a.example", caller=caller()), **known)
    assert not allows("to: [{notSnis: [a.example]}]", tls("a.example", caller=caller()), **known)


def test_a_policy_knows_its_action_and_its_rules_know_their_lines():
    found = made("action: deny\nrules:\n- to: [{methods: [GET]}]\n")
    assert (found.action, found.shadow) == (Action.DENY, False)
    assert str(found.rules[0].source.where) == "policy.yaml:7:5"
    assert found.rules[0].operations == ((Condition(Attribute.METHOD, ("GET",)),),)


PLACES = "".join(
    f"apiVersion: outgate.dev/v1alpha1\nkind: EgressDestination\nmetadata: {{name: {name}, namespace: prod}}\n"
    f"spec: {{hosts: [{name}.example], ports: [{{number: 443, protocol: HTTPS}}]}}\n---\n"
    for name in ("a", "b")
)


def test_a_policy_may_be_about_some_destinations():
    compiled = policy(PLACES + HEAD + "destinations: a\n  from: [{namespaces: [dev]}]")
    assert not decide(compiled, http("a.example")).allowed
    assert decide(compiled, http("b.example")).allowed


def test_a_destination_that_is_not_there_is_refused():
    found = problems(PLACES + HEAD + "destinations: [dev/a]\n  rules: [{}]")
    assert [problem.field for problem in found if problem.severity is Severity.ERROR] == ["spec.destinations"]


def test_layers_do_not_widen_each_other():
    other = "\n---\n" + HEAD.replace("name: x", "name: y") + "layer: mesh\n  from: [{namespaces: [dev]}]"
    compiled = policy(PLACES + HEAD + "from: [{namespaces: [prod]}]" + other)
    assert [layer.mesh for layer in compiled.access] == ["native", "native/mesh"]
    assert not decide(compiled, http("a.example")).allowed
    assert decide(
        policy(PLACES + HEAD + "from: [{namespaces: [prod]}]" + other.replace("  layer: mesh\n", "")), http("a.example")
    ).allowed


def test_a_dry_run_is_reported():
    compiled = policy(HEAD + "action: DENY\n  shadow: true\n  rules: [{}]")
    decision = decide(
        Policy("test", destinations=(destination("a.example"),), access=compiled.access), http("a.example")
    )
    assert [shadow.verdict for shadow in decision.shadows] == [Verdict.DENY]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("action: ALLOW", "does not say what it matches"),
        ("action: DENY\nrules: []", "DENY without rules does nothing"),
        ("rules: [{}]\nto: [{methods: [GET]}]", "stands beside from or to"),
        ("action: AUDIT\nshadow: true\nrules: [{}]", "an AUDIT enforces nothing"),
        ("action: PERMIT\nrules: [{}]", '"PERMIT" is not known'),
        ("from: [{}]", "spec.from[0]: is empty"),
        ("to: [{methods: []}]", "at least 1"),
        ("from: []", "spec.from: 0 entries, at least 1"),
        ("to: []", "spec.to: 0 entries, at least 1"),
        ("rules: [{from: [], to: [{methods: [GET]}]}]", "spec.rules[0].from: 0 entries"),
        ("rules: [{from: null}]", "spec.rules[0].from: has no value"),
        ("rules: [{to: [{hosts: [a.example], methods: }]}]", "spec.rules[0].to[0].methods: has no value"),
        ("from: [{namespaces: }]", "spec.from[0].namespaces: has no value"),
        ("to: [{headers: {}}]", "spec.to[0].headers: 0 entries"),
        ("to: [{methods: [GET], notHeaders: {}}]", "spec.to[0].notHeaders: 0 entries"),
        ("to: [{methods: [get]}]", "lower case"),
        ("to: [{methods: ['*G*T']}]", 'has "*" in the middle'),
        ("to: [{paths: [admin]}]", "does not start with a slash"),
        ("to: [{hosts: [a_b]}]", "is no host"),
        ("to: [{hosts: ['a.*.b']}]", 'has "*" in the middle'),
        ("to: [{ports: [70000]}]", "out of range"),
        ("from: [{serviceAccounts: ['prod/*']}]", "compared whole"),
        ("from: [{namespaces: ['']}]", "must not be empty"),
        ("from: [{ipBlocks: [nowhere]}]", "spec.from[0].ipBlocks[0]"),
        ("from: [{namespace: [prod]}]", 'did you mean "namespaces"?'),
    ],
)
def test_what_is_wrong_is_said(spec, says):
    assert any(says in text for text in errors(spec)), errors(spec)


def test_hosts_may_carry_a_port():
    assert errors("to: [{hosts: ['a.example:443']}]") == []


@pytest.mark.parametrize(
    ("value", "asked"),
    [
        ("Bücher.example", "xn--bcher-kva.example"),
        ("*.Bücher.example", "a.xn--bcher-kva.example"),
        ("a.example.", "a.example"),
        ("*.example.", "a.example"),
        ("*a.Example.", "a.example"),
        ("FD00:0::1", "fd00::1"),
        ("[fd00:0::1]", "fd00::1"),
        ("[fd00::1]:443", "fd00::1"),
        ("fd00:1:2:3:4:5:6:7", "fd00:1:2:3:4:5:6:7"),
        ("[fd00:*", "fd00::1"),
    ],
)
def test_a_deny_of_a_host_is_not_escaped_by_how_it_is_spelt(value, asked):
    for spec in (f"to: [{{hosts: ['{value}']}}]", f"to: [{{headers: {{host: '{value}'}}}}]"):
        compiled = policy(HEAD + f"action: DENY\n  {spec}")
        known = Policy("test", destinations=(destination(asked), destination("b.test")), access=compiled.access)
        assert not decide(known, http(asked)).allowed
        assert decide(known, http("b.test")).allowed


@pytest.mark.parametrize("value", ["Bücher.example", "*.bücher.example.", "a.bücher.EXAMPLE."])
def test_a_deny_of_an_sni_is_not_escaped_by_how_it_is_spelt(value):
    asked = "xn--bcher-kva.example" if value.startswith("B") else "a.xn--bcher-kva.example"
    compiled = policy(HEAD + f"action: DENY\n  to: [{{snis: ['{value}']}}]")
    known = destination("*.example", protocol=Protocol.TLS, intercept=Intercept.TUNNEL)
    judged = Policy("test", destinations=(known,), access=compiled.access)
    assert not decide(judged, tls(asked)).allowed
    assert decide(judged, tls("other.example")).allowed


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("hosts: ['*bücher.example']", "write its xn-- form"),
        ("hosts: ['fd00:0:*']", "compared in brackets"),
        ("hosts: ['a.example:0']", "no valid port"),
        ("snis: ['a.example:443']", "more than a name"),
        ("snis: ['a_b.example']", "is no host"),
    ],
)
def test_a_value_that_could_never_match_is_refused(spec, says):
    (error,) = errors(f"to: [{{{spec}}}]")
    assert says in error


@pytest.mark.parametrize("spec", ["paths: ['/admin*']", "headers: {':path': '/admin*'}"])
@pytest.mark.parametrize("path", ["/admin", "//admin", "/x/..%2fadmin", "/admin%2f", "/x/../admin"])
def test_a_deny_of_a_path_is_not_escaped_by_how_it_is_spelt(spec, path):
    assert not allows(f"action: DENY\nto: [{{{spec}}}]", http("a.example", path=path))
    assert allows(f"action: DENY\nto: [{{{spec}}}]", http("a.example", path="/x"))
