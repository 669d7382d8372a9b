"""Policies about what is outside: what each kind comes to, for whom, and who may use it at all."""

import textwrap

import pytest

from outgate.policy.decide import decide
from outgate.policy.model import Code, Fate, Identity
from outgate.policy.resilience_model import Balancer, FailurePercentage, HashKey, HashOn, Limits, Probe, SuccessRate
from outgate.policy.route_model import Abort, Backoff, Bandwidth, Bucket, Delay, LimitScope, ResetFormat
from policy.building import http
from policy.frontends.kuma.kuma_building import CLOSED, HTTPBIN, faults, load, policy, port, warnings

TCP = """
type: MeshExternalService
name: db
mesh: default
spec: {match: {port: 5432, protocol: tcp}, endpoints: [{address: 192.0.2.1, port: 5432}]}
"""
INITIAL = CLOSED.replace("skipCreatingInitialPolicies: ['*']\n", "")


def to(conf: str, name: str = "httpbin") -> str:
    return f"to: [{{targetRef: {{kind: MeshExternalService, name: {name}}}, default: {conf}}}]"


def retry(conf: str):
    return port(HTTPBIN, policy("MeshRetry", to(conf))).routes[-1].retry


def test_the_policies_of_a_meshs_beginning_hold_unless_it_has_none():
    found = port(HTTPBIN, mesh=INITIAL)
    held = found.routes[-1].retry
    assert (held.retries, held.per_try_timeout, held.backoff) == (5, 16.0, Backoff(0.025, 0.25))
    assert found.upstream.resilience.limits == Limits(connections=1024, pending=1024, requests=1024, retries=3)
    assert port(TCP, mesh=INITIAL).routes[-1].connect_attempts == 5
    without = port(HTTPBIN)
    assert (without.routes[-1].retry, without.upstream.resilience.limits) == (None, Limits())


def test_retries():
    found = retry(
        "{http: {numRetries: 3, perTryTimeout: 2s, backOff: {baseInterval: 1s}, retryOn: [5xx, HttpMethodGet, '409'],"
        " retriableResponseHeaders: [{type: PREFIX, name: X-Again, value: y}],"
        " hostSelection: [{predicate: OmitPreviousHosts}],"
        " rateLimitedBackOff: {resetHeaders: [{name: Retry-After, format: Seconds}]}}}"
    )
    assert (found.retries, found.per_try_timeout, found.backoff) == (3, 2.0, Backoff(1.0, 10.0))
    assert found.on == {"5xx", "retriable-status-codes", "retriable-headers"}
    assert (found.statuses, found.methods, found.other_hosts) == ((409,), ("GET",), True)
    assert found.headers[0].name == "x-again"
    assert found.rate_limited.headers == (("retry-after", ResetFormat.SECONDS),)


def test_a_conf_without_a_number_tries_once_more_and_zero_never():
    assert retry("{http: {retryOn: [Reset]}}").retries == 1
    assert retry("{http: {numRetries: 0}}") is None


def test_each_condition_of_a_retry_has_a_fate():
    made = load(HTTPBIN, policy("MeshRetry", to("{http: {retryOn: [5xx, Http3PostConnectFailure, HttpMethodGet]}}")))
    told = [each for each in made.fields if "retryOn[" in each.path]
    assert [each.fate for each in told] == [Fate.APPLIED, Fate.IGNORED, Fate.APPLIED]
    assert told[1].note == "no HTTP/3 is spoken"


def test_what_is_said_of_a_route_stands_instead_of_what_is_said_of_its_destination():
    rules = "[{matches: [{path: {type: PathPrefix, value: /a}}], default: {}}]"
    texts = [
        policy(
            "MeshHTTPRoute", f"to: [{{targetRef: {{kind: MeshExternalService, name: httpbin}}, rules: {rules}}}]", "r"
        ),
        policy("MeshTimeout", to("{http: {requestTimeout: 7s, maxStreamDuration: 9s}}"), "s"),
        policy("MeshTimeout", "to: [{targetRef: {kind: Mesh}, default: {http: {streamIdleTimeout: 8s}}}]", "m"),
    ]
    own = policy(
        "MeshTimeout", "to: [{targetRef: {kind: MeshHTTPRoute, name: r}, default: {http: {requestTimeout: 3s}}}]"
    )
    taken, rest = port(HTTPBIN, *texts, own).routes
    assert (taken.timeout, taken.idle_timeout, taken.maximum_duration) == (3.0, 8.0, None)
    assert (rest.timeout, rest.idle_timeout, rest.maximum_duration) == (7.0, 8.0, 9.0)
    taken, _ = port(HTTPBIN, *texts).routes
    assert (taken.timeout, taken.idle_timeout, taken.maximum_duration) == (7.0, 8.0, 9.0)


def test_connections_are_tried_as_often_as_is_said():
    text = policy("MeshRetry", to("{tcp: {maxConnectAttempt: 7}}", "db"))
    assert port(TCP, text).routes[-1].connect_attempts == 7


def test_retries_are_the_sidecars():
    text = policy("MeshRetry", to("{http: {numRetries: 3}}"))
    assert port(HTTPBIN, text, kuma_role="egress").routes[-1].retry is None
    assert "would have no effect on a Kuma egress" in warnings(HTTPBIN, text, kuma_role="egress")


def test_circuit_breaker():
    conf = (
        "{connectionLimits: {maxConnections: 2, maxRequests: 9}, outlierDetection: {interval: 1s, baseEjectionTime: 2s,"
        " maxEjectionPercent: 20, splitExternalAndLocalErrors: true, healthyPanicThreshold: '12.5', detectors:"
        " {totalFailures: {}, gatewayFailures: {consecutive: 3}, localOriginFailures: {consecutive: 4},"
        " successRate: {standardDeviationFactor: '2.5'}, failurePercentage: {threshold: 40}}}}"
    )
    found = port(HTTPBIN, policy("MeshCircuitBreaker", to(conf))).upstream.resilience
    assert found.limits == Limits(connections=2, requests=9)
    out = found.outliers
    assert (out.consecutive_5xx, out.consecutive_gateway, out.consecutive_local) == (5, 3, 4)
    assert (out.success_rate, out.failure_percentage) == (SuccessRate(5, 100, 2.5), FailurePercentage(5, 50, 40.0))
    assert (out.interval, out.base_ejection, out.maximum_percent, out.always_one) == (1.0, 2.0, 20.0, True)
    assert found.panic_percent == 12.5


def test_detectors_are_off_unless_they_are_named():
    conf = "{outlierDetection: {detectors: {gatewayFailures: {}}}}"
    found = port(HTTPBIN, policy("MeshCircuitBreaker", to(conf))).upstream.resilience.outliers
    assert (found.consecutive_5xx, found.consecutive_gateway) == (None, 5)


def test_a_disabled_detection_is_none():
    conf = "{outlierDetection: {disabled: true, detectors: {gatewayFailures: {}}}}"
    assert port(HTTPBIN, policy("MeshCircuitBreaker", to(conf))).upstream.resilience.outliers is None


def test_a_health_check_speaks_what_the_destination_does():
    conf = "{interval: 10s, failTrafficOnPanic: true, http: {path: /up, expectedStatuses: [204]}, tcp: {send: Zm9v}}"
    found = port(HTTPBIN, policy("MeshHealthCheck", to(conf))).upstream.resilience
    assert [(each.probe, each.path, each.statuses, each.interval) for each in found.health] == [
        (Probe.HTTP, "/up", (204,), 10.0)
    ]
    assert (found.panic_fails, found.panic_percent) == (True, 50.0)
    (check,) = port(TCP, policy("MeshHealthCheck", to(conf, "db"))).upstream.resilience.health
    assert (check.probe, check.send) == (Probe.TCP, b"foo")


def test_balancing():
    ring = "{minRingSize: 9, hashPolicies: [{type: Header, header: {name: X-U}}]}"
    conf = f"{{loadBalancer: {{type: RingHash, ringHash: {ring}}}}}"
    text = policy("MeshLoadBalancingStrategy", to(conf))
    spec = to(conf).replace("name: httpbin", "labels: {kuma.io/display-name: httpbin}")
    held = port(
        HTTPBIN, policy("MeshLoadBalancingStrategy", spec), kuma_dialect="kuma-3.0"
    ).upstream.resilience.balancing
    assert (held.balancer, held.minimum_ring) == (Balancer.RING_HASH, 9)
    assert held.hash_keys == (HashKey(HashOn.HEADER, "x-u"),)
    assert any(
        "value 'MeshExternalService' is not supported; dialect kuma-3.0" in each for each in faults(HTTPBIN, text)
    )


def test_endpoints_take_turns_unless_a_strategy_says_else():
    assert port(HTTPBIN).upstream.resilience.balancing.balancer is Balancer.ROUND_ROBIN


# What arrives where it leaves.

EARLY = {"kuma_dialect": "kuma-madr062"}


def on_egress(kind: str, items: str) -> str:
    return policy(
        kind, f"targetRef: {{kind: MeshExternalService, name: httpbin, proxyType: [egress]}}\n{textwrap.dedent(items)}"
    )


def sni(name: str = "httpbin", port: int = 80) -> str:
    return f"{{type: Exact, value: sni.extsvc.default.zone-1.{name}.{port}}}"


ANSWER = "{status: 423, headers: {add: [{name: a, value: b}]}}"
LIMIT = f"{{local: {{http: {{requestRate: {{num: 2, interval: 10s}}, onRateLimit: {ANSWER}}}}}}}"
EVERYBODY = f"from: [{{targetRef: {{kind: Mesh}}, default: {LIMIT}}}]"


def test_a_rate_limit_of_the_early_design():
    (found,) = port(HTTPBIN, on_egress("MeshRateLimit", EVERYBODY), **EARLY).routes[-1].limits
    assert (found.bucket, found.status, found.response_headers.add) == (Bucket(2, 2, 10.0), 423, (("a", "b"),))
    assert found.caller == ()


def test_what_a_limit_answers_says_nothing_of_the_request():
    text = on_egress("MeshRateLimit", EVERYBODY.replace("value: b", "value: '%REQ(b)%'"))
    assert any("onRateLimit.headers.add[0].value" in each for each in faults(HTTPBIN, text, **EARLY))


def test_a_rate_limit_by_server_name_is_of_that_service_alone():
    rules = f"targetRef: {{kind: Dataplane}}\nrules: [{{matches: [{{sni: {sni()}}}], default: {LIMIT}}}]"
    assert len(port(HTTPBIN, policy("MeshRateLimit", rules)).routes[-1].limits) == 1
    assert port(HTTPBIN, policy("MeshRateLimit", rules.replace("httpbin", "other"))).routes[-1].limits == ()


def test_a_limit_of_connections():
    conf = "{local: {tcp: {connectionRate: {num: 3, interval: 1s}}}}"
    rules = f"targetRef: {{kind: Dataplane}}\nrules: [{{matches: [{{sni: {sni('db', 5432)}}}], default: {conf}}}]"
    (found,) = port(TCP, policy("MeshRateLimit", rules)).routes[-1].limits
    assert (found.connections, found.bucket) == (True, Bucket(3, 3, 1.0))


def test_what_a_policy_says_of_services_of_the_mesh_is_not_about_what_is_outside():
    items = f"targetRef: {{kind: Mesh, proxyTypes: [Sidecar]}}\n{EVERYBODY}"
    assert port(HTTPBIN, policy("MeshRateLimit", items)).routes[-1].limits == ()


def test_items_that_mean_the_same_caller_are_merged_in_their_order():
    """As Kuma merges them: field by field, the later one winning."""
    answer = "{local: {http: {requestRate: {num: 5, interval: 1s}, onRateLimit: {status: 423}}}}"
    items = f"""
        from:
          - targetRef: {{kind: MeshSubset, tags: {{zone: east}}}}
            default: {answer}
          - targetRef: {{kind: MeshSubset, tags: {{env: dev}}}}
            default: {{local: {{http: {{requestRate: {{num: 9, interval: 1s}}}}}}}}
    """
    found = port(HTTPBIN, on_egress("MeshRateLimit", items), **EARLY).routes[-1].limits
    told = {
        frozenset((each.key, each.negated) for each in limit.caller): (limit.bucket.size, limit.status)
        for limit in found
    }
    assert told == {
        frozenset({("zone", False), ("env", False)}): (9, 423),
        frozenset({("zone", True), ("env", False)}): (9, 429),
        frozenset({("zone", False), ("env", True)}): (5, 423),
    }


FAULTS = """
from:
  - targetRef: {kind: Mesh}
    default: {http: [{abort: {httpStatus: 500, percentage: "2.5"}}, {delay: {value: 5s, percentage: 5}}]}
  - targetRef: {kind: MeshService, name: web}
    default: {http: [{responseBandwidth: {limit: 8 Mbps, percentage: 100}}]}
"""


def test_faults_are_those_of_the_most_specific_item():
    web, abort, delay = port(HTTPBIN, on_egress("MeshFaultInjection", FAULTS), **EARLY).routes[-1].faults
    assert web.bandwidth == Bandwidth(1e6, 100.0)
    assert (abort.abort, delay.delay) == (Abort(500, percent=2.5), Delay(5.0, 5.0))
    (condition,) = web.caller
    (other,) = abort.caller
    assert (condition.key, condition.values, condition.negated) == ("kuma.io/service", ("web",), False)
    assert other.negated


def who(**labels: str) -> Identity:
    given = tuple((name.replace("_", "/"), value) for name, value in labels.items())
    return Identity(namespace="prod", service_account="web", labels=given, how="test")


WEB, OTHER = who(**{"kuma.io_service": "web", "version": "v1"}), who(**{"kuma.io_service": "other"})
PERMISSION = """
from:
  - targetRef: {kind: MeshService, name: web}
    default: {action: Allow}
  - targetRef: {kind: Mesh}
    default: {action: Deny}
"""


def code(made, caller: Identity) -> Code:
    return decide(made, http("httpbin.extsvc.mesh.local", 80, caller=caller)).code


def test_permission_by_service():
    made = load(HTTPBIN, on_egress("MeshTrafficPermission", PERMISSION), **EARLY)
    assert code(made, WEB) is Code.REGISTERED
    assert code(made, OTHER) is Code.REFUSED_BY_RULE
    assert code(made, Identity()) is Code.REFUSED_BY_RULE


def test_the_narrower_of_two_items_decides_whatever_their_order():
    items = """
        from:
          - targetRef: {kind: MeshServiceSubset, name: web, tags: {version: v1}}
            default: {action: Deny}
          - targetRef: {kind: MeshService, name: web}
            default: {action: Allow}
    """
    made = load(HTTPBIN, on_egress("MeshTrafficPermission", items), **EARLY)
    assert code(made, WEB) is Code.REFUSED_BY_RULE
    assert code(made, who(**{"kuma.io_service": "web"})) is Code.REGISTERED


def test_without_a_permission_the_mesh_says_who_may():
    assert code(load(HTTPBIN), OTHER) is Code.REGISTERED
    forbidding = CLOSED + "routing: {defaultForbidMeshExternalServiceAccess: true}\n"
    assert code(load(HTTPBIN, mesh=forbidding), OTHER) is Code.REFUSED_BY_RULE
    opened = load(HTTPBIN, policy("MeshTrafficPermission", PERMISSION), mesh=forbidding)
    assert (code(opened, WEB), code(opened, OTHER)) == (Code.REGISTERED, Code.REFUSED_BY_RULE)


def test_a_permission_about_the_mesh_does_not_close_what_is_outside():
    assert code(load(HTTPBIN, policy("MeshTrafficPermission", PERMISSION)), OTHER) is Code.REGISTERED


def identity(name: str) -> Identity:
    return Identity(namespace="prod", service_account=name, principal=f"cluster.local/ns/prod/sa/{name}", how="test")


def test_rules_deny_first_then_allow_then_nobody():
    rules = f"""
        rules:
          - default:
              deny: [{{spiffeID: {{type: Exact, value: "spiffe://cluster.local/ns/prod/sa/bad"}}}}]
              allow: [{{sni: {sni()}, spiffeID: {{type: Prefix, value: "spiffe://cluster.local/ns/prod/"}}}}]
    """
    made = load(HTTPBIN, policy("MeshTrafficPermission", rules))
    assert code(made, identity("good")) is Code.REGISTERED
    assert code(made, identity("bad")) is Code.REFUSED_BY_RULE
    assert code(made, Identity()) is Code.REFUSED_BY_RULE


def test_a_shadow_denial_allows_and_is_seen():
    items = "from: [{targetRef: {kind: Mesh}, default: {action: AllowWithShadowDeny}}]"
    made = load(HTTPBIN, on_egress("MeshTrafficPermission", items), **EARLY)
    decision = decide(made, http("httpbin.extsvc.mesh.local", 80, caller=OTHER))
    assert decision.allowed
    assert len(decision.shadows) == 1


@pytest.mark.parametrize("count", [5, 12])
def test_selectors_that_overlap_in_too_many_ways_are_refused(count):
    tags = "".join(
        f"  - {{targetRef: {{kind: MeshSubset, tags: {{a{n}: x, b{n}: y}}}}, default: {{action: Allow}}}}\n"
        for n in range(count)
    )
    text = on_egress("MeshTrafficPermission", f"from:\n{tags}")
    found = faults(HTTPBIN, text, **EARLY)
    assert bool(found) == (count == 12)
    assert all("overlap in more than 256 ways" in each for each in found)


def test_in_the_newest_dialect_nobody_may_unless_somebody_is_allowed():
    newest = {"kuma_dialect": "kuma-3.0"}
    assert code(load(HTTPBIN, **newest), OTHER) is Code.REFUSED_BY_RULE
    assert code(load(HTTPBIN, mesh="", **newest), OTHER) is Code.REFUSED_BY_RULE
    opened = CLOSED + "routing: {defaultForbidMeshExternalServiceAccess: false}\n"
    assert code(load(HTTPBIN, mesh=opened, **newest), OTHER) is Code.REGISTERED


ACROSS = "{http: {requestRate: {num: 5, interval: 1m}, onRateLimit: {status: 423}}, mode: MODE, backend: BACKEND}"


@pytest.mark.parametrize(
    ("mode", "service", "enforced", "passes"),
    [
        ("Limit", "{limitOnServiceFail: true, url: 'http://limits:10003', timeout: 25ms}", 100.0, False),
        ("Shadow", "{url: 'http://limits:10003'}", 0.0, True),
    ],
)
def test_a_limit_over_all_gates(mode, service, enforced, passes):
    conf = ACROSS.replace("MODE", mode).replace("BACKEND", f"{{rateLimitService: {service}}}")
    items = f"from: [{{targetRef: {{kind: Mesh}}, default: {conf}}}]"
    (found,) = port(HTTPBIN, on_egress("MeshGlobalRateLimit", items), **EARLY).routes[-1].limits
    assert (found.scope, found.bucket, found.status) == (LimitScope.GLOBAL, Bucket(5, 5, 60.0), 423)
    assert (found.enforced_percent, found.allow_on_failure) == (enforced, passes)


def test_a_limit_by_header_over_all_gates_is_refused():
    conf = "{http: {ratelimitOnRequest: [{kind: OnHeader, name: a, limits: []}]}}"
    items = f"from: [{{targetRef: {{kind: Mesh}}, default: {conf}}}]"
    assert any(
        "ratelimitOnRequest" in each for each in faults(HTTPBIN, on_egress("MeshGlobalRateLimit", items), **EARLY)
    )
