"""The verdict: registry, in-mesh traffic, paths, access rules and mode, in that order."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest
from hypothesis import given

from outgate.policy import decide as deciding
from outgate.policy.access_model import AccessLayer, AccessPolicy, AccessRule, Action, Attribute, Condition
from outgate.policy.decide import STATUS, Treatment, decide, denial, treat
from outgate.policy.model import (
    AttemptKind,
    Code,
    Defaults,
    Identity,
    Intercept,
    Mode,
    Protocol,
    Resolution,
    Source,
    Traffic,
    Verdict,
)
from outgate.policy.redaction_model import Action as Done
from outgate.policy.redaction_model import Inline, KeepingPolicy, Matching, RedactionPolicy
from outgate.policy.snapshot import Policy
from outgate.policy.steps import Steps
from outgate.problems import Where
from policy import building
from policy.building import WEB, destination, http, tcp, tls
from policy.strategies import NOW, attempts, policies

RULE = Source(Where("rules.yaml", 9, 1), "EgressAccess", "rule")
NEVER = {Code.NAMES_DISAGREE, Code.ADDRESS_REFUSED}


def over(*destinations, access=(), **defaults):
    layers = (AccessLayer("native", tuple(access)),) if access else ()
    return Policy("test", Defaults(**defaults), destinations, access=layers, now=lambda: NOW)


def rule(action, attribute, *values, shadow=False, negated=False):
    conditions = ((Condition(attribute, values, negated=negated),),)
    return AccessPolicy(action, (AccessRule(operations=conditions, source=RULE),), RULE, shadow)


def test_an_allowance_that_ends_says_until_when_it_allows():
    known = destination("a.example", expires=NOW + timedelta(days=1))
    assert decide(over(known), http("a.example")).reason == f"a.example:443 is registered until {known.expires}"
    assert decide(over(destination("a.example")), http("a.example")).reason == "a.example:443 is registered"


def test_under_allow_any_what_lies_behind_the_sites_own_nat64_is_judged_by_the_ipv4_inside():
    behind = http("a.example", address="2001:4860:64::a9fe:a9fe")
    assert decide(over(mode=Mode.ALLOW_ANY), behind).allowed
    refused = decide(over(mode=Mode.ALLOW_ANY, nat64=(ip_network("2001:4860:64::/96"),)), behind)
    assert refused.code is Code.ADDRESS_REFUSED


WATCHED = RedactionPolicy("watched", Matching(("a.example",)), inline=Inline(Done.MASK), source=RULE)


@pytest.mark.parametrize("mode", Mode)
def test_bytes_to_where_live_messages_are_looked_at_pass_in_no_mode(mode):
    known = destination("a.example", intercept=Intercept.TUNNEL)
    policy = replace(over(known, mode=mode), keeping=KeepingPolicy((WATCHED,)))
    refused = decide(policy, tls("a.example"))
    assert (refused.verdict, refused.code, refused.source) == (Verdict.DENY, Code.REDACTION_REFUSED, RULE)
    assert refused.status == 403
    assert refused.destination is known
    assert decide(replace(policy, keeping=KeepingPolicy()), tls("a.example")).allowed
    assert decide(replace(over(destination("a.example")), keeping=policy.keeping), http("a.example")).allowed


def test_paths_that_can_be_read_in_two_ways_are_refused_where_live_messages_are_chosen_by_them():
    watched = replace(WATCHED, matching=Matching(paths=("/v1/*",)))
    policy = replace(over(destination("a.example")), keeping=KeepingPolicy((watched,)))
    assert decide(policy, http("a.example", path="/v2/..//v1")).code is Code.PATH_AMBIGUOUS
    kept = replace(watched, inline=None)
    assert decide(replace(policy, keeping=KeepingPolicy((kept,))), http("a.example", path="/v2/..//v1")).allowed


def test_what_is_registered_is_allowed_with_its_destination_port_and_document():
    known = destination("a.example")
    decision = decide(over(known), http("a.example"))
    assert (decision.verdict, decision.code, decision.traffic) == (Verdict.ALLOW, Code.REGISTERED, Traffic.REGISTERED)
    assert (decision.destination, decision.port) == (known, known.ports[0])
    assert decision.source == known.ports[0].source
    assert decision.status == 0


@pytest.mark.parametrize(
    ("attempt", "code"),
    [
        (http("b.example"), Code.UNREGISTERED),
        (http("a.example", 8443, encrypted=True), Code.PORT_UNREGISTERED),
        (http("a.example", encrypted=False), Code.PROTOCOL_MISMATCH),
        (tls("a.example"), Code.PROTOCOL_MISMATCH),
        (tcp("203.0.113.9", 443), Code.UNREGISTERED),
        (http("hidden.example"), Code.NOT_EXPORTED),
        (http("old.example"), Code.EXPIRED),
    ],
)
def test_what_is_not_registered_is_denied_with_the_status_of_the_defaults(attempt, code):
    known = (
        destination("a.example"),
        destination("hidden.example", export_to=("dev",)),
        destination("old.example", expires=NOW - timedelta(days=1)),
    )
    decision = decide(over(*known), attempt)
    assert (decision.verdict, decision.code, decision.traffic) == (Verdict.DENY, code, Traffic.BLACKHOLE)
    assert decision.status == 502
    assert decide(over(*known, deny_status=403), attempt).status == 403


def test_a_denial_without_a_document_has_none():
    assert decide(over(), http("a.example")).source is None


@pytest.mark.parametrize("mode", Mode)
def test_a_literal_host_that_was_not_dialled_is_misdirected_in_every_mode(mode):
    decision = decide(over(mode=mode), http("10.0.0.1", address="10.0.0.2"))
    assert (decision.code, decision.status) == (Code.NAMES_DISAGREE, 421)
    assert not decision.allowed


# Rules


def test_a_rule_that_denies_answers_403_and_names_itself():
    decision = decide(
        over(destination("a.example"), access=[rule(Action.DENY, Attribute.METHOD, "GET")]), http("a.example")
    )
    assert (decision.code, decision.status, decision.source) == (Code.REFUSED_BY_RULE, 403, RULE)
    assert (decision.traffic, decision.destination.name) == (Traffic.REGISTERED, "d")


def test_rules_about_regions_see_the_destination_s():
    policy = over(
        destination("eu.example", region="eu"),
        destination("us.example", region="us"),
        destination("any.example"),
        access=[rule(Action.DENY, Attribute.REGION, "us")],
    )
    assert decide(policy, http("eu.example")).allowed
    assert not decide(policy, http("us.example")).allowed
    # A rule that cannot tell the region denies.
    assert not decide(policy, http("any.example")).allowed


@pytest.mark.parametrize(
    ("action", "region", "said"),
    [
        (Action.ALLOW, "us", "; it is in the region us"),
        (Action.ALLOW, "", "; nothing says in which region it is"),
        (Action.DENY, "us", "; it is in the region us"),
    ],
)
def test_a_denial_by_region_says_in_which_it_is(action, region, said):
    asked = "eu" if action is Action.ALLOW else "us"
    policy = over(destination("a.example", region=region), access=[rule(action, Attribute.REGION, asked)])
    assert decide(policy, http("a.example")).reason.endswith(said)


def test_a_denial_for_another_reason_says_nothing_of_regions():
    rules = [rule(Action.ALLOW, Attribute.REGION, "us"), rule(Action.ALLOW, Attribute.METHOD, "GET")]
    denied = decide(over(destination("a.example", region="us"), access=[rules[1]]), http("a.example", method="POST"))
    assert "region" not in denied.reason
    assert decide(over(destination("a.example", region="us"), access=rules), http("a.example", method="POST")).allowed


def test_rules_that_name_hosts_judge_bytes_by_the_name_of_their_one_destination():
    db = destination("db.example", port=5432, protocol=Protocol.TCP)
    allow = rule(Action.ALLOW, Attribute.HOST, "db.example")
    other = rule(Action.ALLOW, Attribute.HOST, "other.example")
    assert decide(over(db, access=[allow]), tcp("203.0.113.9", 5432)).allowed
    assert not decide(over(db, access=[other]), tcp("203.0.113.9", 5432)).allowed
    assert decide(
        over(db, access=[rule(Action.DENY, Attribute.HOST, "other.example")]), tcp("203.0.113.9", 5432)
    ).allowed
    net = (ip_network("203.0.113.0/24"),)
    for hosts in ((), ("db.example", "two.example"), ("*.example",)):
        many = destination(*hosts, port=5432, protocol=Protocol.TCP, networks=net)
        assert not decide(over(many, access=[allow]), tcp("203.0.113.9", 5432)).allowed
    assert not decide(over(db, access=[allow], tunnel_hosts="istio"), tcp("203.0.113.9", 5432)).allowed


def test_shadows_and_audits_are_carried_and_not_enforced():
    dry = rule(Action.DENY, Attribute.METHOD, "GET", shadow=True)
    audit = replace(rule(Action.AUDIT, Attribute.METHOD, "GET"))
    decision = decide(over(destination("a.example"), access=[dry, audit]), http("a.example"))
    assert decision.allowed
    assert [shadow.verdict for shadow in decision.shadows] == [Verdict.DENY]
    assert decision.audited == (RULE,)


PATHS = rule(Action.DENY, Attribute.PATH, "/admin*")


@pytest.mark.parametrize("path", ["/a/../admin", "/%61dmin%2f", "//admin", "/x/%2e%2e/admin"])
def test_ambiguous_paths_are_refused_where_rules_look_at_paths(path):
    decision = decide(over(destination("a.example"), access=[PATHS]), http("a.example", path=path))
    assert (decision.code, decision.status) == (Code.PATH_AMBIGUOUS, 400)
    assert decide(over(destination("a.example")), http("a.example", path=path)).allowed


def test_rules_in_dry_run_do_not_make_paths_matter():
    dry = replace(PATHS, shadow=True)
    assert decide(over(destination("a.example"), access=[dry]), http("a.example", path="//a")).allowed


# In-mesh traffic


def test_in_mesh_traffic_is_counted_apart_and_no_rule_applies():
    policy = over(
        internal_hosts=("*.mesh",),
        internal_networks=(ip_network("10.0.0.0/8"),),
        access=[rule(Action.DENY, Attribute.HOST, "*")],
    )
    for attempt in (
        http("a.mesh", 80),
        tls("a.mesh"),
        tcp("10.0.0.1", 1),
        http("evil.example", 80, address="10.0.0.1"),
    ):
        decision = decide(policy, attempt)
        assert (decision.code, decision.traffic) == (Code.INTERNAL, Traffic.INTERNAL)
        assert decision.destination.internal


def test_a_literal_host_that_was_not_dialled_is_not_in_mesh():
    policy = over(internal_networks=(ip_network("10.0.0.0/8"),))
    assert decide(policy, http("10.0.0.1", address="10.0.0.2")).code is Code.NAMES_DISAGREE
    assert decide(policy, http("10.0.0.1", address="10.0.0.1")).code is Code.INTERNAL


def test_an_in_mesh_destination_takes_any_protocol():
    policy = over(destination("a.mesh.example", internal=True))
    assert decide(policy, tls("a.mesh.example")).code is Code.INTERNAL


# Modes


@pytest.mark.parametrize(
    "attempt",
    [
        http("b.example", address="203.0.113.9"),
        tls("b.example", address="203.0.113.9"),
        tcp("203.0.113.9", 25),
        http("a.example", 8443),
    ],
)
def test_allow_any_passes_what_is_not_registered_to_where_it_was_going(attempt):
    decision = decide(over(destination("a.example"), mode=Mode.ALLOW_ANY), attempt)
    assert (decision.verdict, decision.code, decision.traffic) == (Verdict.ALLOW, Code.ALLOW_ANY, Traffic.PASSTHROUGH)
    assert decision.destination is None


@pytest.mark.parametrize("mode", [Mode.ALLOW_ANY, Mode.OBSERVE])
@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "fd00:ec2::254",
        "127.0.0.1",
        "::1",
        "fe80::1",
        "0.0.0.0",
    ],
)
def test_metadata_and_loopback_stay_refused_unless_named(mode, address):
    decision = decide(over(mode=mode), http("b.example", 80, address=address))
    assert (decision.verdict, decision.code, decision.status) == (Verdict.DENY, Code.ADDRESS_REFUSED, 403)
    named = destination(port=80, protocol=Protocol.HTTP, networks=(ip_network("::/0"), ip_network("0.0.0.0/0")))
    assert decide(over(named, mode=mode), http("b.example", 80, address=address)).code is Code.REGISTERED


def test_allow_any_judges_a_literal_host_without_a_dialled_address():
    assert decide(over(mode=Mode.ALLOW_ANY), http("169.254.169.254", 80)).code is Code.ADDRESS_REFUSED


def test_access_rules_apply_under_allow_any():
    policy = over(mode=Mode.ALLOW_ANY, access=[rule(Action.DENY, Attribute.HOST, "b.example")])
    decision = decide(policy, http("b.example"))
    assert (decision.code, decision.traffic, decision.source) == (Code.REFUSED_BY_RULE, Traffic.PASSTHROUGH, RULE)
    assert decide(policy, http("c.example")).allowed


def test_a_dialled_address_outside_the_entry_is_refused_in_every_mode():
    held = destination("a.example", networks=(ip_network("10.0.0.0/8"),), resolution=Resolution.NONE)
    for mode in Mode:
        decision = decide(over(held, mode=mode), http("a.example", address="203.0.113.9"))
        assert (decision.code, decision.allowed) == (Code.ADDRESS_REFUSED, False)


def test_a_dialled_address_outside_an_in_mesh_entry_is_refused_too():
    held = destination("a.example", networks=(ip_network("10.0.0.0/8"),), resolution=Resolution.NONE, internal=True)
    for mode in Mode:
        assert decide(over(held, mode=mode), http("a.example", address="203.0.113.9")).code is Code.ADDRESS_REFUSED
        assert decide(over(held, mode=mode), http("a.example", address="10.0.0.1")).code is Code.INTERNAL


def test_observe_passes_and_records_what_would_have_been():
    policy = over(destination("a.example"), mode=Mode.OBSERVE, access=[rule(Action.DENY, Attribute.METHOD, "POST")])
    fine = decide(policy, http("a.example"))
    unregistered = decide(policy, http("b.example"))
    refused = decide(policy, http("a.example", method="POST"))
    assert (fine.code, fine.would) == (Code.REGISTERED, None)
    assert (unregistered.code, unregistered.traffic, unregistered.would.code) == (
        Code.OBSERVED,
        Traffic.PASSTHROUGH,
        Code.UNREGISTERED,
    )
    assert (refused.code, refused.traffic, refused.would.code) == (
        Code.OBSERVED,
        Traffic.REGISTERED,
        Code.REFUSED_BY_RULE,
    )
    assert refused.destination.name == "d"
    assert unregistered.would.status == 502


@given(policies(modes=(Mode.OBSERVE,)), attempts())
def test_observe_would_decide_as_registry_only_does(policy, attempt):
    strict = replace(
        policy,
        defaults=replace(policy.defaults, mode=Mode.REGISTRY_ONLY),
        scopes=tuple(replace(scope, mode=None) for scope in policy.scopes),
    )
    policy = replace(policy, scopes=strict.scopes)
    observed, decided = decide(policy, attempt), decide(strict, attempt)
    if observed.would is not None:
        assert observed.would == decided
    elif observed.code is not Code.ADDRESS_REFUSED:
        assert observed == decided


# Whatever comes


@given(policies(), attempts())
def test_every_attempt_gets_a_whole_decision_and_the_same_one_twice(policy, attempt):
    decision, steps = decide(policy, attempt), Steps()
    assert decision == decide(policy, attempt, steps)
    assert decision.reason
    assert steps.taken
    assert decision.allowed is (decision.status == 0)
    assert decision.allowed or 400 <= decision.status < 600
    if decision.allowed and decision.destination is not None:
        assert decision.port in decision.destination.ports
        assert decision.port.number == attempt.port


@given(policies(modes=(Mode.REGISTRY_ONLY,)), attempts())
def test_registry_only_allows_nothing_without_a_destination(policy, attempt):
    policy = replace(policy, scopes=tuple(replace(scope, mode=None) for scope in policy.scopes))
    decision = decide(policy, attempt)
    assert not decision.allowed or decision.destination is not None


@given(policies(), attempts())
def test_what_no_mode_passes_is_passed_by_none(policy, attempt):
    decision = decide(policy, attempt)
    if decision.would is not None:
        assert decision.would.code not in NEVER


@given(policies(), attempts())
def test_a_tunnel_that_is_registered_or_inside_is_treated_as_one_and_decrypted_tls_never_passes_as_one(policy, attempt):
    """Were it otherwise, rules that need HTTP would be stepped around."""
    hello = replace(attempt, kind=AttemptKind.TLS, encrypted=False, method="", path="", sni=attempt.host)
    decision, treatment = decide(policy, hello), treat(policy, hello)
    if decision.code in (Code.REGISTERED, Code.INTERNAL):
        assert treatment is Treatment.TUNNEL
    elif treatment is Treatment.TUNNEL and decision.allowed and decision.destination is None:
        assert policy.defaults.unregistered_tls is Intercept.TUNNEL


@pytest.mark.parametrize("part", ["find", "refusal", "judge", "internal", "ambiguous"])
def test_an_error_inside_is_raised_and_never_an_allow(monkeypatch, part):
    def broken(*args, **kwargs):
        raise RuntimeError("broken")

    monkeypatch.setattr(deciding, part, broken)
    for mode in Mode:
        with pytest.raises(RuntimeError):
            decide(over(destination("a.example"), access=[PATHS], mode=mode), http("a.example"))


def test_an_address_that_is_none_raises():
    with pytest.raises(ValueError, match="nonsense"):
        decide(over(mode=Mode.ALLOW_ANY), tcp("nonsense", 1))


# Denials made elsewhere


@pytest.mark.parametrize("code", Code)
def test_a_denial_has_a_status_that_denies(code):
    made = denial(Defaults(deny_status=403), code, "because")
    assert (made.verdict, made.code, made.reason, made.traffic) == (Verdict.DENY, code, "because", Traffic.BLACKHOLE)
    assert made.status == STATUS.get(code, 403)


def test_the_steps_tell_the_story_with_documents():
    policy = building.policy(
        """
        apiVersion: outgate.dev/v1alpha1
        kind: EgressDefaults
        metadata: {name: defaults}
        spec: {mode: REGISTRY_ONLY}
        ---
        apiVersion: outgate.dev/v1alpha1
        kind: EgressDestination
        metadata: {name: a}
        spec: {hosts: [a.example], ports: [{number: 443, protocol: HTTPS}]}
        """
    )
    steps = Steps()
    decide(policy, http("a.example"), steps)
    said = [f"{step.what} <{step.source.where if step.source else ''}>" for step in steps.taken]
    assert said[0] == "web is in namespace prod, established by test <>"
    assert "the mode is REGISTRY_ONLY <policy.yaml:5:14>" in said
    assert "a.example:443 is a.example of a <policy.yaml:7:1>" in said
    assert said[-1].startswith("allow: registered")


def test_an_unknown_caller_is_said_to_be_one():
    steps = Steps()
    decide(over(), http("a.example", caller=Identity()), steps)
    assert steps.taken[0].what == "the caller is in namespace default, established by none"
    assert WEB.namespace not in steps.taken[0].what
