"""What may leave under EgressNetworks and their routes."""

import textwrap

import pytest

from outgate.policy import compile as compilation
from outgate.policy import documents
from outgate.policy.decide import decide
from outgate.policy.frontends import Setting
from outgate.policy.model import Code, Fate, Identity
from outgate.policy.route_model import TextKind
from outgate.problems import PolicyError
from policy.building import DEFAULTS, http, tcp, tls

CLOSED = DEFAULTS + "{mode: REGISTRY_ONLY}"
APP = Identity(namespace="app", service_account="web", how="test")
OTHER = Identity(namespace="other", service_account="web", how="test")
OUT = "8.8.8.8"


def network(
    policy: str = "Deny", name: str = "out", namespace: str = "linkerd-egress", more: str = "", notes: str = ""
):
    return textwrap.dedent(f"""
    apiVersion: policy.linkerd.io/v1alpha1
    kind: EgressNetwork
    metadata: {{name: {name}, namespace: {namespace}, annotations: {{{notes}}}}}
    spec: {{trafficPolicy: {policy}{more}}}
    """)


def route(
    kind: str,
    rules: str = "[{}]",
    port: int = 443,
    name: str = "r",
    namespace: str = "linkerd-egress",
    hostnames: str = "",
    notes: str = "",
    parent: str = "out",
    of: str = "linkerd-egress",
):
    hosts = f"\n      hostnames: {hostnames}" if hostnames else ""
    return textwrap.dedent(f"""
    apiVersion: gateway.networking.k8s.io/v1
    kind: {kind}
    metadata: {{name: {name}, namespace: {namespace}, annotations: {{{notes}}}}}
    spec:
      parentRefs:
        - {{group: policy.linkerd.io, kind: EgressNetwork, name: {parent}, namespace: {of}, port: {port}}}{hosts}
      rules: {rules}
    """)


def load(*texts: str, strict: bool = True):
    given = documents.parse("\n---\n".join((CLOSED, *texts)), "policy.yaml")
    return compilation.compile(given, Setting(strict=strict))


def faults(*texts: str) -> list[str]:
    with pytest.raises(PolicyError) as raised:
        load(*texts)
    return [str(problem) for problem in raised.value.problems]


def code(policy, attempt) -> str:
    return str(decide(policy, attempt).code)


def web(host: str = "api.example.com", port: int = 80, address: str = OUT, caller: Identity = APP, **more):
    return http(host, port, caller=caller, address=address, encrypted=False, **more)


def test_allow_lets_everything_outside_pass_and_nothing_inside():
    policy = load(network("Allow"))
    for attempt in (web(), tls("a.example", 8443, caller=APP, address=OUT), tcp(OUT, 25, caller=APP)):
        assert decide(policy, attempt).allowed
    for address in ("10.0.0.1", "169.254.169.254", "127.0.0.1"):
        assert not decide(policy, tcp(address, 25, caller=APP)).allowed


def test_what_is_dialled_is_what_the_workload_dialled():
    decision = decide(load(network("Allow")), tcp(OUT, 2525, caller=APP))
    assert (decision.port.number, decision.port.upstream.port) == (2525, 2525)


def test_deny_refuses_everything_with_403():
    policy = load(network())
    for attempt in (web(), tls("a.example", caller=APP, address=OUT), tcp(OUT, 25, caller=APP)):
        decision = decide(policy, attempt)
        assert (decision.code, decision.status) == (Code.REFUSED_BY_RULE, 403)


def test_a_tls_route_opens_its_name_and_port_and_nothing_else():
    policy = load(network(), route("TLSRoute", hostnames="[httpbin.org, '*.good.example']"))
    assert decide(policy, tls("httpbin.org", caller=APP, address=OUT)).allowed
    assert decide(policy, tls("a.b.good.example", caller=APP, address=OUT)).allowed
    assert not decide(policy, tls("good.example", caller=APP, address=OUT)).allowed
    assert not decide(policy, tls("evil.example", caller=APP, address=OUT)).allowed
    assert not decide(policy, tls("httpbin.org", 8443, caller=APP, address=OUT)).allowed
    assert not decide(policy, web("httpbin.org", 443)).allowed, "plain HTTP on the same port"
    assert not decide(policy, tcp(OUT, 443, caller=APP)).allowed


def test_an_http_route_opens_what_it_matches():
    rules = "[{matches: [{path: {type: Exact, value: /get}, method: GET}, {path: {value: /api}}]}]"
    policy = load(network(), route("HTTPRoute", rules, 80, hostnames="[api.example.com]"))
    for path, method, allowed in (
        ("/get", "GET", True),
        ("/get?a=b", "GET", True),
        ("/get", "POST", False),
        ("/getx", "GET", False),
        ("/api", "PUT", True),
        ("/api/x", "PUT", True),
        ("/apix", "GET", False),
    ):
        assert decide(policy, web(path=path, method=method)).allowed is allowed, (path, method)
    assert not decide(policy, web("other.example.com", path="/api")).allowed
    assert not decide(policy, tls("api.example.com", 80, caller=APP, address=OUT)).allowed


def test_headers_and_queries_are_looked_at():
    match = "{headers: [{name: X-Team, value: a}], queryParams: [{type: RegularExpression, name: q, value: '[0-9]+'}]}"
    policy = load(network(), route("HTTPRoute", f"[{{matches: [{match}]}}]", 80))
    assert decide(policy, web(path="/?q=12", headers={"x-team": "a"})).allowed
    assert not decide(policy, web(path="/?q=x", headers={"x-team": "a"})).allowed
    assert not decide(policy, web(path="/?q=12", headers={})).allowed


@pytest.mark.parametrize(
    ("call", "path", "allowed"),
    [
        ("{service: pkg.Svc, method: Do}", "/pkg.Svc/Do", True),
        ("{service: pkg.Svc, method: Do}", "/pkg.Svc/Else", False),
        ("{service: pkg.Svc}", "/pkg.Svc/Else", True),
        ("{service: pkg.Svc}", "/pkg.SvcX/Else", False),
        ("{method: Do}", "/any.Svc/Do", True),
        ("{method: D.}", "/any.Svc/Do", False),
        ("{type: RegularExpression, service: 'pkg[.].*'}", "/pkg.Svc/Do", True),
        ("{type: RegularExpression, service: 'pkg[.].*', method: X}", "/pkg.Svc/Do", False),
    ],
)
def test_a_grpc_route_opens_services_and_methods(call, path, allowed):
    policy = load(network(), route("GRPCRoute", f"[{{matches: [{{method: {call}}}]}}]", 80))
    assert decide(policy, web(path=path, method="POST", grpc=True)).allowed is allowed


def test_a_tcp_route_opens_bytes():
    policy = load(network(), route("TCPRoute", port=5432))
    assert decide(policy, tcp(OUT, 5432, caller=APP)).allowed
    assert not decide(policy, tcp(OUT, 5433, caller=APP)).allowed
    assert not decide(policy, web(port=5432)).allowed


def test_under_allow_what_no_route_takes_passes_too():
    policy = load(network("Allow"), route("HTTPRoute", "[{matches: [{path: {value: /api}}]}]", 80))
    assert decide(policy, web(path="/else")).allowed


def test_a_namespace_with_a_network_of_its_own_sees_no_other():
    own = network("Allow", "own", "app", ", networks: [{cidr: 8.8.0.0/16}]")
    policy = load(network("Allow"), own)
    assert decide(policy, tcp(OUT, 25, caller=APP)).source.name == "own"
    assert not decide(policy, tcp("9.9.9.9", 25, caller=APP)).allowed, "not even where its own does not reach"
    assert decide(policy, tcp("9.9.9.9", 25, caller=OTHER)).allowed
    assert decide(policy, tcp(OUT, 25, caller=OTHER)).source.name == "out"


def test_the_smallest_block_decides_then_the_older():
    wide, narrow = network("Allow"), network("Deny", "narrow", more=", networks: [{cidr: 8.8.8.0/24}]")
    policy = load(wide, narrow)
    assert code(policy, tcp(OUT, 25, caller=APP)) == "refused_by_rule"
    assert decide(policy, tcp("8.8.9.9", 25, caller=APP)).allowed


def test_exceptions_are_not_part_of_a_network():
    policy = load(network("Allow", more=", networks: [{cidr: 10.1.1.0/24, except: [10.1.1.0/28]}]"))
    assert decide(policy, tcp("10.1.1.77", 25, caller=APP)).allowed
    assert not decide(policy, tcp("10.1.1.7", 25, caller=APP)).allowed


def test_the_more_specific_route_comes_first():
    def rule(name, match, host=""):
        return route("HTTPRoute", f"[{{matches: [{match}]}}]", 80, name, hostnames=host)

    policy = load(
        network(),
        rule("any", "{}"),
        rule("regex", "{path: {type: RegularExpression, value: '/a.*'}}"),
        rule("short", "{path: {value: /a}}"),
        rule("long", "{path: {value: /a/b}}"),
        rule("method", "{path: {value: /a/b}, method: GET}"),
        rule("exact", "{path: {type: Exact, value: /a}}"),
        rule("wild", "{path: {value: /a}}", "['*.example.com']"),
        rule("named", "{}", "[api.example.com]"),
    )
    (destination,) = policy.destinations
    names = [one.name for one in destination.ports[0].routes]
    assert names == ["named", "wild", "exact", "method", "long", "short", "regex", "any"]


def test_a_consumers_routes_come_before_those_of_everybodys_network():
    policy = load(
        network(),
        route("HTTPRoute", "[{matches: [{path: {type: Exact, value: /a}}]}]", 80, "all"),
        route("HTTPRoute", "[{}]", 80, "mine", namespace="app"),
    )
    assert [one.name for one in policy.destinations[0].ports[0].routes] == ["mine", "all"]


def test_a_consumers_routes_are_for_its_own_namespace_alone():
    policy = load(network(), route("TCPRoute", port=5432, namespace="app"))
    assert decide(policy, tcp(OUT, 5432, caller=APP)).allowed
    assert not decide(policy, tcp(OUT, 5432, caller=OTHER)).allowed
    assert not decide(policy, tcp(OUT, 5432, caller=Identity())).allowed


def test_filters_and_time_limits_become_the_routes():
    rules = """[{timeouts: {request: 5s, backendRequest: 3s}, filters: [
        {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: a, value: b}], remove: [c]}},
        {type: ResponseHeaderModifier, responseHeaderModifier: {add: [{name: d, value: e}]}}]}]"""
    (made,) = load(network(), route("HTTPRoute", rules, 80)).destinations[0].ports[0].routes
    assert made.timeout == 3.0
    assert (made.request_headers.set, made.request_headers.remove) == ((("a", "b"),), ("c",))
    assert made.response_headers.add == (("d", "e"),)


def test_a_redirect_is_an_answer():
    rules = "[{filters: [{type: RequestRedirect, requestRedirect: {scheme: https, hostname: b.example}}]}]"
    (made,) = load(network(), route("HTTPRoute", rules, 80)).destinations[0].ports[0].routes
    assert (made.redirect.status, made.redirect.scheme, made.redirect.authority) == (302, "https", "b.example")


def test_annotations_of_a_route_stand_in_for_those_of_its_network():
    policy = load(
        network(
            notes='timeout.linkerd.io/response: "9s", retry.linkerd.io/http: "5xx,404-405", retry.linkerd.io/limit: "3"'
        ),
        route("HTTPRoute", port=80, notes='timeout.linkerd.io/response: "4s", retry.linkerd.io/timeout: "1s"'),
    )
    (made,) = policy.destinations[0].ports[0].routes
    assert made.timeout == 4.0
    assert (made.retry.retries, made.retry.per_try_timeout) == (3, 1.0)
    assert made.retry.on == {"5xx", "retriable-status-codes"}
    assert made.retry.statuses == (404, 405)


def test_failure_accrual_takes_an_address_out():
    notes = "balancer.linkerd.io/failure-accrual: consecutive"
    outliers = load(network("Allow", notes=notes)).destinations[0].ports[0].upstream.resilience.outliers
    assert (outliers.consecutive_5xx, outliers.base_ejection, outliers.maximum_ejection) == (7, 1.0, 60.0)


def test_a_backend_that_is_not_there_is_answered_with_500():
    rules = "[{backendRefs: [{kind: Service, name: proxy, port: 80}]}]"
    text = route("HTTPRoute", rules, 80)
    assert any("which is not yet applied" in fault for fault in faults(network(), text))
    (made,) = load(network(), text, strict=False).destinations[0].ports[0].routes
    assert made.direct.status == 500


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([network(more=", networks: []")], "at least one network must be specified"),
        ([network(more=", networks: [{cidr: nowhere}]")], "spec.networks[0].cidr"),
        ([network(more=", networks: [{cidr: 10.1.0.0/24, except: [10.2.0.0/28]}]")], "is not inside 10.1.0.0/24"),
        ([network(more=", networks: [{cidr: 10.1.0.0/24, except: [10.1.0.0/24]}]")], "leaves nothing of 10.1.0.0/24"),
        ([network("Maybe")], 'spec.trafficPolicy: "Maybe" is not known'),
        ([network(), route("HTTPRoute").replace(", port: 443", "")], "spec.parentRefs[0].port"),
        ([network(), route("TLSRoute", "[{}, {}]")], "spec.rules: 2 rules, exactly one is needed"),
        ([network(), route("HTTPRoute", "[{matches: [{path: {value: x}}]}]")], 'does not start with "/"'),
        ([network(), route("HTTPRoute", "[{matches: [{path: {type: RegularExpression, value: '['}}]}]")], "no RE2"),
        ([network(), route("HTTPRoute", notes="timeout.linkerd.io/request: soon")], "timeout.linkerd.io/request"),
        ([network(), route("HTTPRoute", notes="retry.linkerd.io/http: sometimes")], "retry.linkerd.io/http"),
    ],
)
def test_what_is_wrong_is_said_where_it_is(texts, said):
    assert any(said in fault and "policy.yaml:" in fault for fault in faults(*texts)), faults(*texts)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([route("HTTPRoute")], "EgressNetwork linkerd-egress/out, which is not there"),
        ([network(namespace="app"), route("HTTPRoute", of="app", namespace="other")], "so it does not count"),
        ([network(notes="timeout.linkerd.io/requests: 5s")], "has no effect here"),
    ],
)
def test_what_has_no_effect_is_said(texts, said):
    assert any(said in problem.what for problem in load(*texts).problems)


def test_a_path_prefix_is_of_whole_segments():
    (made,) = load(network(), route("HTTPRoute", "[{matches: [{path: {value: /a}}]}]")).destinations[0].ports[0].routes
    assert made.matches[0].path.kind is TextKind.SEGMENTS


def chosen(policy, attempt):
    decision = decide(policy, attempt)
    return policy.route(decision.port, attempt, decision.destination).route


def test_annotations_of_a_network_hold_for_what_no_route_takes():
    notes = "timeout.linkerd.io/request: 3s, retry.linkerd.io/http: 5xx"
    policy = load(network("Allow", notes=notes), route("HTTPRoute", "[{matches: [{path: {value: /a}}]}]", 80))
    for attempt in (web(path="/b"), web(port=8080)):
        found = chosen(policy, attempt)
        assert (found.timeout, found.retry.retries) == (3.0, 1)
    assert decide(policy, tcp(OUT, 25, caller=APP)).allowed
    closed = load(network("Deny", notes=notes), route("HTTPRoute", "[{matches: [{path: {value: /a}}]}]", 80))
    assert not decide(closed, web(path="/b")).allowed


@pytest.mark.parametrize(("name", "status"), [("out", None), ("gone", 500)])
def test_a_backend_is_a_network_that_is_there(name, status):
    backend = f"{{group: policy.linkerd.io, kind: EgressNetwork, name: {name}}}"
    policy = load(network(), route("HTTPRoute", f"[{{backendRefs: [{backend}]}}]", 80))
    direct = chosen(policy, web()).direct
    assert (direct and direct.status) == status
    assert any("which is not there" in str(problem) for problem in policy.problems) == (status is not None)


NOTES = (
    "balancer.linkerd.io/failure-accrual: consecutive, timeout.linkerd.io/request: 3s, example.com/owner: me,"
    "balancer.linkerd.io/failure-accrual-consecutive-max-failures: '3',"
    "balancer.linkerd.io/failure-accrual-consecutive-jitter-ratio: '0.2'"
)


@pytest.mark.parametrize(
    ("name", "fate"),
    [
        ("balancer.linkerd.io/failure-accrual", Fate.APPLIED),
        ("balancer.linkerd.io/failure-accrual-consecutive-max-failures", Fate.APPLIED),
        ("balancer.linkerd.io/failure-accrual-consecutive-jitter-ratio", Fate.IGNORED),
        ("timeout.linkerd.io/request", Fate.APPLIED),
        ("example.com/owner", Fate.IGNORED),
    ],
)
def test_each_annotation_is_accounted_for(name, fate):
    (report,) = [each for each in load(network("Allow", notes=NOTES)).fields if each.path.endswith(f".{name}")]
    assert report.fate is fate


def test_unified_accrual_counts_failures_in_a_row_and_says_what_it_does_not_count():
    """Linkerd's own goes by rates of success and by answers about too many requests, too."""
    policy = load(network("Allow", notes="balancer.linkerd.io/failure-accrual: unified"))
    assert policy.destinations[0].ports[0].upstream.resilience.outliers.consecutive_5xx == 7
    (report,) = [each for each in policy.fields if each.path.endswith("/failure-accrual")]
    assert (report.fate, "rates of success" in report.note) == (Fate.APPROXIMATED, True)
    assert any("unified is read as consecutive" in str(problem) for problem in policy.problems)


def test_a_route_without_its_network_is_not_told_as_applied():
    policy = load(network(), route("TLSRoute", parent="gone"))
    assert {each.fate for each in policy.fields if each.kind == "TLSRoute"} == {Fate.IGNORED}
