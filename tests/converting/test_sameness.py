"""Two policies are compared by what decides, and not by what it is called or where it stands."""

from dataclasses import replace

import pytest

from converting.rewritten import HEAD, HOME, SETTING, native
from outgate.converting.sameness import differences
from outgate.policy.compile import Policy
from outgate.policy.compile import compile as compile_policy
from outgate.policy.documents import parse
from outgate.policy.model import Mode, Protocol

TRAFFIC = "{destination: home, routes: [{match: [{headers: {a: {exact: b}, c: {exact: d}}}], timeout: 1s}]}"
ACCESS = "{action: DENY, rules: [{from: [{namespaces: [a]}, {principals: [b]}], to: [{ports: [443], methods: [GET]}]}]}"


def policy(traffic: str = TRAFFIC, access: str = ACCESS, home: str = HOME) -> Policy:
    text = HEAD + home + native("EgressTraffic", traffic) + native("EgressAccess", access)
    return compile_policy(parse(text, "a.yaml"), SETTING)


def found(other: Policy) -> list[str]:
    return [field for _, field in differences(policy(), other, telemetry=True)]


def test_a_policy_is_as_itself_read_from_elsewhere():
    text = HEAD + native("EgressAccess", ACCESS, "other") + HOME + native("EgressTraffic", TRAFFIC, "more")
    assert found(compile_policy(parse(text, "b.yaml"), SETTING)) == []


@pytest.mark.parametrize(
    "other",
    [
        {"traffic": TRAFFIC.replace("a: {exact: b}, c: {exact: d}", "c: {exact: d}, a: {exact: b}")},
        {
            "access": ACCESS.replace(
                "{namespaces: [a]}, {principals: [b]}", "{principals: [spiffe://b]}, {namespaces: [a]}"
            )
        },
        {"access": ACCESS.replace("ports: [443], methods: [GET]", "methods: [GET], ports: [443]")},
        {"home": HOME.replace("name: home", "name: home, annotations: {a: b}")},
    ],
    ids=["tests", "groups", "conditions", "annotations"],
)
def test_what_has_no_order_is_the_same_in_any(other):
    assert found(policy(**other)) == []


@pytest.mark.parametrize(
    ("other", "field"),
    [
        ({"traffic": TRAFFIC.replace("1s", "2s")}, "routes"),
        ({"traffic": TRAFFIC.replace("{exact: b}", "{exact: x}")}, "routes"),
        ({"traffic": TRAFFIC.replace("routes", "unmatched: FORWARD, routes")}, "unmatched"),
        (
            {"traffic": "{destination: home, proxyProtocol: 1, " + TRAFFIC.removeprefix("{destination: home, ")},
            "upstream",
        ),
        ({"access": ACCESS.replace("443", "444")}, "rules"),
        ({"access": ACCESS.replace("DENY", "AUDIT")}, "rules"),
        ({"home": HOME.replace("home.example", "other.example")}, "hosts"),
        ({"home": HOME.replace("HTTPS", "HTTP2")}, "protocol"),
        ({"home": HOME.replace("443, protocol", "444, protocol")}, "number"),
        ({"home": HOME.replace("spec: {", "spec: {region: eu, ")}, "region"),
    ],
)
def test_what_decides_otherwise_is_told_by_field(other, field):
    assert field in found(policy(**other))


def test_everything_else_of_a_policy_is_compared():
    own = policy()
    assert found(replace(own, defaults=replace(own.defaults, mode=Mode.OBSERVE))) == ["mode"]
    assert found(replace(own, destinations=())) == ["1 destinations, of which 0 are left"]
    (home,) = own.destinations
    assert found(replace(own, destinations=(replace(home, ports=()),))) == ["ports"]
    assert found(replace(own, access=())) == ["layers"]
    (layer,) = own.access
    twice = replace(layer, policies=(*layer.policies, *layer.policies))
    assert found(replace(own, access=(twice,))) == ["policies"]
    (port,) = home.ports
    other = replace(home, ports=(replace(port, protocol=Protocol.ANY),))
    assert found(replace(own, destinations=(other,))) == ["protocol"]
