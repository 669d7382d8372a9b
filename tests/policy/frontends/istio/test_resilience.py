"""What traffic policies come to: the defaults, the merge of levels, and what is said of what can never happen."""

import pytest

from outgate.policy.model import Resolution
from outgate.policy.resilience_model import (
    Balancer,
    Balancing,
    HashKey,
    HashOn,
    Keepalive,
    Limits,
    Locality,
    Outliers,
    Resilience,
    RetryBudget,
    Warmup,
)
from policy.frontends.istio.istio_building import document, entry, port, refused, warned

HTTP = entry("ports: [{number: 80, name: http, protocol: HTTP}]")
USUAL = Resilience(idle_timeout=3600.0, tcp_idle_timeout=3600.0)
EJECTING = "outlierDetection: {maxEjectionPercent: 100}"


def rule(policy: str, rest: str = "") -> str:
    return document("DestinationRule", f"{{host: api.shop.example, trafficPolicy: {{{policy}}}{rest}}}")


def made(*texts: str) -> Resilience:
    return port(HTTP, *texts, number=80).upstream.resilience


def test_without_a_rule_istios_defaults_hold():
    assert made() == USUAL


@pytest.mark.parametrize(
    ("policy", "name", "expected"),
    [
        ("loadBalancer: {simple: UNSPECIFIED}", "balancing", Balancing()),
        ("loadBalancer: {simple: LEAST_CONN}", "balancing", Balancing()),
        ("loadBalancer: {simple: RANDOM}", "balancing", Balancing(Balancer.RANDOM)),
        (
            "loadBalancer: {consistentHash: {httpHeaderName: X-User}}",
            "balancing",
            Balancing(Balancer.RING_HASH, hash_keys=(HashKey(HashOn.HEADER, "x-user"),)),
        ),
        (
            "loadBalancer: {consistentHash: {httpCookie: {name: a, ttl: 0s}, maglev: {tableSize: 7}}}",
            "balancing",
            Balancing(Balancer.MAGLEV, hash_keys=(HashKey(HashOn.COOKIE, "a", 0.0),), table=7),
        ),
        ("loadBalancer: {consistentHash: {useSourceIp: false}}", "balancing", Balancing()),
        ("loadBalancer: {warmup: {duration: 1s}}", "balancing", Balancing(warmup=Warmup(1.0))),
        ("connectionPool: {tcp: {maxConnections: 0}, http: {maxRetries: 3}}", "limits", Limits(retries=3)),
        ("connectionPool: {tcp: {idleTimeout: 0s}}", "tcp_idle_timeout", None),
        ("connectionPool: {tcp: {tcpKeepalive: {time: 1s}}}", "keepalive", Keepalive(time=1.0)),
        ("connectionPool: {http: {http2KeepAlive: {interval: 5s}}}", "http2_ping", (5.0, 5.0)),
        ("connectionPool: {http: {useClientProtocol: true}}", "as_client", True),
        ("outlierDetection: {interval: 1s}", "outliers", Outliers(interval=1.0)),
        ("outlierDetection: {consecutive5xxErrors: 0}", "outliers", Outliers(consecutive_5xx=None)),
        (
            "outlierDetection: {splitExternalLocalOriginErrors: true}",
            "outliers",
            Outliers(split_local=True, consecutive_local=5),
        ),
        ("outlierDetection: {minHealthPercent: 30}", "panic_percent", 30.0),
        ("proxyProtocol: {}", "proxy_protocol", 1),
        ("proxyProtocol: {version: V2}", "proxy_protocol", 2),
        ("retryBudget: {}", "retry_budget", RetryBudget()),
    ],
)
def test_what_a_block_comes_to(policy, name, expected):
    assert getattr(made(rule(policy)), name) == expected


def test_a_ports_settings_replace_all_that_they_could_say():
    policy = (
        "connectionPool: {tcp: {maxConnections: 5}}, loadBalancer: {simple: RANDOM}, proxyProtocol: {version: V2}, "
        "portLevelSettings: [{port: {number: 80}, loadBalancer: {simple: ROUND_ROBIN}}]"
    )
    resilience = made(rule(policy))
    assert resilience.limits == Limits()
    assert (resilience.balancing.balancer, resilience.proxy_protocol) == (Balancer.ROUND_ROBIN, 2)


def test_a_subset_says_some_blocks_and_has_the_others_of_its_host():
    subsets = ", subsets: [{name: a, trafficPolicy: {loadBalancer: {simple: RANDOM}}}]"
    routes = document(
        "VirtualService",
        "{hosts: [api.shop.example], http: [{route: [{destination: {host: api.shop.example, subset: a}}]}]}",
    )
    (route,) = port(HTTP, rule("connectionPool: {tcp: {maxConnections: 5}}", subsets), routes, number=80).routes
    resilience = route.backends[0].upstream.resilience
    assert (resilience.limits.connections, resilience.balancing.balancer) == (5, Balancer.RANDOM)


def test_the_mesh_has_defaults_of_its_own():
    mesh = """meshConfig:
  defaultTrafficPolicy: {connectionPool: {tcp: {maxConnections: 7}}, outlierDetection: {maxEjectionPercent: 100}}
  tcpKeepalive: {time: 9s}
  localityLbSetting: {failover: [{from: eu, to: us}]}
"""
    whole = made(mesh)
    assert (whole.limits.connections, whole.outliers.maximum_percent) == (7, 100.0)
    assert whole.keepalive == Keepalive(time=9.0)
    assert whole.balancing.locality == Locality(failover=(("eu", "us"),))
    partly = made(mesh, rule("connectionPool: {http: {maxRetries: 3}}"))
    assert (partly.limits, partly.outliers) == (Limits(retries=3), whole.outliers)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("loadBalancer: {localityLbSetting: {failover: [{from: eu, to: us}]}}", None),
        (f"loadBalancer: {{localityLbSetting: {{enabled: false}}}}, {EJECTING}", None),
        (
            f"loadBalancer: {{localityLbSetting: {{failoverPriority: [zone]}}}}, {EJECTING}",
            Locality(priority_labels=("zone",)),
        ),
        (
            "loadBalancer: {localityLbSetting: {distribute: [{from: eu, to: {eu: 80, us: 20}}]}}",
            Locality(shares=(("eu", (("eu", 80), ("us", 20))),)),
        ),
    ],
)
def test_nothing_fails_over_that_is_not_ejected(policy, expected):
    assert made(rule(policy)).balancing.locality == expected


def test_plain_http_may_be_sent_on_as_http2():
    mesh = "meshConfig: {h2UpgradePolicy: UPGRADE}"
    refusing = rule("connectionPool: {http: {h2UpgradePolicy: DO_NOT_UPGRADE}}")
    upgrading = rule("connectionPool: {http: {h2UpgradePolicy: UPGRADE}}")
    chosen = [port(HTTP, *texts, number=80).upstream.http2 for texts in ((), (mesh,), (mesh, refusing), (upgrading,))]
    assert chosen == [False, True, False, True]
    assert not port(entry(), mesh, number=443).upstream.http2


@pytest.mark.parametrize(
    ("percent", "places", "said"),
    [
        ("", 1, True),
        ("", 9, True),
        ("", 10, False),
        ("50", 1, True),
        ("50", 2, False),
        ("100", 1, False),
        ("10", 0, True),
    ],
)
def test_ejection_that_never_happens_is_said(percent, places, said):
    listed = ", ".join(f"{{address: 192.0.2.{number}}}" for number in range(1, places + 1))
    text = entry(
        "ports: [{number: 80, name: http, protocol: HTTP}]"
        + (f"\nresolution: STATIC\nendpoints: [{listed}]" if places else "")
    )
    block = f"maxEjectionPercent: {percent}" if percent else "consecutive5xxErrors: 3"
    assert ("nothing is ever ejected" in warned(text, rule(f"outlierDetection: {{{block}}}"))) is said


def test_the_original_destination_is_for_what_is_not_resolved():
    passing = rule("loadBalancer: {simple: PASSTHROUGH}")
    assert refused(HTTP, passing) == ["spec.trafficPolicy.loadBalancer.simple"]
    unresolved = entry("ports: [{number: 80, name: http, protocol: HTTP}]\nresolution: NONE")
    assert port(unresolved, passing, number=80).upstream.resolution is Resolution.NONE


def test_rules_that_say_the_same_blocks_share_what_they_come_to():
    text = entry("ports: [{number: 80, name: a, protocol: HTTP}, {number: 81, name: b, protocol: HTTP}]")
    shared = rule("connectionPool: {tcp: {maxConnections: 5}}")
    one, other = (port(text, shared, number=number).upstream.resilience for number in (80, 81))
    assert one == other
    assert one.source.kind == "DestinationRule"
