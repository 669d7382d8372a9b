"""What is said at load about rules that look at HTTP where nothing of it is seen."""

from dataclasses import replace

import pytest

from outgate.policy.access_model import Action, Attribute
from outgate.policy.model import Defaults, Destination, Intercept, Port, Protocol, Upstream
from outgate.policy.tunnels import is_tunnelled, tunnel_warnings
from outgate.problems import Severity
from policy.access_building import isin, notin, policy, rule, source

HOSTS = isin(Attribute.HOST, "api.example")
PATHS = isin(Attribute.PATH, "/a")
ISTIO = Defaults(tunnel_hosts="istio")


def port(number=443, protocol=Protocol.TLS, intercept=Intercept.TUNNEL) -> Port:
    return Port(number, protocol, Upstream(number), intercept)


def destination(*hosts, ports=None, name="api") -> Destination:
    return Destination(name, name, "prod", hosts or ("api.example",), (), tuple(ports or [port()]), source(name))


def warned(*rules, destinations=None, defaults=None, action=Action.ALLOW, targets=()) -> list[str]:
    found = tunnel_warnings(
        [policy(action, *rules, targets=targets)], destinations or [destination()], defaults or Defaults()
    )
    assert all(problem.severity is Severity.WARNING for problem in found)
    return [problem.what for problem in found]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (port(), True),
        (port(5432, Protocol.TCP, Intercept.DECRYPT), True),
        (port(443, Protocol.HTTPS), True),
        (port(443, Protocol.HTTPS, Intercept.DECRYPT), False),
        (port(80, Protocol.HTTP, Intercept.DECRYPT), False),
    ],
)
def test_a_port_is_a_tunnel_when_nothing_inside_is_seen(given, expected):
    assert is_tunnelled(given) is expected


def test_hosts_on_a_tunnel_are_told_to_be_judged_by_the_sni():
    (what,) = warned(rule(HOSTS, line=12))
    assert "hosts are judged by the SNI on api.example:443, tunnelled" in what
    (problem,) = tunnel_warnings([policy(Action.ALLOW, rule(HOSTS, line=12))], [destination()], Defaults())
    assert problem.where.line == 12


def test_as_istio_does_an_allow_on_hosts_never_matches():
    (what,) = warned(rule(HOSTS), defaults=ISTIO)
    assert "names host, and so never matches on api.example:443" in what


def test_raw_ports_are_judged_by_the_destinations_name():
    (what,) = warned(rule(HOSTS), destinations=[destination(ports=[port(5432, Protocol.TCP)])])
    assert "the destination's own name on api.example:5432" in what


@pytest.mark.parametrize(
    ("action", "words"), [(Action.ALLOW, "never matches"), (Action.DENY, "DENY cannot see path, and so matches more")]
)
def test_what_no_tunnel_shows_is_told_by_action(action, words):
    (what,) = warned(rule(PATHS, HOSTS), action=action)
    assert words in what


@pytest.mark.parametrize(
    "quiet",
    [
        rule(),
        rule(isin(Attribute.SNI, "api.example"), isin(Attribute.PORT, "443")),
        rule(PATHS, isin(Attribute.PORT, "80")),
        rule(PATHS, notin(Attribute.PORT, "443")),
        rule(isin(Attribute.HOST, "other.example")),
        rule(operations=[(PATHS, isin(Attribute.HOST, "*.other"))]),
    ],
    ids=["no http", "sni", "other port", "not this port", "other host", "other suffix"],
)
def test_rules_that_cannot_mean_a_tunnel_are_let_be(quiet):
    assert warned(quiet) == []


@pytest.mark.parametrize(
    ("value", "pattern", "expected"),
    [
        ("api.x.example", "*.x.example", True),
        ("API.x.example:443", "*.x.example", True),
        ("x.example", "*.x.example", False),
        ("*.example", "*.x.example", True),
        ("*.y.x.example", "*.x.example", True),
        ("*.other", "*.x.example", False),
        ("api.*", "*.x.example", True),
        ("api.example:443", "api.example", True),
        ("api.example:80", "api.example", False),
        ("*", "*", True),
        ("B\u00fccher.example.", "xn--bcher-kva.example", True),
        ("[fd00:0::1]:443", "fd00::1", True),
        ("fd00::1", "fd00::1", True),
        ("fd00::2", "fd00::1", False),
    ],
)
def test_a_rule_means_a_destination_whose_names_it_shares(value, pattern, expected):
    assert bool(warned(rule(isin(Attribute.HOST, value)), destinations=[destination(pattern)])) is expected


OTHER = isin(Attribute.HOST, "Www.example:443")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (rule(HOSTS), ["api.example:443"]),
        (rule(OTHER), ["www.example:443"]),
        (rule(operations=[(HOSTS,), (OTHER,)]), ["www.example:443", "api.example:443"]),
        (rule(operations=[(HOSTS,), (PATHS,)]), ["www.example:443", "api.example:443"]),
        (rule(operations=[(HOSTS, PATHS)]), ["api.example:443"]),
        (rule(HOSTS, operations=[(PATHS,)]), ["api.example:443"]),
        (rule(HOSTS, OTHER), []),
        (rule(isin(Attribute.HOST, "api.example", "www.*")), ["www.example:443", "api.example:443"]),
        (rule(notin(Attribute.HOST, "api.example")), ["www.example:443", "api.example:443"]),
    ],
)
def test_each_rule_is_about_the_tunnels_that_it_names_in_their_order(written, expected):
    """What is known by address alone may be meant by any name."""
    unnamed = replace(destination(name="by-address"), hosts=())
    known = [destination("www.example"), destination("api.example"), unnamed]
    (what,) = warned(written, destinations=known, defaults=ISTIO)
    assert what.partition(" on ")[2] == f"{', '.join([*expected, 'by-address:443'])}, tunnelled"


def test_a_policy_about_another_destination_is_let_be():
    assert warned(rule(HOSTS), targets=["ServiceEntry/prod/other"]) == []
    assert len(warned(rule(HOSTS), targets=["AuthorizationPolicy/prod/api"])) == 1


def test_many_endpoints_are_counted():
    many = [destination(ports=[port(number) for number in (443, 444, 445, 446, 447)])]
    (what,) = warned(rule(HOSTS), destinations=many)
    assert "api.example:443, api.example:444, api.example:445 and 2 more" in what
