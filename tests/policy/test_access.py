"""How access layers combine: deny, allow, shadow and audit, in one mesh and in several."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.policy.access import _benches, judge, prepare
from outgate.policy.access_model import AccessLayer, Action, Attribute
from outgate.policy.model import AttemptKind, Defaults, Destination, ShadowVerdict, Verdict
from outgate.policy.steps import Steps
from policy.access_building import STRANGER, get, isin, layers, notin, policy, raw, rule, source, tunnel

DEFAULTS = Defaults()
ALLOW, DENY, AUDIT = Action.ALLOW, Action.DENY, Action.AUDIT
GET = isin(Attribute.METHOD, "GET")
POST = isin(Attribute.METHOD, "POST")
EVERYTHING = rule()


@pytest.fixture
def partner():
    """A destination known by one name."""
    written = replace(source("partner"), kind="ServiceEntry")
    return Destination("k", "partner", "prod", ("partner.example",), (), (), written)


def allowed(*policies, attempt=None) -> bool:
    return judge(layers(*policies), attempt or get(), DEFAULTS).allowed


def test_without_policies_everything_is_allowed_by_none():
    verdict = judge((), get(), DEFAULTS)
    assert (verdict.verdict, verdict.source) == (Verdict.ALLOW, None)


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ([policy(DENY, rule(POST))], True),
        ([policy(DENY, rule(GET))], False),
        ([policy(ALLOW, rule(GET))], True),
        ([policy(ALLOW, rule(POST))], False),
        ([policy(ALLOW, rule(POST)), policy(ALLOW, rule(GET))], True),
        ([policy(ALLOW, EVERYTHING), policy(DENY, rule(GET))], False),
        ([policy(ALLOW)], False),
        ([policy(ALLOW), policy(ALLOW, EVERYTHING)], True),
        ([policy(DENY, EVERYTHING)], False),
        ([policy(DENY)], True),
        ([policy(AUDIT, EVERYTHING)], True),
        ([policy(ALLOW, rule(POST), rule(GET))], True),
    ],
)
def test_a_deny_denies_and_else_an_allow_must_match_where_there_is_one(policies, expected):
    assert allowed(*policies) is expected


def test_a_rule_needs_one_source_one_operation_and_every_condition():
    wanted = rule(
        isin(Attribute.PORT, "80"),
        sources=[
            (isin(Attribute.NAMESPACE, "dev"),),
            (isin(Attribute.NAMESPACE, "prod"), notin(Attribute.SOURCE_IP, "::1")),
        ],
        operations=[(POST,), (GET, isin(Attribute.PATH, "/a*"))],
    )
    assert allowed(policy(ALLOW, wanted), attempt=get(path="/abc"))
    for missing in (get(path="/b"), get(port=81, path="/abc"), get(path="/abc", method="PUT")):
        assert not allowed(policy(ALLOW, wanted), attempt=missing)


def test_every_layer_must_allow_and_any_deny_wins():
    one = AccessLayer("istio", (policy(ALLOW, rule(GET), name="one"),))
    two = AccessLayer("kuma", (policy(ALLOW, rule(isin(Attribute.PATH, "/two")), name="two"),))
    verdict = judge((one, two), get(path="/one"), DEFAULTS)
    assert (verdict.verdict, verdict.source) == (Verdict.DENY, source("two"))
    assert judge((one, two), get(path="/two"), DEFAULTS).allowed
    denying = AccessLayer("osm", (policy(DENY, rule(GET), name="deny"),))
    verdict = judge((one, two, denying), get(path="/other"), DEFAULTS)
    assert (verdict.verdict, verdict.source) == (Verdict.DENY, source("deny"))


def test_the_source_is_the_rule_that_decided():
    first, second = rule(POST, line=7), rule(GET, line=9)
    assert judge(layers(policy(ALLOW, first, second)), get(), DEFAULTS).source == second.source
    verdict = judge(layers(policy(DENY, first, second)), get(), DEFAULTS)
    assert verdict.source == second.source
    assert "policy.yaml:9" in verdict.reason


def test_a_denial_for_want_of_an_allow_names_the_first_policy_that_might_have():
    verdict = judge(layers(policy(ALLOW, rule(POST), name="a"), policy(ALLOW, name="b")), get(), DEFAULTS)
    assert verdict.source == source("a")
    assert "and 1 more" in verdict.reason


def test_a_reason_never_carries_what_the_workload_wrote():
    attempt = get(host="evil\n.example", path="/\x1b[31m", headers={"host": "evil\n.example"})
    for verdict in (
        judge(layers(policy(DENY, EVERYTHING)), attempt, DEFAULTS),
        judge(layers(policy(ALLOW)), attempt, DEFAULTS),
    ):
        assert "evil" not in verdict.reason
        assert "\x1b" not in verdict.reason


class TestShadows:
    def test_they_are_reported_and_not_enforced(self):
        verdict = judge(layers(policy(DENY, rule(GET), name="dry", shadow=True)), get(), DEFAULTS)
        assert verdict.allowed
        assert verdict.shadows == (ShadowVerdict(Verdict.DENY, source("dry")),)

    def test_a_deny_that_does_not_match_says_nothing(self):
        assert judge(layers(policy(DENY, rule(POST), shadow=True)), get(), DEFAULTS).shadows == ()

    def test_allows_are_judged_together_and_apart_from_what_is_enforced(self):
        dry = [policy(ALLOW, rule(POST), name="a", shadow=True), policy(ALLOW, rule(GET), name="b", shadow=True)]
        verdict = judge(layers(*dry, policy(ALLOW, rule(POST))), get(), DEFAULTS)
        assert not verdict.allowed
        assert verdict.shadows == (ShadowVerdict(Verdict.ALLOW, source("b")),)
        verdict = judge(layers(dry[0]), get(), DEFAULTS)
        assert verdict.allowed
        assert verdict.shadows == (ShadowVerdict(Verdict.DENY, source("a")),)


def test_an_audit_marks_what_matches_whatever_the_verdict():
    marking = [
        policy(AUDIT, rule(GET), name="a"),
        policy(AUDIT, rule(POST), name="b"),
        policy(AUDIT, EVERYTHING, name="c"),
    ]
    for more in ((), (policy(DENY, EVERYTHING),)):
        assert judge(layers(*marking, *more), get(), DEFAULTS).audited == (source("a"), source("c"))


class TestTargets:
    def test_a_policy_about_a_destination_holds_there_only(self, partner):
        about = policy(ALLOW, targets=["ServiceEntry/prod/partner"])
        assert not judge(layers(about), get(), DEFAULTS, destination=partner).allowed
        other = replace(partner, source=replace(partner.source, name="other"))
        assert judge(layers(about), get(), DEFAULTS, destination=other).allowed
        assert judge(layers(about), get(), DEFAULTS).allowed

    def test_an_allow_about_another_destination_allows_nothing_here(self, partner):
        elsewhere = policy(ALLOW, EVERYTHING, targets=["ServiceEntry/prod/other"])
        assert not judge(layers(elsewhere, policy(ALLOW, rule(POST))), get(), DEFAULTS, destination=partner).allowed


class TestTunnels:
    """Only caller, addresses, port and SNI are seen."""

    istio = Defaults(tunnel_hosts="istio")
    HIDDEN = (
        isin(Attribute.METHOD, "GET"),
        notin(Attribute.METHOD, "PUT"),
        isin(Attribute.PATH, "/*"),
        isin(Attribute.HEADER, "*", key="x"),
        isin(Attribute.REQUEST_PRINCIPAL, "*"),
        notin(Attribute.REQUEST_CLAIM, "a", key="iss"),
    )

    @pytest.mark.parametrize("attempt", [tunnel(), raw()], ids=["tls", "tcp"])
    @pytest.mark.parametrize("hidden", HIDDEN, ids=str)
    def test_an_allow_rule_that_names_http_never_matches(self, attempt, hidden):
        beside = rule(operations=[(hidden,), (isin(Attribute.PORT, str(attempt.port)),)])
        assert not judge(layers(policy(ALLOW, beside)), attempt, DEFAULTS).allowed

    @pytest.mark.parametrize("attempt", [tunnel(), raw()], ids=["tls", "tcp"])
    @pytest.mark.parametrize("hidden", HIDDEN, ids=str)
    def test_a_deny_or_audit_rule_leaves_out_what_it_names_of_http(self, attempt, hidden):
        here, elsewhere = rule(hidden, isin(Attribute.PORT, str(attempt.port))), rule(hidden, isin(Attribute.PORT, "1"))
        assert not judge(layers(policy(DENY, here)), attempt, DEFAULTS).allowed
        assert judge(layers(policy(DENY, elsewhere)), attempt, DEFAULTS).allowed
        assert judge(layers(policy(AUDIT, here)), attempt, DEFAULTS).audited

    @pytest.mark.parametrize(
        ("sni", "expected"), [("api.example", True), ("API.example", True), ("other.example", False), (None, False)]
    )
    def test_hosts_are_judged_by_the_sni(self, sni, expected):
        allow = policy(ALLOW, rule(isin(Attribute.HOST, "api.example", "x:443")))
        assert judge(layers(allow), tunnel(sni), DEFAULTS).allowed is expected
        assert not judge(layers(allow), tunnel(sni), self.istio).allowed

    @pytest.mark.parametrize(("sni", "denied"), [("api.example", True), ("other.example", False), (None, True)])
    def test_a_deny_on_hosts_denies_what_it_names_and_what_shows_no_name(self, sni, denied):
        deny = policy(DENY, rule(isin(Attribute.HOST, "api.example:443")))
        assert judge(layers(deny), tunnel(sni), DEFAULTS).allowed is not denied
        assert not judge(layers(deny), tunnel(sni), self.istio).allowed

    def test_raw_bytes_are_judged_by_the_one_name_of_their_destination(self, partner):
        allow = layers(policy(ALLOW, rule(isin(Attribute.HOST, "partner.example"))))
        assert judge(allow, raw(), DEFAULTS, destination=partner).allowed
        assert not judge(allow, raw(), DEFAULTS).allowed
        assert not judge(allow, raw(), self.istio, destination=partner).allowed
        several = replace(partner, hosts=("partner.example", "other.example"))
        assert not judge(allow, raw(), DEFAULTS, destination=several).allowed

    @pytest.mark.parametrize(
        "attempt",
        [tunnel("other.example"), tunnel("evil.partner.example"), tunnel(None), raw(host="192.0.2.7")],
        ids=["sni", "sni-below", "none", "spelt"],
    )
    def test_a_name_that_the_destination_does_not_have_judges_nothing(self, attempt, partner):
        """Found by its address: the name is only what the workload says."""
        deny = layers(policy(DENY, rule(isin(Attribute.HOST, "partner.example"))))
        assert not judge(deny, attempt, DEFAULTS, destination=partner).allowed
        for host in filter(None, (attempt.sni, attempt.host)):
            allow = layers(policy(ALLOW, rule(isin(Attribute.HOST, host))))
            assert not judge(allow, attempt, DEFAULTS, destination=partner).allowed
            assert judge(allow, attempt, DEFAULTS, destination=replace(partner, hosts=(host,))).allowed
            assert not judge(deny, attempt, DEFAULTS, destination=replace(partner, hosts=("a.test", "b.test"))).allowed


class TestUnknownCallers:
    NEEDING = (
        isin(Attribute.PRINCIPAL, "*"),
        notin(Attribute.PRINCIPAL, "x"),
        isin(Attribute.NAMESPACE, "*"),
        notin(Attribute.NAMESPACE, "x"),
        isin(Attribute.SERVICE_ACCOUNT, "prod/web"),
        notin(Attribute.TRUST_DOMAIN, "x"),
        isin(Attribute.SOURCE_IP, "0.0.0.0/0"),
        notin(Attribute.REMOTE_IP, "10.0.0.0/8"),
    )

    @pytest.mark.parametrize("needed", NEEDING, ids=str)
    def test_what_needs_an_identity_never_allows_and_always_denies(self, needed):
        attempt = get(caller=STRANGER)
        assert not allowed(policy(ALLOW, rule(sources=[(needed,)])), attempt=attempt)
        assert not allowed(policy(DENY, rule(sources=[(needed,)])), attempt=attempt)

    def test_a_rule_for_everyone_is_for_them_too(self):
        assert allowed(policy(ALLOW, rule(GET)), attempt=get(caller=STRANGER))


def test_steps_name_every_rule_that_was_asked_and_why_it_did_not_match():
    steps = Steps()
    given = layers(
        policy(DENY, rule(POST, line=3)),
        policy(ALLOW, rule(isin(Attribute.PRINCIPAL, "x"), line=5), rule(operations=[(POST,), (GET,)], line=6)),
    )
    judge(given, get(caller=STRANGER), DEFAULTS, steps)
    told = [(step.source.where.line, step.what) for step in steps.taken]
    assert [line for line, _ in told] == [3, 5, 6]
    assert "not so: method is one of POST" in told[0][1]
    assert "not known here: principal is one of x" in told[1][1]
    assert told[2][1].endswith("the rule matches")


def test_values_that_cannot_be_read_are_found_before_the_first_attempt():
    with pytest.raises(ValueError, match="not-an-address"):
        prepare(layers(policy(DENY, rule(isin(Attribute.SOURCE_IP, "not-an-address")))), DEFAULTS)


def test_policies_are_compiled_once_for_as_long_as_they_are_in_force():
    given, defaults = layers(policy(ALLOW, EVERYTHING)), Defaults()
    judge(given, get(), defaults)
    before = _benches.cache_info()
    judge(given, get(path="/other"), defaults)
    after = _benches.cache_info()
    assert (after.hits, after.misses) == (before.hits + 1, before.misses)


CONDITIONS = st.sampled_from(
    [
        GET,
        POST,
        notin(Attribute.METHOD, "GET"),
        isin(Attribute.HOST, "api.example"),
        isin(Attribute.HOST, "*.example:81", "x"),
        notin(Attribute.HOST, "api.example"),
        isin(Attribute.PATH, "/a/{*}"),
        notin(Attribute.PATH, "/a*"),
        isin(Attribute.PORT, "80", "443"),
        isin(Attribute.NAMESPACE, "pr*"),
        notin(Attribute.PRINCIPAL, "*/sa/web"),
        isin(Attribute.SNI, "api.example"),
        isin(Attribute.REQUEST_PRINCIPAL, "*"),
        notin(Attribute.DESTINATION_IP, "10.0.0.0/8"),
        isin(Attribute.HEADER, "1", key="x"),
    ]
)
GROUPS = st.lists(st.lists(CONDITIONS, min_size=1, max_size=2).map(tuple), max_size=2)
RULES = st.builds(
    lambda conditions, sources, operations: rule(*conditions, sources=sources, operations=operations),
    st.lists(CONDITIONS, max_size=2),
    GROUPS,
    GROUPS,
)
POLICIES = st.builds(
    lambda action, rules, shadow: policy(action, *rules, shadow=shadow),
    st.sampled_from(Action),
    st.lists(RULES, max_size=3),
    st.booleans(),
)
ATTEMPTS = st.builds(
    lambda kind, host, method, path, port, caller: {
        AttemptKind.HTTP: get(host, path, port, method=method, **caller),
        AttemptKind.TLS: tunnel(host, port, **caller),
        AttemptKind.TCP: raw(port, **caller),
    }[kind],
    st.sampled_from(AttemptKind),
    st.sampled_from(["api.example", "other.example"]),
    st.sampled_from(["GET", "POST"]),
    st.sampled_from(["/", "/a/b", "/a/b|"]),
    st.sampled_from([80, 81, 443]),
    st.sampled_from([{}, {"caller": STRANGER}]),
)
SETTINGS = st.sampled_from([Defaults(), Defaults(tunnel_hosts="istio")])
MANY = st.lists(POLICIES, max_size=5)


@given(MANY, ATTEMPTS, SETTINGS, st.randoms(use_true_random=False))
def test_the_order_of_policies_and_rules_means_nothing(policies, attempt, defaults, rng):
    shuffled = [replace(one, rules=tuple(rng.sample(one.rules, len(one.rules)))) for one in policies]
    rng.shuffle(shuffled)
    one, other = (judge(layers(*given), attempt, defaults) for given in (policies, shuffled))
    assert one.verdict is other.verdict
    assert len(one.audited) == len(other.audited)
    assert {shadow.verdict for shadow in one.shadows} == {shadow.verdict for shadow in other.shadows}


@given(MANY, POLICIES, ATTEMPTS, SETTINGS)
def test_what_another_policy_may_change(policies, more, attempt, defaults):
    """A DENY never allows, an ALLOW never denies but as the first, and dry-run and audit change nothing."""
    before = judge(layers(*policies), attempt, defaults).allowed
    after = judge(layers(*policies, more), attempt, defaults).allowed
    had_allow = any(one.action is Action.ALLOW and not one.shadow for one in policies)
    if more.shadow or more.action is Action.AUDIT:
        assert after is before
    elif more.action is Action.DENY or not had_allow:
        assert after <= before
    else:
        assert after >= before


@given(MANY, ATTEMPTS, SETTINGS)
def test_explaining_changes_nothing(policies, attempt, defaults):
    steps = Steps()
    assert judge(layers(*policies), attempt, defaults, steps) == judge(layers(*policies), attempt, defaults)
    assert not policies or steps.taken or not any(one.rules or one.action is Action.ALLOW for one in policies)


@given(MANY, ATTEMPTS, SETTINGS)
def test_whoever_is_not_known_may_never_do_more(policies, attempt, defaults):
    named = [attempt, replace(attempt, caller=STRANGER)]
    known, unknown = (judge(layers(*policies), one, defaults).allowed for one in named)
    assert unknown <= known


@given(MANY, ATTEMPTS)
def test_istios_reading_of_tunnels_never_allows_more(policies, attempt):
    sni, istio = (judge(layers(*policies), attempt, Defaults(tunnel_hosts=how)).allowed for how in ("sni", "istio"))
    assert istio <= sni


@given(st.lists(MANY, min_size=1, max_size=3), ATTEMPTS, SETTINGS)
def test_layers_allow_only_what_each_allows(meshes, attempt, defaults):
    given_layers = tuple(AccessLayer(str(number), tuple(one)) for number, one in enumerate(meshes))
    together = judge(given_layers, attempt, defaults).allowed
    assert together is all(judge((layer,), attempt, defaults).allowed for layer in given_layers)
