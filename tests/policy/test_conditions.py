"""Every attribute: what its values match, what they miss, and when the attempt does not say."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from outgate.policy.access_model import Attribute, Condition
from outgate.policy.conditions import HTTP_ONLY, MAKERS, Terms, compile_condition, describe
from outgate.policy.facts import REGION_LABEL, Facts
from outgate.policy.model import Defaults, Destination, Endpoint, Identity, Port, Protocol, Resolution, Upstream
from outgate.policy.route_model import Backend, Route
from policy.access_building import STRANGER, get, isin, notin, raw, source, tunnel

DEFAULTS = Defaults()


def ask(condition: Condition, attempt, *, defaults=DEFAULTS, granting=True, destination=None) -> bool | None:
    return compile_condition(condition, Terms(defaults, granting))(Facts(attempt, defaults, destination))


def test_every_attribute_can_be_judged():
    assert set(MAKERS) == set(Attribute)


@pytest.mark.parametrize(
    ("condition", "matching", "missing"),
    [
        (isin(Attribute.PRINCIPAL, "cluster.local/ns/prod/sa/web"), get(), get(caller=Identity(principal="x"))),
        (isin(Attribute.PRINCIPAL, "spiffe://cluster.local/ns/prod/*"), get(), get(caller=Identity(principal="x"))),
        (isin(Attribute.NAMESPACE, "pr*"), get(), get(caller=Identity(namespace="dev"))),
        (
            isin(Attribute.SERVICE_ACCOUNT, "prod/web"),
            get(),
            get(caller=Identity(namespace="dev", service_account="web")),
        ),
        (isin(Attribute.TRUST_DOMAIN, "clu*.local"), get(), get(caller=Identity(principal="td/ns/prod/sa/web"))),
        (
            isin(Attribute.SOURCE_LABEL, "web", "we*", key="app"),
            get(caller=Identity(labels=(("app", "web"),))),
            get(caller=Identity(labels=(("tier", "web"),))),
        ),
        (isin(Attribute.SOURCE_IP, "10.0.0.0/24"), get(), get(caller=Identity(address="10.0.1.7"))),
        (
            isin(Attribute.SOURCE_IP, "10.0.0.7"),
            get(caller=Identity(address="::ffff:10.0.0.7")),
            get(caller=Identity(address="::7")),
        ),
        (isin(Attribute.REMOTE_IP, "2001:db8::/32"), get(caller=Identity(address="2001:db8::1")), get()),
        (isin(Attribute.HOST, "api.example", "x"), get("api.example"), get("api.example.x")),
        (isin(Attribute.PORT, "80", "8080"), get(), get(port=81)),
        (isin(Attribute.METHOD, "GET"), get(), get(method="get")),
        (isin(Attribute.METHOD, "*"), get(), get(method="")),
        (isin(Attribute.PATH, "/a/*"), get(path="/a/b"), get(path="/A/b")),
        (isin(Attribute.PATH, "/x", "/a/{*}"), get(path="/a/b"), get(path="/a/b/c")),
        (isin(Attribute.HEADER, "one", key="X-Mode"), get(headers={"x-mode": "one"}), get(headers={"x-mode": "One"})),
        (isin(Attribute.HEADER, "*", key="x"), get(headers={"x": ""}), get(headers={"y": ""})),
        (isin(Attribute.HEADER, "GET", key=":method"), get(), get(method="PUT")),
        (isin(Attribute.HEADER, "https", key=":scheme"), get(encrypted=True), get()),
        (isin(Attribute.HEADER, "/a?b=*", key=":path"), get(path="/x/../a?b=c"), get(path="/a")),
        (isin(Attribute.HEADER, "api.example", key=":authority"), get("api.example"), get("other.example")),
        (isin(Attribute.HEADER, "api.example", key="Host"), get("api.example"), get("other.example")),
        (isin(Attribute.SNI, "*.Example"), tunnel("API.example"), tunnel(None)),
        (isin(Attribute.SNI, "*"), tunnel(), get()),
        (isin(Attribute.DESTINATION_IP, "192.0.2.0/24"), raw(), raw(address="198.51.100.1")),
        (isin(Attribute.DESTINATION_IP, "::ffff:192.0.2.0/120"), raw(), raw(address="198.51.100.1")),
    ],
    ids=lambda value: describe(value) if isinstance(value, Condition) else "",
)
def test_an_attribute_is_one_of_its_values_or_not(condition, matching, missing):
    opposite = replace(condition, negated=True)
    assert (ask(condition, matching), ask(condition, missing)) == (True, False)
    assert (ask(opposite, matching), ask(opposite, missing)) == (False, True)


@pytest.mark.parametrize("negated", [False, True])
@pytest.mark.parametrize(
    ("condition", "attempt"),
    [
        *(
            (isin(attribute, "*"), get(caller=STRANGER))
            for attribute in (
                Attribute.PRINCIPAL,
                Attribute.NAMESPACE,
                Attribute.SERVICE_ACCOUNT,
                Attribute.TRUST_DOMAIN,
            )
        ),
        (isin(Attribute.SERVICE_ACCOUNT, "prod/web"), get(caller=Identity(namespace="prod"))),
        (isin(Attribute.SOURCE_IP, "::/0"), get(caller=STRANGER)),
        (isin(Attribute.REMOTE_IP, "::/0"), get(caller=Identity(address="unix"))),
        (isin(Attribute.DESTINATION_IP, "::/0"), raw(address=None)),
        (isin(Attribute.HOST, "*"), get(host=None, headers={})),
        (isin(Attribute.HOST, "*"), tunnel(None)),
        (isin(Attribute.HOST, "*"), raw()),
        (isin(Attribute.REGION, "*"), get()),
        (isin(Attribute.REQUEST_PRINCIPAL, "*"), get()),
        (isin(Attribute.REQUEST_CLAIM, "*", key="iss"), get()),
        (isin(Attribute.METADATA, "*"), get()),
        *(
            (isin(attribute, "*", key="x"), attempt)
            for attribute in sorted(HTTP_ONLY - {Attribute.HOST})
            for attempt in (tunnel(), raw())
        ),
    ],
    ids=str,
)
def test_what_the_attempt_does_not_show_is_neither_true_nor_false(condition, attempt, negated):
    assert ask(replace(condition, negated=negated), attempt) is None


def test_forwarded_addresses_say_nothing_about_a_workload():
    attempt = get(headers={"x-forwarded-for": "192.0.2.1"})
    assert ask(isin(Attribute.REMOTE_IP, "192.0.2.1"), attempt) is False


def test_namespace_and_account_come_from_the_principal_first():
    caller = Identity(principal="cluster.local/ns/prod/sa/web", namespace="dev", service_account="job")
    assert ask(isin(Attribute.NAMESPACE, "prod"), get(caller=caller))
    assert ask(isin(Attribute.SERVICE_ACCOUNT, "prod/web"), get(caller=caller))


def test_namespace_and_account_make_a_principal_in_the_meshs_own_trust_domain():
    caller, defaults = Identity(namespace="prod", service_account="web"), Defaults(trust_domain="td1")
    assert ask(isin(Attribute.PRINCIPAL, "td1/ns/prod/sa/web"), get(caller=caller), defaults=defaults)
    assert ask(isin(Attribute.PRINCIPAL, "cluster.local/ns/prod/sa/web"), get(caller=caller), defaults=defaults)


@pytest.mark.parametrize(("domain", "expected"), [("td1", True), ("td2", True), ("td3", False)])
def test_aliases_name_the_same_trust_domain(domain, expected):
    defaults = Defaults(trust_domain="td1", trust_domain_aliases=("td2",))
    attempt = get(caller=Identity(principal=f"{domain}/ns/prod/sa/web"))
    assert ask(isin(Attribute.PRINCIPAL, "td1/ns/prod/sa/web"), attempt, defaults=defaults) is expected
    assert ask(isin(Attribute.TRUST_DOMAIN, "td2"), attempt, defaults=defaults) is expected


def test_a_region_is_the_destinations():
    eu = Destination("k", "d", "prod", (), (), (), source("d"), region="eu-west")
    assert ask(isin(Attribute.REGION, "eu-*"), get(), destination=eu)
    assert ask(notin(Attribute.REGION, "eu-*"), get(), destination=eu) is False


EU, US, NOWHERE = (Destination("k", "d", "prod", (), (), (), source("d"), region=region) for region in ("eu", "us", ""))


@pytest.mark.parametrize(
    ("home", "destination", "expected"),
    [("eu", EU, True), ("eu", US, False), ("eu", NOWHERE, None), ("", EU, None), ("eu", None, None)],
    ids=["own", "another", "none said", "own not known", "not registered"],
)
def test_a_point_is_the_callers_own_region(home, destination, expected):
    labels = (("app", "web"), *(((REGION_LABEL, home),) if home else ()))
    attempt = get(caller=Identity(namespace="prod", labels=labels))
    assert ask(isin(Attribute.REGION, "."), attempt, destination=destination) is expected
    assert ask(notin(Attribute.REGION, "."), attempt, destination=destination) is (
        None if expected is None else not expected
    )


def test_a_caller_whose_region_is_not_known_may_still_be_let_to_one_that_is_named():
    assert ask(isin(Attribute.REGION, ".", "us"), get(), destination=US)
    assert ask(isin(Attribute.REGION, ".", "us"), get(), destination=EU) is None
    assert describe(isin(Attribute.REGION, ".", "us")) == "region is one of the caller's own, us"


NETWORK = isin(Attribute.DESTINATION_IP, "192.0.2.0/24")


def to(*hosts, networks=(), endpoints=(), resolution=Resolution.DNS):
    """A destination for port 80."""
    port = Port(80, Protocol.HTTP, Upstream(80, resolution, tuple(Endpoint(one, 80) for one in endpoints)))
    return Destination("k", "d", "prod", hosts, tuple(map(ip_network, networks)), (port,), source("d"))


ORIGINAL = to("api.example", networks=["0.0.0.0/0"], resolution=Resolution.NONE)


@pytest.mark.parametrize(
    ("host", "known", "inside", "outside"),
    [
        # What is resolved by the gate is not known; a DENY is met by the dialled address all the same.
        ("api.example", to("api.example"), (None, True), (None, None)),
        ("api.example", to("api.example", endpoints=["192.0.2.9"]), (True, True), (True, True)),
        ("api.example", to("api.example", endpoints=["203.0.113.9"]), (False, True), (False, False)),
        ("api.example", to("api.example", endpoints=["203.0.113.9", "192.0.2.9"]), (False, True), (False, True)),
        ("api.example", to("api.example", endpoints=["b.example"]), (None, True), (None, None)),
        (
            "api.example",
            to("api.example", networks=["0.0.0.0/0"], resolution=Resolution.NONE),
            (True, True),
            (False, False),
        ),
        ("api.example", to("api.example", networks=["0.0.0.0/0"]), (None, True), (None, None)),
        ("api.example", None, (True, True), (False, False)),
        (None, to(networks=["0.0.0.0/0"]), (True, True), (False, False)),
        (None, to("api.example"), (None, True), (None, None)),
        (None, None, (True, True), (False, False)),
    ],
)
def test_a_rule_on_addresses_goes_by_what_will_be_dialled(host, known, inside, outside):
    for address, (granted, refused) in (("192.0.2.7", inside), ("198.51.100.7", outside)):
        attempt = get(host or "x", address=address)
        attempt = attempt if host else replace(attempt, host=None)
        assert ask(NETWORK, attempt, destination=known) is granted
        assert ask(NETWORK, attempt, destination=known, granting=False) is refused


def test_a_rule_on_all_other_addresses_lets_none_of_those_pass():
    others, mixed = notin(Attribute.DESTINATION_IP, "192.0.2.0/24"), ["203.0.113.9", "192.0.2.9"]
    attempt = get(address="203.0.113.9")
    assert ask(others, attempt, destination=to("api.example", endpoints=mixed)) is False
    assert ask(others, attempt, destination=to("api.example", endpoints=mixed), granting=False) is True
    assert ask(others, attempt, destination=to("api.example", endpoints=mixed[:1])) is True


@pytest.mark.parametrize(
    ("routed", "granted"), [(["192.0.2.8"], True), (["203.0.113.9"], False), ([], None)], ids=["in", "out", "by name"]
)
def test_a_rule_on_addresses_goes_by_every_place_that_a_route_may_lead_to(routed, granted):
    known = to("api.example", endpoints=["192.0.2.9"])
    backend = Backend("b", Upstream(80, endpoints=tuple(Endpoint(one, 80) for one in routed)), "b.example")
    known = replace(known, ports=(replace(known.ports[0], routes=(Route(backends=(backend,)),)),))
    assert ask(NETWORK, get("api.example"), destination=known) is granted


@pytest.mark.parametrize(
    ("how", "path", "expected"),
    [
        ("BASE", "/a/./b?x", True),
        ("BASE", "/a/%62", True),
        ("NONE", "/a/./b", False),
        ("BASE", "/a//b", False),
        ("MERGE_SLASHES", "/a//b", True),
        ("DECODE_AND_MERGE_SLASHES", "/a%2Fb", True),
    ],
)
def test_paths_are_compared_in_the_form_the_mesh_normalises_to(how, path, expected):
    defaults = Defaults(path_normalization=how)
    assert ask(isin(Attribute.PATH, "/a/b"), get(path=path), defaults=defaults) is expected


class TestAuthorities:
    """Whatever the spelling, an ALLOW rule holds only for what it says and a DENY rule is not escaped."""

    @pytest.mark.parametrize(
        ("sent", "port", "values", "granted", "refused"),
        [
            ("api.example", 80, ["api.example"], True, True),
            ("API.Example", 80, ["api.example"], True, True),
            ("api.example:8080", 8080, ["api.example"], False, True),
            ("api.example:8080", 8080, ["other.example"], False, False),
            ("api.example:8080", 8080, ["api.example:*"], True, True),
            ("api.example", 8080, ["api.example"], True, True),
            ("api.example", 8080, ["api.example:8080"], False, True),
            ("api.example", 80, ["api.example:80"], False, True),
            ("api.example", 80, ["api.example:*"], False, True),
            ("api.example", 80, ["api.example:81"], False, False),
            ("api.example:80", 80, ["api.example"], False, True),
            ("api.example:80", 80, ["api.example", "api.example:*"], True, True),
            ("api.example.", 80, ["api.example"], None, True),
            ("api.example.", 80, ["api.example."], None, True),
            ("api.example.", 80, ["*"], True, True),
        ],
    )
    def test_the_authority_as_sent_is_held_against_the_verified_name(self, sent, port, values, granted, refused):
        for key in ("host", ":authority"):
            attempt = replace(get("api.example", port=port), headers={key: sent})
            assert ask(isin(Attribute.HOST, *values), attempt) is granted
            assert ask(isin(Attribute.HOST, *values), attempt, granting=False) is refused

    def test_a_deny_of_all_other_hosts_is_not_met_by_the_name_with_its_port(self):
        attempt = replace(get("api.example"), headers={"host": "api.example"})
        assert ask(notin(Attribute.HOST, "api.example"), attempt, granting=False) is False
        assert ask(notin(Attribute.HOST, "api.example:80"), attempt, granting=False) is True

    @pytest.mark.parametrize("value", ["api.example", "api.example:8080", "*.example"])
    def test_an_allow_of_all_other_hosts_takes_out_both_spellings(self, value):
        for sent in ("api.example", "api.example:8080"):
            attempt = replace(get("api.example", port=8080), headers={"host": sent})
            assert ask(notin(Attribute.HOST, value), attempt) is not True
        assert ask(notin(Attribute.HOST, value), get("api.test", port=8080)) is True

    def test_two_authorities_that_differ_leave_it_open(self):
        attempt = replace(get("api.example"), headers={":authority": "api.example", "host": "other.example"})
        assert ask(isin(Attribute.HOST, "api.example"), attempt) is None

    @pytest.mark.parametrize(
        ("attempt", "value", "expected"),
        [
            (get(headers={}), "api.example", True),
            (get(headers={}), "api.example:80", True),
            (get(headers={}, encrypted=True, port=443), "api.example", True),
            (get(headers={}, port=8080), "api.example", False),
            (get(headers={}, port=8080), "api.example:8080", True),
            (get("2001:db8::1", headers={}), "[2001:db8::1]", True),
            (replace(get("2001:db8::1"), headers={"host": "[2001:db8::1]"}), "[2001:db8::1]", True),
        ],
    )
    def test_without_an_authority_the_verified_name_is_compared(self, attempt, value, expected):
        assert ask(isin(Attribute.HOST, value), attempt) is expected

    def test_a_tunnel_is_named_with_and_without_its_port(self):
        assert ask(isin(Attribute.HOST, "api.example"), tunnel()) is True
        assert ask(isin(Attribute.HOST, "api.example:443"), tunnel()) is True
        assert ask(isin(Attribute.HOST, "api.example"), tunnel(), defaults=Defaults(tunnel_hosts="istio")) is None


def test_a_template_that_cannot_say_leaves_the_path_open_unless_another_value_matches():
    template = isin(Attribute.PATH, "/a/{*}")
    assert ask(template, get(path="/a/b|c")) is None
    assert ask(isin(Attribute.PATH, "/a/{*}", "/a/b*"), get(path="/a/b|c")) is True


@pytest.mark.parametrize(
    "condition",
    [isin(Attribute.PORT, "http"), isin(Attribute.SOURCE_IP, "10.0.0"), isin(Attribute.PATH, "/{**}/{*}")],
    ids=str,
)
def test_values_that_cannot_be_read_are_refused(condition):
    with pytest.raises(ValueError, match=r"http|10\.0\.0|fixed text"):
        compile_condition(condition, Terms(DEFAULTS, granting=True))


def test_a_condition_reads_as_a_sentence():
    assert describe(isin(Attribute.HEADER, "a", "b", key="x")) == "header[x] is one of a, b"
    assert describe(notin(Attribute.HOST, "a")) == "host is none of a"
