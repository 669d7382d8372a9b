"""What routes of VirtualServices come to: actions, backends, two hops as one, delegates, and what holds without any."""

import pytest

from outgate.policy.model import Defaults, Port
from outgate.policy.rewriting import location, rewritten
from outgate.policy.route_model import (
    Abort,
    Backoff,
    Delay,
    DirectResponse,
    HeaderChange,
    HeaderFormat,
    Operator,
    Redirect,
    RetryPolicy,
    Rewrite,
    Route,
    Unmatched,
)
from outgate.policy.routing import Chosen, Router
from policy.building import http
from policy.frontends.istio.istio_building import document, entry, loaded, port, refused, warned

DEFAULT = RetryPolicy(
    2,
    on={"connect-failure", "refused-stream", "unavailable", "cancelled", "retriable-status-codes"},
    any_method=True,
)
HTTP = "ports: [{number: 80, name: http, protocol: HTTP}]"
SHOP = entry(
    f"{HTTP}\nresolution: STATIC\nendpoints: [{{address: 192.0.2.7, labels: {{v: a}}}}, {{address: 192.0.2.8}}]"
)
SELF = "route: [{destination: {host: api.shop.example}}]"
GATEWAY = document(
    "Gateway",
    """{selector: {istio: egressgateway},
    servers: [{port: {number: 80, name: a, protocol: HTTP}, hosts: [api.shop.example]}]}""",
    "out",
)
TO_GATEWAY = "route: [{destination: {host: istio-egressgateway.istio-system.svc.cluster.local, port: {number: 80}}}]"


def service(*routes: str, name: str = "routes", hosts: str = "[api.shop.example]", more: str = "") -> str:
    listed = ", ".join(f"{{{route}}}" for route in routes)
    return document("VirtualService", f"{{hosts: {hosts}, {more}http: [{listed}]}}", name)


def only(*texts: str, number: int = 80) -> Route:
    """The one route of a port."""
    (route,) = port(*texts, number=number).routes
    return route


def first(route: str, *texts: str) -> Route:
    return port(SHOP, service(route), *texts, number=80).routes[0]


def taken(made: Port, **request: object) -> Chosen | None:
    return Router(made, Defaults()).choose(http("api.shop.example", 80, **{"encrypted": False} | request))


def test_requests_without_any_route_have_istios_retries_and_no_timeout():
    route = only(SHOP)
    assert (route.retry, route.timeout, route.source) == (DEFAULT, None, None)
    assert port(SHOP, number=80).unmatched is None


def test_ports_that_are_alike_share_one_route():
    shops = loaded(*(entry(HTTP, f"[s{number}.example]", f"s{number}") for number in range(3))).destinations
    assert len({id(made.ports[0].routes[0]) for made in shops}) == 1
    assert len({id(made.ports[0].upstream.resilience) for made in shops}) == 1


@pytest.mark.parametrize("protocol", ["HTTPS", "TLS", "TCP"])
def test_what_istio_does_not_see_into_is_not_retried(protocol):
    text = entry(f"addresses: [192.0.2.1]\nports: [{{number: 80, name: a, protocol: {protocol}}}]")
    assert port(text, number=80).routes == ()


def test_the_mesh_may_say_otherwise():
    assert port(SHOP, "meshConfig: {defaultHttpRetryPolicy: {attempts: 0}}", number=80).routes == ()
    assert only(SHOP, "meshConfig: {defaultHttpRetryPolicy: {attempts: 5, retryOn: 5xx}}").retry.retries == 5


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ("", DEFAULT),
        ("retries: {attempts: 0}, ", None),
        ("retries: {attempts: 3}, ", RetryPolicy(3, on=DEFAULT.on, any_method=True)),
        (
            (
                "retries: {attempts: 1, retryOn: 'reset,503,429', perTryTimeout: 2s, backoff: 50ms, "
                "retryIgnorePreviousHosts: false}, "
            ),
            RetryPolicy(
                1,
                on={"reset", "retriable-status-codes"},
                statuses=(503, 429),
                any_method=True,
                per_try_timeout=2.0,
                backoff=Backoff(0.05, 0.5),
                other_hosts=False,
            ),
        ),
    ],
)
def test_retries(block, expected):
    assert first(f"{block}{SELF}").retry == expected


def test_what_a_route_does_is_kept():
    made = first(
        "name: a, timeout: 3s, headers: {request: {set: {X-A: '1%%'}, remove: [X-B]}, response: {add: {X-C: '3'}}}, "
        "fault: {delay: {fixedDelay: 1s, percentage: {value: 0.5}}, abort: {grpcStatus: UNAUTHENTICATED, "
        f"percentage: {{value: 100}}}}}}, mirror: {{host: api.shop.example}}, mirrorPercentage: {{value: 7}}, {SELF}"
    )
    assert (made.name, made.timeout) == ("a", 3.0)
    assert made.request_headers == HeaderChange(set=(("X-A", "1%"),), remove=("x-b",))
    assert made.response_headers == HeaderChange(add=(("X-C", "3"),))
    (fault,) = made.faults
    assert (fault.delay, fault.abort) == (Delay(1.0, 0.5), Abort(grpc_status=16))
    (mirror,) = made.mirrors
    assert (mirror.backend.key, mirror.percent) == ("istio/prod/shop", 7.0)
    assert made.source.field == "spec.http[0]"


def test_a_header_may_be_made_of_the_request():
    made = first(f"headers: {{request: {{set: {{x: 'a %REQ(y)%'}}}}}}, {SELF}").request_headers
    assert made.set == (("x", HeaderFormat(("a ", Operator("REQ", "y")))),)


def test_what_never_happens_is_said():
    text = service(f"fault: {{abort: {{httpStatus: 503}}}}, {SELF}")
    assert "0 % of requests, which is never" in warned(SHOP, text)
    assert port(SHOP, text, number=80).routes[0].faults == ()


@pytest.mark.parametrize(
    ("route", "path", "expected"),
    [
        (f"match: [{{uri: {{prefix: /v1/}}}}], rewrite: {{uri: /v2/}}, {SELF}", "/v1/a?q", "/v2/a?q"),
        (f"match: [{{uri: {{exact: /a}}}}], rewrite: {{uri: /b}}, {SELF}", "/a?q", "/b?q"),
        (f"match: [{{uri: {{regex: /a.*}}}}], rewrite: {{uri: /b}}, {SELF}", "/abc", "/b"),
        (f"rewrite: {{uri: /in/}}, {SELF}", "/a", "/in/a"),
        (f"match: [{{method: {{exact: GET}}}}], rewrite: {{uri: /in/}}, {SELF}", "/a", "/in/a"),
        (f"rewrite: {{uriRegexRewrite: {{match: '^/(.)/(.)', rewrite: '/\\2/\\1'}}}}, {SELF}", "/a/b/c", "/b/a/c"),
        (f"rewrite: {{authority: b.example}}, {SELF}", "/a", None),
    ],
)
def test_paths_are_rewritten(route, path, expected):
    assert rewritten(taken(port(SHOP, service(route), number=80), path=path), path) == expected


@pytest.mark.parametrize(
    "route",
    [
        f"rewrite: {{authority: b.example}}, {SELF}",
        f"headers: {{request: {{set: {{Host: b.example}}}}}}, {SELF}",
        "route: [{destination: {host: api.shop.example}, headers: {request: {set: {':authority': b.example}}}}]",
    ],
)
def test_the_host_that_an_origin_is_told_may_be_another(route):
    assert first(route).rewrite == Rewrite(authority="b.example")


@pytest.mark.parametrize(
    ("redirect", "expected"),
    [
        ("{uri: /b, redirectCode: 307}", (307, "http://api.shop.example:8080/b?q")),
        ("{scheme: https, derivePort: FROM_PROTOCOL_DEFAULT}", (301, "https://api.shop.example/a?q")),
        ("{authority: b.example}", (301, "http://b.example/a?q")),
        ("{authority: b.example, derivePort: FROM_REQUEST_PORT}", (301, "http://b.example:8080/a?q")),
        ("{prefixRewrite: /b/}", (301, "http://api.shop.example:8080/b/a?q")),
        ("{uri: /b, redirectCode: 304}", (301, "http://api.shop.example:8080/b?q")),
    ],
)
def test_redirects(redirect, expected):
    text = entry("ports: [{number: 8080, name: http, protocol: HTTP}]")
    made = port(text, service(f"redirect: {redirect}"), number=8080)
    attempt = http("api.shop.example", 8080, path="/a?q", encrypted=False)
    chosen = Router(made, Defaults()).choose(attempt)
    where = location(chosen, chosen.route.redirect, attempt, "api.shop.example:8080")
    assert (chosen.route.redirect.status, where) == expected


def test_answers():
    assert first("directResponse: {status: 503, body: {bytes: b2ZmCg==}}").direct == DirectResponse(503, b"off\n")
    assert refused(SHOP, service("directResponse: {status: 200, body: {bytes: '?'}}")) == [
        "spec.http[0].directResponse.body.bytes"
    ]


@pytest.mark.parametrize(
    ("route", "field"),
    [
        (f"rewrite: {{uriRegexRewrite: {{match: a, rewrite: '\\1'}}}}, {SELF}", "rewrite.uriRegexRewrite.rewrite"),
        (f"headers: {{request: {{set: {{x: '%START_TIME%'}}}}}}, {SELF}", "headers.request.set.x"),
        (f"headers: {{request: {{set: {{host: '%REQ(y)%'}}}}}}, {SELF}", "headers.request.set.host"),
        (("route: [{destination: {host: api.shop.example}, weight: 1, headers: {request: {set: {host: b}}}}, "
         "{destination: {host: api.shop.example}, weight: 1}]"), "route[0].headers"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_on_its_field(route, field):
    assert refused(SHOP, service(route)) == [f"spec.http[0].{field}"]


SUBSETS = document(
    "DestinationRule",
    "{host: api.shop.example, subsets: [{name: a, labels: {v: a}}, {name: none, labels: {v: z}}, {name: all}]}",
)


def test_a_subset_is_a_part_of_the_endpoints():
    route = "route: [{destination: {host: api.shop.example, subset: %s}}]"
    (backend,) = first(route % "a", SUBSETS).backends
    assert (backend.key, [each.address for each in backend.upstream.endpoints]) == ("istio/prod/shop|a", ["192.0.2.7"])
    (backend,) = first(route % "all", SUBSETS).backends
    assert len(backend.upstream.endpoints) == 2


def test_a_subset_without_endpoints_is_not_found_and_never_resolved():
    text = service("route: [{destination: {host: api.shop.example, subset: none}}]")
    assert taken(port(SHOP, text, SUBSETS, number=80)) is None
    assert "no endpoint of api.shop.example is of it" in warned(SHOP, text, SUBSETS)
    by_name = entry(HTTP)
    assert taken(port(by_name, text, SUBSETS, number=80)) is None


def test_what_no_route_takes_is_not_found():
    made = port(SHOP, service(f"match: [{{uri: {{prefix: /a}}}}], {SELF}"), number=80)
    assert made.unmatched is Unmatched.NOT_FOUND
    assert taken(made, path="/b") is None


def test_on_a_port_of_any_protocol_only_http_is_not_found():
    text = entry("addresses: [192.0.2.1]\nports: [{number: 80, name: a}]")
    made = port(text, service("match: [{uri: {prefix: /a}}], redirect: {uri: /b}"), number=80)
    assert taken(made, path="/b") is None
    assert taken(made, path="/a").route.redirect is not None


BOTH = "gateways: [mesh, out], "


def hops(here: str, there: str, *texts: str) -> Port:
    """A port whose requests go through the egress gateway."""
    made = service(
        f"{here}, match: [{{gateways: [mesh], uri: {{prefix: /a}}}}], {TO_GATEWAY}",
        f"{there}, {SELF}",
        more=BOTH,
    )
    return port(SHOP, GATEWAY, made, *texts, number=80)


def test_the_policies_of_both_hops_act_once():
    made = hops(
        "timeout: 5s, retries: {attempts: 7}, headers: {request: {set: {x: one, y: one}}}, "
        "fault: {delay: {fixedDelay: 1s, percentage: {value: 100}}}",
        "timeout: 3s, match: [{gateways: [out], method: {exact: GET}}], headers: {request: {set: {x: two}}}, "
        "fault: {abort: {httpStatus: 503, percentage: {value: 1}}}, mirror: {host: api.shop.example}",
    )
    route = taken(made, path="/ab").route
    assert (route.timeout, route.retry.retries, len(route.faults), len(route.mirrors)) == (3.0, 7, 2, 1)
    assert dict(route.request_headers.set) == {"x": "two", "y": "one"}
    assert [source.field for source in (route.source, *route.extra)] == ["spec.http[1]", "spec.http[0]"]
    assert taken(made, path="/b") is None
    assert taken(made, path="/ab", method="PUT") is None


def test_what_the_gateway_does_not_take_is_not_found_whatever_comes_after():
    made = service(
        f"match: [{{gateways: [mesh], uri: {{prefix: /a}}}}], {TO_GATEWAY}",
        f"match: [{{gateways: [mesh]}}], {SELF}",
        f"match: [{{gateways: [out], uri: {{prefix: /ab}}}}], {SELF}",
        more=BOTH,
    )
    shop = port(SHOP, GATEWAY, made, number=80)
    assert taken(shop, path="/a") is None
    assert taken(shop, path="/ab") is not None
    assert taken(shop, path="/b") is not None


def test_a_condition_of_the_gateway_that_is_never_met_with_the_sidecars_is_left_out():
    made = hops("timeout: 1s", "match: [{gateways: [out], uri: {prefix: /b}}]")
    assert taken(made, path="/a") is None


@pytest.mark.parametrize(
    ("here", "there", "what"),
    [
        ("rewrite: {uri: /x}", "match: [{gateways: [out], uri: {prefix: /a}}]", "rewrite"),
        ("rewrite: {uri: /x}", "match: [{gateways: [out]}], rewrite: {uri: /y}", "rewrite"),
        ("timeout: 1s", "match: [{gateways: [out], uri: {regex: '/.*'}}]", "path"),
    ],
)
def test_what_two_hops_cannot_be_as_one_is_refused(here, there, what):
    made = service(
        f"{here}, match: [{{gateways: [mesh], uri: {{prefix: /a}}}}], {TO_GATEWAY}", f"{there}, {SELF}", more=BOTH
    )
    assert refused(SHOP, GATEWAY, made) == ["spec.http[1]"]
    assert f"{what} cannot be had" in warned(SHOP, GATEWAY, made, strict=False)
    assert taken(port(SHOP, GATEWAY, made, number=80, strict=False), path="/ab") is None


def test_a_gateway_that_takes_no_plain_requests_redirects_them():
    closed = GATEWAY.replace("hosts: [api", "tls: {httpsRedirect: true}, hosts: [api")
    made = service(f"match: [{{gateways: [mesh], uri: {{prefix: /a}}}}], {TO_GATEWAY}", f"{SELF}", more=BOTH)
    assert taken(port(SHOP, closed, made, number=80), path="/a").route.redirect == Redirect(scheme="https")


def test_traffic_is_not_shared_between_a_gateway_and_somewhere_else():
    gateway = TO_GATEWAY.removeprefix("route: [").removesuffix("}]")
    shares = f"route: [{gateway}, weight: 1}}, {{destination: {{host: api.shop.example}}, weight: 1}}]"
    made = service(shares, f"match: [{{gateways: [out]}}], {SELF}", more=BOTH)
    assert refused(SHOP, GATEWAY, made) == ["spec.http[0].route"]


LEAF = service(
    f"match: [{{uri: {{prefix: /a/b}}}}], timeout: 1s, {SELF}",
    f"match: [{{uri: {{prefix: /b}}}}], {SELF}",
    f"{SELF}",
    name="leaf",
    hosts="[]",
)


def test_a_route_may_be_another_documents_to_say():
    root = service("match: [{uri: {prefix: /a}}], delegate: {name: leaf}, timeout: 9s", f"timeout: 2s, {SELF}")
    made = port(SHOP, root, LEAF, number=80)
    assert [taken(made, path=path).route.timeout for path in ("/a/b/c", "/a/c", "/b")] == [1.0, 9.0, 2.0]
    assert "asks for more than" in warned(SHOP, root, LEAF)


def test_a_delegate_of_everything():
    made = port(SHOP, service("delegate: {name: leaf, namespace: prod}"), LEAF, number=80)
    assert [taken(made, path=path).route.timeout for path in ("/a/b", "/b")] == [1.0, None]
