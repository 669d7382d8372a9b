"""MeshHTTPRoute and MeshTCPRoute: which route takes a request, and where it leads."""

import textwrap

import pytest

from outgate.policy.decide import decide
from outgate.policy.route_model import HeaderChange, HeaderFormat, Operator, Redirect, Rewrite
from outgate.policy.routing import Router
from policy.building import http
from policy.frontends.kuma.kuma_building import HTTPBIN, faults, load, policy, port, warnings

OTHER = HTTPBIN.replace("name: httpbin", "name: other").replace("httpbin.example.com", "other.example.com")
REF = "targetRef: {kind: MeshExternalService, name: httpbin}"


def route(rules: str, name: str = "r") -> str:
    return policy(
        "MeshHTTPRoute", f"to:\n  - {REF}\n    rules:\n{textwrap.indent(textwrap.dedent(rules), '      ')}", name
    )


def rule(match: str, default: str = "{}") -> str:
    return f"- {{matches: [{match}], default: {default}}}\n"


def path(value: str, kind: str = "PathPrefix") -> str:
    return f"{{path: {{type: {kind}, value: {value}}}}}"


def set_header(value: str) -> str:
    change = f"{{set: [{{name: x-rule, value: {value}}}]}}"
    return f"{{filters: [{{type: RequestHeaderModifier, requestHeaderModifier: {change}}}]}}"


def taken(made, target: str, **more: object) -> str:
    """The header that the rule sets that takes a request; empty for what no rule takes."""
    attempt = http("httpbin.extsvc.mesh.local", 80, path=target, **more)
    decision = decide(made, attempt)
    assert decision.allowed
    found = Router(decision.port, made.defaults).choose(attempt, decision.destination)
    changes = found.route.request_headers.set
    return changes[0][1] if changes else ""


RULES = (
    rule(path("/a.*", "RegularExpression"), set_header("regex"))
    + rule(path("/a"), set_header("short"))
    + rule(path("/a/b"), set_header("long"))
    + rule(path("/a/b", "Exact"), set_header("exact"))
    + rule("{path: {type: PathPrefix, value: /a/b}, method: POST}", set_header("method"))
)


@pytest.mark.parametrize(
    ("target", "rule"),
    [
        ("/a/b", "exact"),
        ("/a/b/c", "long"),
        ("/a/x", "short"),
        ("/ab", "regex"),
        ("/z", ""),
    ],
)
def test_the_more_specific_path_is_asked_first(target, rule):
    assert taken(load(HTTPBIN, route(RULES)), target) == rule


def test_of_equal_paths_the_one_with_a_method_is_asked_first():
    assert taken(load(HTTPBIN, route(RULES)), "/a/b/c", method="POST") == "method"


def test_what_no_rule_takes_goes_where_it_was_going():
    last = port(HTTPBIN, route(RULES)).routes[-1]
    assert (last.matches, last.rewrite) == ((), Rewrite(authority="httpbin.example.com"))


def test_rules_of_equal_matches_are_one_in_which_the_first_name_wins():
    both = load(HTTPBIN, route(rule(path("/a"), set_header("b")), "b"), route(rule(path("/a"), set_header("a")), "a"))
    assert taken(both, "/a") == "a"
    assert len(both.destinations[0].ports[0].routes) == 2


def test_backends_of_other_services_are_told_their_own_names():
    refs = "[{kind: MeshExternalService, name: httpbin, weight: 9}, {kind: MeshExternalService, name: other}]"
    made = load(HTTPBIN, OTHER, route(rule(path("/"), f"{{backendRefs: {refs}}}")))
    first = made.destinations[0].ports[0].routes[0]
    assert [(each.key, each.host, each.weight) for each in first.backends] == [
        ("kuma/default/httpbin", "httpbin.example.com", 9),
        ("kuma/default/other", "other.example.com", 1),
    ]
    assert first.rewrite == Rewrite(to_backend=True)


def test_a_backend_within_the_mesh_is_refused():
    text = route(rule(path("/"), "{backendRefs: [{kind: MeshService, name: web}]}"))
    assert any("MeshService web is nothing outside that is known" in each for each in faults(HTTPBIN, text))
    lenient = load(HTTPBIN, text, strict=False).destinations[0].ports[0].routes[0]
    assert lenient.direct.status == 503


def test_filters():
    prefix = "{type: ReplacePrefixMatch, replacePrefixMatch: /n}"
    mirror = "{percentage: 10, backendRef: {kind: MeshExternalService, name: other}}"
    filters = (
        f"{{filters: [{{type: URLRewrite, urlRewrite: {{hostname: h.example, path: {prefix}}}}},"
        " {type: ResponseHeaderModifier, responseHeaderModifier: {add: [{name: a, value: b}], remove: [c]}},"
        f" {{type: RequestMirror, requestMirror: {mirror}}}]}}"
    )
    made = load(HTTPBIN, OTHER, route(rule(path("/a"), filters))).destinations[0].ports[0].routes[0]
    assert made.rewrite == Rewrite(prefix="/n", authority="h.example")
    assert made.response_headers == HeaderChange(add=(("a", "b"),), remove=("c",))
    assert [(each.backend.key, each.percent) for each in made.mirrors] == [("kuma/default/other", 10.0)]


def test_a_header_may_be_made_of_the_request():
    made = port(HTTPBIN, route(rule(path("/a"), set_header("'%REQ(y)% 1%%'")))).routes[0].request_headers
    assert made.set == (("x-rule", HeaderFormat((Operator("REQ", "y"), " 1", "%"))),)


@pytest.mark.parametrize("change", ["{name: a, value: '%START_TIME%'}", "{name: host, value: '%REQ(y)%'}"])
def test_a_value_that_is_not_known_is_refused(change):
    default = f"{{filters: [{{type: RequestHeaderModifier, requestHeaderModifier: {{set: [{change}]}}}}]}}"
    assert any("set[0].value" in each for each in faults(HTTPBIN, route(rule(path("/a"), default))))


def test_a_redirect():
    filters = "{filters: [{type: RequestRedirect, requestRedirect: {scheme: https, hostname: n.example}}]}"
    made = port(HTTPBIN, route(rule(path("/a"), filters))).routes[0]
    assert made.redirect == Redirect(302, "https", "n.example", port_of_scheme=True)


def test_policies_about_a_route_hold_for_what_it_takes():
    timeout = "to: [{targetRef: {kind: MeshHTTPRoute, name: r}, default: {http: {requestTimeout: 2s}}}]"
    ruled, rest = port(HTTPBIN, route(rule(path("/a"))), policy("MeshTimeout", timeout)).routes
    assert (ruled.timeout, rest.timeout) == (2.0, 15.0)


def test_raw_connections_go_to_the_backends_of_the_one_rule():
    texts = [text.replace("protocol: http", "protocol: tcp") for text in (HTTPBIN, OTHER.replace("80", "81"))]
    rules = f"to: [{{{REF}, rules: [{{default: {{backendRefs: [{{kind: MeshExternalService, name: other}}]}}}}]}}]"
    (first,) = load(*texts, policy("MeshTCPRoute", rules)).destinations[0].ports[0].routes
    assert [each.key for each in first.backends] == ["kuma/default/other"]


@pytest.mark.parametrize(
    ("match", "what"),
    [
        (path("a"), "must be an absolute path"),
        (path("/a/"), "does not need a trailing slash"),
        (path("(", "RegularExpression"), "is no RE2 expression"),
        ("{headers: [{type: Present, name: a, value: b}]}", "must not be defined"),
        ("{method: FETCH}", '"FETCH" is not known'),
    ],
)
def test_a_match_that_cannot_be(match, what):
    assert any(what in each for each in faults(HTTPBIN, route(rule(match))))


def test_routes_are_the_sidecars():
    assert "it belongs on the sidecar" in warnings(HTTPBIN, route(RULES), kuma_role="egress")
