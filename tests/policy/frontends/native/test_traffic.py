"""`EgressTraffic`: every field changes what is compiled, and what contradicts itself is refused on its field."""

import copy
from ipaddress import ip_network
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from outgate.policy.access_model import Attribute, Condition
from outgate.policy.frontends.native.traffic_fields import ORIGIN, ROUTE, SPEC
from outgate.policy.model import AttemptKind, Port
from outgate.policy.resilience_model import (
    Balancer,
    Balancing,
    FailurePercentage,
    HashKey,
    HashOn,
    HealthCheck,
    Keepalive,
    Limits,
    Locality,
    Outliers,
    Probe,
    RetryBudget,
    SuccessRate,
    Warmup,
)
from outgate.policy.route_model import (
    Abort,
    Backoff,
    Bandwidth,
    Bucket,
    Delay,
    DirectResponse,
    HeaderChange,
    LimitBy,
    LimitPart,
    LimitScope,
    NamedMatch,
    RateLimitedBackoff,
    Redirect,
    ResetFormat,
    RetryPolicy,
    Rewrite,
    Route,
    RouteMatch,
    TextKind,
    TextMatch,
    Unmatched,
)
from outgate.problems import Severity
from policy.building import http, policy, problems

SHOP = """
apiVersion: outgate.dev/v1alpha1
kind: EgressDestination
metadata: {name: shop, namespace: prod}
spec:
  hosts: [api.shop.example]
  ports: [{number: 443, protocol: HTTPS}, {number: 80, protocol: HTTP}]
  endpoints: [{address: 192.0.2.7, labels: {v: a}}, {address: 192.0.2.8}]
---
apiVersion: outgate.dev/v1alpha1
kind: EgressDestination
metadata: {name: pay, namespace: prod}
spec: {hosts: [api.pay.example], ports: [{number: 9443, protocol: HTTPS}]}
---
apiVersion: outgate.dev/v1alpha1
kind: EgressDestination
metadata: {name: wild, namespace: prod}
spec: {hosts: ["*.wild.example"], ports: [{number: 443, protocol: HTTPS}]}
---
"""
HEAD = "apiVersion: outgate.dev/v1alpha1\nkind: EgressTraffic\nmetadata: {name: t, namespace: prod}\nspec: "


def text(spec: str) -> str:
    return f"{SHOP}{HEAD}{{destination: shop, {spec}}}\n"


def port(spec: str, number: int = 443) -> Port:
    shop = policy(text(spec)).destinations[0]
    return next(port for port in shop.ports if port.number == number)


def route(spec: str) -> Route:
    """The one route of a document."""
    (made,) = port(f"routes: [{{{spec}}}]").routes
    return made


def match(spec: str) -> RouteMatch:
    (made,) = route(f"match: {{{spec}}}").matches
    return made


def refused(spec: str, *more: str) -> list[str]:
    found = problems(text(spec) + "".join(more))
    return [problem.field for problem in found if problem.severity is Severity.ERROR]


WHEN = "spec.routes[0].match[0].from.when[0]"


def exact(value: str, **more: object) -> TextMatch:
    return TextMatch(TextKind.EXACT, value, **more)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("path: {exact: /a}", RouteMatch(path=exact("/a"))),
        (
            "path: {segments: /a, ignoreCase: true}",
            RouteMatch(path=TextMatch(TextKind.SEGMENTS, "/a", ignore_case=True)),
        ),
        ("method: {regex: 'G.T', not: true}", RouteMatch(method=TextMatch(TextKind.REGEX, "G.T", negated=True))),
        ("scheme: https", RouteMatch(scheme=exact("https"))),
        ("scheme: {present: true}", RouteMatch(scheme=TextMatch(TextKind.PRESENT))),
        ("kinds: [http, tls]", RouteMatch(kinds=(AttemptKind.HTTP, AttemptKind.TLS))),
        ("hosts: '*.a.example'", RouteMatch(hosts=("*.a.example",))),
        (
            "from: {when: [{attribute: source_label, key: app, values: [''], not: true}]}",
            RouteMatch(caller=(Condition(Attribute.SOURCE_LABEL, ("",), "app", True),)),
        ),
        ("authority: {prefix: a}", RouteMatch(authority=TextMatch(TextKind.PREFIX, "a"))),
        ("headers: {X-A: {exact: b}}", RouteMatch(headers=(NamedMatch("x-a", exact("b")),))),
        (
            "headers: {a: [{exact: b}, {exact: c, not: true}]}",
            RouteMatch(
                headers=(NamedMatch("a", exact("b")), NamedMatch("a", TextMatch(TextKind.EXACT, "c", negated=True)))
            ),
        ),
        ("headers: {a: {present: true}}", RouteMatch(headers=(NamedMatch("a", TextMatch(TextKind.PRESENT)),))),
        (
            "headers: {a: {present: false}}",
            RouteMatch(headers=(NamedMatch("a", TextMatch(TextKind.PRESENT, negated=True)),)),
        ),
        ("queries: {Q: {exact: b}}", RouteMatch(queries=(NamedMatch("Q", exact("b")),))),
        ("snis: '*.a.example'", RouteMatch(sni=("*.a.example",))),
        ("addresses: 192.0.2.0/24", RouteMatch(networks=(ip_network("192.0.2.0/24"),))),
        (
            "from: {namespaces: dev, serviceAccounts: job, labels: {app: web}, ipBlocks: 10.0.0.0/8, principals: a/b}",
            RouteMatch(
                caller=(
                    Condition(Attribute.PRINCIPAL, ("a/b",)),
                    Condition(Attribute.NAMESPACE, ("dev",)),
                    Condition(Attribute.SERVICE_ACCOUNT, ("prod/job",)),
                    Condition(Attribute.SOURCE_IP, ("10.0.0.0/8",)),
                    Condition(Attribute.SOURCE_LABEL, ("web",), "app"),
                )
            ),
        ),
    ],
)
def test_what_a_route_matches(spec, expected):
    assert match(spec) == expected


@pytest.mark.parametrize(
    ("spec", "name", "expected"),
    [
        ("name: a", "name", "a"),
        ("redirect: {}", "redirect", Redirect()),
        (
            "redirect: {status: 308, scheme: http, authority: a, port: 81, path: /b}",
            "redirect",
            Redirect(308, "http", "a", 81, path="/b"),
        ),
        ("redirect: {scheme: https, portOfScheme: true}", "redirect", Redirect(scheme="https", port_of_scheme=True)),
        ("notFound: true", "missing", True),
        ("answer: {status: 503, body: 'off'}", "direct", DirectResponse(503, b"off")),
        ("rewrite: {path: /a, authority: b}", "rewrite", Rewrite(path="/a", authority="b")),
        ("rewrite: {regex: (a), substitution: '\\1', toBackend: true}", "rewrite",
         Rewrite(pattern="(a)", substitution="\\1", to_backend=True)),
        ("match: {path: {prefix: /a}}, rewrite: {prefix: /b}", "rewrite", Rewrite(prefix="/b")),
        ("requestHeaders: {set: {X-A: b}, remove: [X-C]}", "request_headers",
         HeaderChange(set=(("X-A", "b"),), remove=("X-C",))),
        ("responseHeaders: {add: {X-A: b}}", "response_headers", HeaderChange(add=(("X-A", "b"),))),
        ("timeout: 3s", "timeout", 3.0),
        ("idleTimeout: 3s", "idle_timeout", 3.0),
        ("maximumDuration: 3s", "maximum_duration", 3.0),
        ("connectAttempts: 3", "connect_attempts", 3),
        ("retries: {attempts: 0}", "retry", None),
        ("retries: {attempts: 1, on: 5xx}", "retry", RetryPolicy(1, on={"5xx"})),
        (
            ("retries: {attempts: 2, on: reset, statuses: 503, headers: {a: {exact: b}}, methods: PUT, "
            "anyMethod: true, perTryTimeout: 1s, backoff: {base: 1s}, "
            "retryAfter: {headers: {Retry-After: seconds}}, otherHosts: false, "
            "hostSelections: 2}"),
            "retry",
            RetryPolicy(
                2, {"reset", "retriable-status-codes", "retriable-headers"}, (503,), (NamedMatch("a", exact("b")),),
                ("PUT",), True, 1.0, Backoff(1.0, 10.0),
                RateLimitedBackoff((("retry-after", ResetFormat.SECONDS),)), False, 2,
            ),
        ),
    ],
)  # fmt: skip
def test_what_a_route_does(spec, name, expected):
    assert getattr(route(spec), name) == expected


def test_faults():
    (fault,) = route(
        "faults: [{delay: {duration: 1s, percent: 5}, abort: {grpcStatus: 14}, bandwidth: {bytesPerSecond: 1k}, "
        "from: {namespaces: dev}, headers: {a: {exact: b}}}]"
    ).faults
    assert (fault.delay, fault.abort, fault.bandwidth) == (Delay(1.0, 5.0), Abort(grpc_status=14), Bandwidth(1000))
    assert (len(fault.caller), len(fault.headers)) == (1, 1)
    assert fault.source.field == "spec.routes[0].faults[0]"


def test_rate_limits():
    plain, full = route(
        "rateLimits: [{name: a, tokens: 5, interval: 1s}, {name: b, tokens: 5, refill: 1, interval: 2s, scope: global, "
        "by: [caller, path], byHeaders: X-Key, from: {namespaces: dev}, headers: {a: {exact: b}}, enabledPercent: 50, "
        "enforcedPercent: 25, status: 503, responseHeaders: {set: {x: y}}, allowOnFailure: true}]"
    ).limits
    assert (plain.key, plain.bucket, plain.scope) == ("EgressTraffic/prod/t/a", Bucket(5, 5, 1.0), LimitScope.PROCESS)
    assert (full.bucket, full.scope, full.status) == (Bucket(5, 1, 2.0), LimitScope.GLOBAL, 503)
    assert full.by == (LimitPart(LimitBy.CALLER), LimitPart(LimitBy.PATH), LimitPart(LimitBy.HEADER, "x-key"))
    assert (full.enabled_percent, full.enforced_percent, full.allow_on_failure) == (50.0, 25.0, True)
    assert (len(full.caller), len(full.headers), full.response_headers) == (1, 1, HeaderChange(set=(("x", "y"),)))
    (tcp,) = route("rateLimits: [{name: a, tokens: 5, interval: 1s, connections: true}]").limits
    assert tcp.connections


def test_limits_of_one_key_share_their_buckets():
    (limit,) = route("rateLimits: [{key: shared, tokens: 5, interval: 1s}]").limits
    assert limit.key == "shared"


def test_a_backend_may_be_dialled_otherwise_than_its_destination():
    (backend,) = route(
        "to: [{destination: shop, subset: v1, host: b.example, upstream: {port: 8443, "
        "endpoints: [{address: 192.0.2.1}], tls: {sni: c.example}, limits: {connections: 3}}}]"
    ).backends
    assert (backend.key, backend.host) == ("EgressDestination/prod/shop|v1", "b.example")
    assert (backend.upstream.port, backend.upstream.tls.sni) == (8443, "c.example")
    assert [(each.address, each.port) for each in backend.upstream.endpoints] == [("192.0.2.1", 8443)]
    assert backend.upstream.resilience.limits == Limits(connections=3)


def test_backends_and_mirrors():
    made = route(
        "to: [{destination: shop, port: 443, labels: {v: a}, weight: 3, requestHeaders: {set: {x: y}}}, "
        "{destination: prod/pay, responseHeaders: {remove: [z]}}], mirrors: [{destination: pay, percent: 5}]"
    )
    shop, pay = made.backends
    assert (shop.key, shop.host, shop.weight) == ("EgressDestination/prod/shop|v=a", "api.shop.example", 3)
    assert [each.address for each in shop.upstream.endpoints] == ["192.0.2.7"]
    assert (pay.key, pay.host, pay.upstream.port) == ("EgressDestination/prod/pay", "api.pay.example", 9443)
    assert pay.upstream.tls is not None
    assert (shop.request_headers.set, pay.response_headers.remove) == ((("x", "y"),), ("z",))
    assert [(each.backend.key, each.percent) for each in made.mirrors] == [("EgressDestination/prod/pay", 5.0)]


@pytest.mark.parametrize(
    ("spec", "name", "expected"),
    [
        ("balancing: {balancer: round_robin, choices: 3}", "balancing", Balancing(Balancer.ROUND_ROBIN, 3)),
        (
            ("balancing: {balancer: RING_HASH, minimumRing: 7, maximumRing: 9, "
            "hash: [{on: header, name: X-A, terminal: true}, "
            "{on: cookie, name: c, ttl: 0s, path: /, attributes: {a: b}}, {on: source_ip}]}"),
            "balancing",
            Balancing(
                Balancer.RING_HASH, minimum_ring=7, maximum_ring=9,
                hash_keys=(
                    HashKey(HashOn.HEADER, "x-a", terminal=True),
                    HashKey(HashOn.COOKIE, "c", 0.0, "/", (("a", "b"),)),
                    HashKey(HashOn.SOURCE_IP),
                ),
            ),
        ),
        ("balancing: {balancer: MAGLEV, table: 7, hash: [{on: source_ip}]}", "balancing",
         Balancing(Balancer.MAGLEV, hash_keys=(HashKey(HashOn.SOURCE_IP),), table=7)),
        ("balancing: {locality: {shares: {eu: {eu: 80, us: 20}}}}", "balancing",
         Balancing(locality=Locality(shares=(("eu", (("eu", 80), ("us", 20))),)))),
        ("balancing: {locality: {failover: {eu: us}}}", "balancing",
         Balancing(locality=Locality(failover=(("eu", "us"),)))),
        ("balancing: {locality: {priorityLabels: [a]}}", "balancing",
         Balancing(locality=Locality(priority_labels=("a",)))),
        ("balancing: {warmup: {duration: 1s, minimumPercent: 5, aggression: 2}}", "balancing",
         Balancing(warmup=Warmup(1.0, 5.0, 2.0))),
        (("limits: {connections: 1, pending: 2, requests: 3, retries: 4, requestsPerConnection: 5, "
         "streamsPerConnection: 6}"), "limits", Limits(1, 2, 3, 4, 5, 6)),
        (
            ("outliers: {consecutive5xx: 0, consecutiveGateway: 2, splitLocal: true, consecutiveLocal: 3, "
            "statuses: [500], "
            "successRate: {minimumHosts: 1, requestVolume: 2, deviationFactor: 3}, failurePercentage: {threshold: 50}, "
            "interval: 1s, baseEjection: 2s, maximumEjection: 3s, maximumPercent: 50, alwaysOne: true}"),
            "outliers",
            Outliers(
                None, 2, 3, True, (500,), SuccessRate(1, 2, 3.0), FailurePercentage(threshold=50.0), 1.0, 2.0, 3.0,
                50.0, True,
            ),
        ),
        (
            ("healthChecks: [{probe: http, path: /a, statuses: [200, 204], headers: {X-A: b}, authority: c, "
            "interval: 1s}, "
            "{probe: tcp, send: a, receive: [b, c], timeout: 2s, unhealthyThreshold: 3, healthyThreshold: 4, "
            "initialJitter: 5s, intervalJitter: 6s, intervalJitterPercent: 7, noTrafficInterval: 8s, "
            "reuseConnection: false}, "
            "{probe: grpc, service: s}]"),
            "health",
            (
                HealthCheck(
                    Probe.HTTP, interval=1.0, path="/a", statuses=(200, 204), headers=(("x-a", "b"),), authority="c"
                ),
                HealthCheck(Probe.TCP, 60.0, 2.0, 3, 4, 5.0, 6.0, 7.0, 8.0, False, send=b"a", receive=(b"b", b"c")),
                HealthCheck(Probe.GRPC, service="s"),
            ),
        ),
        ("panicPercent: 50", "panic_percent", 50.0),
        ("panicFails: true", "panic_fails", True),
        ("retryBudget: {percent: 10, minimum: 1, interval: 1s}", "retry_budget", RetryBudget(10.0, 1, 1.0)),
        ("connectionIdleTimeout: 1s", "idle_timeout", 1.0),
        ("tcpIdleTimeout: 1s", "tcp_idle_timeout", 1.0),
        ("connectionDuration: 1s", "maximum_duration", 1.0),
        ("keepalive: {probes: 1, time: 2s, interval: 3s}", "keepalive", Keepalive(1, 2.0, 3.0)),
        ("proxyProtocol: 2", "proxy_protocol", 2),
        ("asClient: true", "as_client", True),
        ("http2Ping: {interval: 1s, timeout: 2s}", "http2_ping", (1.0, 2.0)),
    ],
)  # fmt: skip
def test_what_holds_for_the_origin(spec, name, expected):
    resilience = port(spec).upstream.resilience
    assert getattr(resilience, name) == expected
    assert resilience.source.kind == "EgressTraffic"
    assert port(spec).routes == ()


def test_what_is_said_beside_the_routes_holds_for_each_that_does_not_say_it():
    made = port(
        "timeout: 9s, retries: {attempts: 1, on: reset}, routes: [{match: {path: {exact: /a}}, timeout: 1s}, {}]"
    )
    assert [(each.timeout, each.retry.retries) for each in made.routes] == [(1.0, 1), (9.0, 1)]
    (alone,) = port("timeout: 9s").routes
    assert (alone.timeout, alone.matches) == (9.0, ())


def test_what_no_route_takes():
    spec = "routes: [{match: {path: {exact: /a}}}]"
    assert port(spec).unmatched is Unmatched.NOT_FOUND
    assert port(f"{spec}, unmatched: forward").unmatched is Unmatched.FORWARD
    made = policy(text(spec))
    shop = made.destinations[0].ports[0]
    assert made.route(shop, http("api.shop.example", path="/b")) is None
    assert made.route(shop, http("api.shop.example", path="/a")).route.source.kind == "EgressTraffic"


def test_a_document_is_about_some_ports():
    assert port("ports: [80], timeout: 1s", 80).routes[0].timeout == 1.0
    assert port("ports: [80], timeout: 1s").routes == ()


def test_a_backend_has_what_its_own_document_says_of_it():
    other = f"---\n{HEAD.replace('name: t', 'name: pay')}{{destination: pay, limits: {{connections: 7}}}}\n"
    shop = policy(text("routes: [{to: [{destination: pay}]}]") + other).destinations[0]
    assert shop.ports[0].routes[0].backends[0].upstream.resilience.limits.connections == 7


def test_a_generation_stands_for_traffic_too():
    one, same, other = (policy(text(f"timeout: {seconds}s")).generation for seconds in (1, 1, 2))
    assert one == same != other


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ("ports: [81], timeout: 1s", "spec.ports"),
        ("unmatched: FORWARD", "spec.unmatched"),
        ("routes: [{}, {}]", "spec.routes[1]"),
        ("routes: [{match: {}}]", "spec.routes[0].match[0]"),
        ("routes: [{match: {path: {}}}]", "spec.routes[0].match[0].path"),
        ("routes: [{match: {path: {exact: a, prefix: b}}}]", "spec.routes[0].match[0].path"),
        ("routes: [{match: {path: {regex: '('}}}]", "spec.routes[0].match[0].path.regex"),
        ("routes: [{match: {from: {}}}]", "spec.routes[0].match[0].from"),
        ("routes: [{redirect: {}, answer: {status: 200}}]", "spec.routes[0]"),
        ("routes: [{redirect: {}, rewrite: {path: /a}}]", "spec.routes[0]"),
        ("routes: [{redirect: {status: 304}}]", "spec.routes[0].redirect.status"),
        ("routes: [{redirect: {path: /a, prefix: /b}}]", "spec.routes[0].redirect.prefix"),
        ("routes: [{rewrite: {path: /a, prefix: /b}}]", "spec.routes[0].rewrite"),
        ("routes: [{rewrite: {prefix: /b}}]", "spec.routes[0].rewrite.prefix"),
        ("routes: [{rewrite: {regex: a}}]", "spec.routes[0].rewrite"),
        ("routes: [{rewrite: {regex: a, substitution: '\\1'}}]", "spec.routes[0].rewrite.substitution"),
        ("routes: [{notFound: true, answer: {status: 200}}]", "spec.routes[0]"),
        ("routes: [{redirect: {port: 80, portOfScheme: true}}]", "spec.routes[0].redirect.portOfScheme"),
        ("rateLimits: [{tokens: 1, interval: 1s}]", "spec.rateLimits[0]"),
        ("rateLimits: [{name: a, key: b, tokens: 1, interval: 1s}]", "spec.rateLimits[0]"),
        ("routes: [{to: [{destination: pay, subset: v1}]}]", "spec.routes[0].to[0].subset"),
        ("routes: [{to: [{destination: pay, upstream: {}}]}]", "spec.routes[0].to[0].upstream.port"),
        ("routes: [{to: [{destination: pay, port: 1, upstream: {port: 2}}]}]", "spec.routes[0].to[0].port"),
        ("routes: [{match: [{from: {when: [{attribute: header, values: [a]}]}}]}]", f"{WHEN}.key"),
        ("routes: [{match: [{from: {when: [{attribute: port, key: a, values: [1]}]}}]}]", f"{WHEN}.values[0]"),
        ("routes: [{match: [{from: {when: [{attribute: port, key: a, values: ['1']}]}}]}]", f"{WHEN}.key"),
        ("routes: [{match: [{from: {when: [{attribute: port, values: [a]}]}}]}]", f"{WHEN}.values"),
        ("routes: [{to: [{port: 1}]}]", "spec.routes[0].to[0].destination"),
        ("routes: [{to: [{destination: nobody}]}]", "spec.routes[0].to[0].destination"),
        ("routes: [{to: [{destination: shop}]}]", "spec.routes[0].to[0].port"),
        ("routes: [{to: [{destination: wild}]}]", "spec.routes[0].to[0].destination"),
        ("routes: [{to: [{destination: pay, labels: {v: a}}]}]", "spec.routes[0].to[0].labels"),
        ("retries: {attempts: 1}", "spec.retries"),
        ("faults: [{}]", "spec.faults[0]"),
        ("faults: [{abort: {}}]", "spec.faults[0].abort"),
        (
            "rateLimits: [{name: a, tokens: 1, interval: 1s, connections: true, by: path}]",
            "spec.rateLimits[0].connections",
        ),
        ("rateLimits: [{name: a, tokens: 1, interval: 1s, allowOnFailure: true}]", "spec.rateLimits[0].allowOnFailure"),
        ("balancing: {balancer: RING_HASH}", "spec.balancing.hash"),
        ("balancing: {hash: [{on: source_ip}]}", "spec.balancing.hash"),
        ("balancing: {balancer: MAGLEV, table: 8, hash: [{on: source_ip}]}", "spec.balancing.table"),
        ("balancing: {balancer: RING_HASH, hash: [{on: header}]}", "spec.balancing.hash[0].name"),
        ("balancing: {locality: {failover: {a: b}, priorityLabels: [c]}}", "spec.balancing.locality"),
        ("balancing: {locality: {shares: {a: {b: 1}}}}", "spec.balancing.locality.shares"),
        ("outliers: {consecutiveLocal: 1}", "spec.outliers.consecutiveLocal"),
        ("healthChecks: [{probe: tcp, path: /a}]", "spec.healthChecks[0].path"),
    ],
)
def test_what_contradicts_itself_is_refused_on_its_field(spec, field):
    assert refused(spec) == [field]


def test_a_document_needs_a_destination_that_is_there():
    found = problems(f"{HEAD}{{destination: nobody}}\n")
    assert [problem.field for problem in found if problem.severity is Severity.ERROR] == ["spec.destination"]


def test_two_documents_for_one_port_are_refused():
    other = f"---\n{HEAD.replace('name: t', 'name: u')}{{destination: shop, ports: [80], timeout: 2s}}\n"
    assert refused("timeout: 1s", other) == ["spec.destination"]
    assert refused("ports: [443], timeout: 1s", other) == []


def test_what_needs_requests_is_warned_of_where_none_are_seen():
    bytes_only = SHOP.replace("number: 80, protocol: HTTP", "number: 80, protocol: TCP")
    found = problems(f"{bytes_only}{HEAD}{{destination: shop, timeout: 1s, routes: [{{redirect: {{}}}}]}}\n")
    told = [problem.field for problem in found if "passes port 80 unread" in problem.what]
    assert told == ["spec.timeout", "spec.routes[0].redirect"]
    assert not any("unread" in problem.what for problem in problems(text("timeout: 1s")))


def test_no_field_is_without_a_row():
    """Each name of the shape occurs in a test above."""
    written = Path(__file__).read_text()
    assert {name for name in (*SPEC.fields, *ROUTE.fields, *ORIGIN) if f"{name}:" not in written} == set()


EXAMPLE = Path(__file__).parents[4] / "docs" / "examples" / "native" / "traffic.yaml"
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 70000),
    st.sampled_from(["", "*", "/", "a", "(", "\\1", "1s", "0s", "10.0.0.0/8", "x" * 300, "partner", "a.example"]),
    st.sampled_from([[], {}, [None], [{}], {"a": None}, [[]], {"": "a"}, [1], ["*"], {"exact": "a"}]),
)


def places(node: object, path: tuple = ()) -> list[tuple]:
    """Every place of a tree that can be overwritten."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [deeper for key, value in inner for deeper in [(*path, key), *places(value, (*path, key))]]


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_document_with_odd_values_is_refused_or_loads(data):
    documents = list(yaml.safe_load_all(EXAMPLE.read_text()))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(documents[1])))
        node = documents[1]
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = copy.deepcopy(data.draw(ODD))
    for problem in problems(yaml.safe_dump_all(documents)):
        assert problem.what
