"""What Egress documents of OSM come to, by what may leave under them."""

import textwrap
from functools import partial

import pytest

from outgate.policy import compile as compilation
from outgate.policy import documents
from outgate.policy.decide import decide
from outgate.policy.frontends import Setting
from outgate.policy.model import Code, Fate, Gate, Identity, Mode, Protocol
from outgate.policy.route_model import Bucket, NamedMatch, TextKind, TextMatch, Unmatched
from outgate.problems import PolicyError
from policy.building import http, tcp, tls

CURL = Identity(namespace="curl", service_account="curl", how="test")
OTHER = Identity(namespace="curl", service_account="other", how="test")
CLOSED = """
apiVersion: config.openservicemesh.io/v1alpha2
kind: MeshConfig
metadata: {name: osm-mesh-config, namespace: osm-system}
spec: {traffic: {enableEgress: false}}
"""


def egress(name: str = "e", source: str = "curl", namespace: str = "curl", **spec: str) -> str:
    given = {"ports": "[{number: 80, protocol: http}]", "hosts": "[api.example.com]"} | spec
    lines = "".join(f"  {field}: {value}\n" for field, value in given.items() if value)
    return (
        "apiVersion: policy.openservicemesh.io/v1alpha1\nkind: Egress\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\n"
        f"spec:\n  sources: [{{kind: ServiceAccount, name: {source}, namespace: curl}}]\n{lines}"
    )


GROUP = """
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: {name: reads, namespace: curl}
spec:
  matches:
    - {name: get, pathRegex: /get, methods: [GET, HEAD]}
    - {name: any, pathRegex: "/any/.*", headers: {X-Team: "a.*"}}
"""
BY_GROUP = "[{apiGroup: specs.smi-spec.io/v1alpha4, kind: HTTPRouteGroup, name: reads}]"


def load(*texts: str, **setting: object):
    given = documents.parse("\n---\n".join(map(textwrap.dedent, (CLOSED, *texts))), "policy.yaml")
    return compilation.compile(given, Setting(gate=Gate(), **setting))


def faults(*texts: str) -> list[str]:
    with pytest.raises(PolicyError) as raised:
        load(*texts)
    return [str(problem) for problem in raised.value.problems]


def warnings(*texts: str) -> str:
    return "\n".join(problem.what for problem in load(*texts).problems)


def allowed(policy, attempt) -> bool:
    return decide(policy, attempt).allowed


def test_only_who_is_named_reaches_only_what_is_named():
    policy = load(egress())
    assert allowed(policy, http("api.example.com", 80, caller=CURL))
    assert not allowed(policy, http("api.example.com", 80, caller=OTHER))
    assert not allowed(policy, http("api.example.com", 80, caller=Identity()))
    assert not allowed(policy, http("other.example.com", 80, caller=CURL))
    assert not allowed(policy, http("api.example.com", 81, caller=CURL))


def test_each_caller_has_its_own_hosts_and_ports():
    policy = load(
        egress("one", hosts="[api.example.com, more.example.com]"),
        egress("two", source="other", hosts="[api.example.com]", ports="[{number: 81, protocol: HTTP}]"),
    )
    assert allowed(policy, http("api.example.com", 81, caller=OTHER))
    assert not allowed(policy, http("api.example.com", 80, caller=OTHER))
    assert not allowed(policy, http("more.example.com", 80, caller=OTHER))
    assert not allowed(policy, http("api.example.com", 81, caller=CURL))
    assert allowed(policy, http("more.example.com", 80, caller=CURL))


def test_https_is_told_by_its_server_name_and_passes_as_it_is():
    policy = load(egress(ports="[{number: 443, protocol: https}]"))
    assert allowed(policy, tls("api.example.com", caller=CURL))
    assert not allowed(policy, tls("api.example.com", caller=OTHER))
    assert not allowed(policy, tls("other.example.com", caller=CURL))
    assert policy.destinations[0].ports[0].protocol is Protocol.TLS


def test_tcp_goes_by_address_and_hosts_mean_nothing():
    policy = load(egress(ports="[{number: 5432, protocol: tcp}]", ipAddresses="[192.0.2.0/24]"))
    assert allowed(policy, tcp("192.0.2.7", 5432, caller=CURL))
    assert not allowed(policy, tcp("192.0.3.7", 5432, caller=CURL))
    assert not allowed(policy, tcp("192.0.2.7", 5432, caller=OTHER))


@pytest.mark.parametrize(
    ("address", "out"),
    [("8.8.8.8", True), ("2001:db8::1", True), ("10.0.0.1", False), ("127.0.0.1", False), ("169.254.169.254", False)],
)
def test_a_port_without_addresses_is_any_public_one(address, out):
    policy = load(egress(ports="[{number: 5432, protocol: tcp-server-first}]", hosts=""))
    assert allowed(policy, tcp(address, 5432, caller=CURL)) is out


def test_an_address_is_asked_for_beside_the_name():
    policy = load(egress(ipAddresses="[192.0.2.0/24]"))
    assert allowed(policy, http("api.example.com", 80, caller=CURL, address="192.0.2.7"))
    assert not allowed(policy, http("api.example.com", 80, caller=CURL, address="192.0.3.7"))
    assert not allowed(policy, http("other.example.com", 80, caller=CURL, address="192.0.2.7"))


def test_addresses_beside_an_egress_without_any_allow_nothing_and_that_is_said():
    texts = egress("one", ipAddresses="[192.0.2.0/24]"), egress("two", source="other")
    assert not allowed(load(*texts), http("api.example.com", 80, caller=CURL, address="192.0.2.7"))
    assert allowed(load(*texts), http("api.example.com", 80, caller=OTHER, address="192.0.2.7"))
    assert "give both of them addresses" in "\n".join(problem.hint for problem in load(*texts).problems)


def test_route_groups_become_routes_and_the_rest_is_not_found():
    (port,) = load(egress(matches=BY_GROUP), GROUP).destinations[0].ports
    assert port.unmatched is Unmatched.NOT_FOUND
    found = [(match.path, match.method, match.headers) for route in port.routes for match in route.matches]
    path, exact = TextMatch(TextKind.REGEX, "/get"), partial(TextMatch, TextKind.EXACT)
    assert found[:2] == [(path, exact("GET"), ()), (path, exact("HEAD"), ())]
    headers = (NamedMatch("x-team", TextMatch(TextKind.REGEX, "a.*")),)
    assert found[2:] == [(TextMatch(TextKind.REGEX, "/any/.*"), None, headers)]


def test_routes_are_each_callers_own():
    (port,) = load(egress("one", matches=BY_GROUP), egress("two", source="other"), GROUP).destinations[0].ports
    callers = [[condition.values for condition in route.matches[0].caller] for route in port.routes]
    assert callers[0] == [("curl/curl",)]
    assert callers[-1] == [("curl/other",)]


def test_a_group_that_is_missing_allows_no_request():
    text = egress(matches=BY_GROUP)
    (port,) = load(text).destinations[0].ports
    assert (port.routes, port.unmatched) == ((), Unmatched.NOT_FOUND)
    assert "HTTPRouteGroup reads is not there" in warnings(text)


SETTING = """
apiVersion: policy.openservicemesh.io/v1alpha1
kind: UpstreamTrafficSetting
metadata: {name: busy, namespace: curl}
spec:
  host: api.example.com
  connectionSettings:
    tcp: {maxConnections: 5, connectTimeout: 2s}
    http: {maxPendingRequests: 3, maxRequests: 7, maxRetries: 2, maxRequestsPerConnection: 9}
  rateLimit:
    local:
      tcp: {connections: 10, unit: second}
      http:
        {requests: 100, unit: minute, burst: 5, responseStatusCode: 503, responseHeadersToAdd: [{name: x-a, value: b}]}
  httpRoutes:
    - {path: /get, rateLimit: {local: {requests: 1, unit: hour}}}
"""
BY_SETTING = "{apiGroup: policy.openservicemesh.io/v1alpha1, kind: UpstreamTrafficSetting, name: busy}"


def test_settings_hold_for_the_egress_that_names_them():
    (port,) = load(egress(matches=f"[{BY_SETTING}]"), SETTING).destinations[0].ports
    limits = port.upstream.resilience.limits
    assert (limits.connections, limits.pending, limits.requests, limits.retries) == (5, 3, 7, 2)
    assert limits.requests_per_connection == 9
    assert port.upstream.connect_timeout == 2.0
    (route,) = port.routes
    (limit,) = route.limits
    assert (limit.bucket, limit.status, limit.connections) == (Bucket(5, 100, 60.0), 503, False)
    assert limit.response_headers.add == (("x-a", "b"),)


def test_a_route_of_its_own_limit_has_both():
    both = f"[{BY_SETTING}, {BY_GROUP[1:-1]}]"
    (port,) = load(egress(matches=both), SETTING, GROUP).destinations[0].ports
    buckets = [[limit.bucket for limit in route.limits] for route in port.routes]
    assert buckets[0] == [Bucket(5, 100, 60.0), Bucket(1, 1, 3600.0)]
    assert buckets[-1] == [Bucket(5, 100, 60.0)]


def test_connections_are_limited_where_bytes_pass():
    text = egress(matches=f"[{BY_SETTING}]", ports="[{number: 443, protocol: https}]")
    (port,) = load(text, SETTING).destinations[0].ports
    assert [limit.connections for limit in port.routes[0].limits] == [True]
    assert port.unmatched is None


def test_an_egress_whose_settings_are_missing_is_left_out_as_a_whole():
    text = egress(matches=f"[{BY_SETTING}]")
    assert load(text).destinations == ()
    assert "the whole Egress is ignored" in warnings(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (egress(ports="[{number: 0, protocol: http}]"), "spec.ports[0].number: 0 is out of range"),
        (egress(ports="[{number: 80, protocol: htp}]"), 'spec.ports[0].protocol: "htp" is not known'),
        (egress(ipAddresses="[nowhere]"), 'spec.ipAddresses[0]: "nowhere" is not a network'),
        (egress(matches="[{apiGroup: x, kind: HTTPRouteGroup, name: y}]"), "spec.matches[0].apiGroup"),
        (egress(matches=f"[{BY_SETTING}, {BY_SETTING}]"), "spec.matches[1]: a second UpstreamTrafficSetting"),
        (egress().replace("name: curl, names", "name: curl, nam"), "unknown field"),
        (GROUP.replace("/get", '"["'), "is not an RE2 expression"),
        (SETTING.replace("503", "200"), "spec.rateLimit.local.http.responseStatusCode: 200 is out of range"),
        (SETTING + "---" + SETTING.replace("name: busy", "name: other"), "has settings already"),
    ],
)
def test_what_is_wrong_is_said_where_it_is(text, said):
    assert any(said in fault and "policy.yaml:" in fault for fault in faults(text)), faults(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (egress(hosts=""), "without hosts"),
        (egress(hosts="['*.example.com']"), "there are no wildcards"),
        (egress().replace("kind: ServiceAccount", "kind: Service"), "is no kind of caller"),
        (SETTING, "is about no Egress here"),
        (SETTING.replace("unit: minute, ", ""), "limits nothing without requests and unit"),
    ],
)
def test_what_has_no_effect_is_said(text, said):
    found = load(text).problems
    assert any(said in f"{problem.what} {problem.hint}" for problem in found), found


OPEN = [
    CLOSED.replace("false", "true").replace("osm-mesh-config", "other"),
    "spec: {traffic: {enableEgress: true}}",
    '{"Spec": {"SidecarLogLevel": "error", "Traffic": {"EnableEgress": true}}}',
]


@pytest.mark.parametrize("text", OPEN)
def test_the_toggle_lets_everything_out_and_says_that_the_rest_is_inert(text):
    policy = load(egress(), text)
    assert policy.defaults.mode is Mode.ALLOW_ANY
    assert policy.destinations == ()
    assert decide(policy, http("anything.example", 80, caller=OTHER)).code is Code.ALLOW_ANY
    assert any("says nothing while enableEgress is true" in problem.what for problem in policy.problems)


def test_the_last_one_holds():
    policy = load(egress(), OPEN[1], "spec: {traffic: {enableEgress: false}}")
    assert policy.defaults.mode is Mode.REGISTRY_ONLY
    assert allowed(policy, http("api.example.com", 80, caller=CURL))


def test_another_mesh_is_not_narrowed_by_it():
    entry = """
    apiVersion: networking.istio.io/v1
    kind: ServiceEntry
    metadata: {name: s, namespace: default}
    spec: {hosts: [istio.example.com], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}]}
    """
    policy = load(egress(), entry)
    assert allowed(policy, http("istio.example.com", 80, caller=OTHER))
    assert not allowed(policy, http("api.example.com", 80, caller=OTHER))


MTLS = """
apiVersion: policy.openservicemesh.io/v1alpha1
kind: Egress
metadata: {name: partner, namespace: curl}
spec:
  sources:
    - kind: ServiceAccount
      name: curl
      namespace: curl
      mtls: MTLS
    - {kind: ServiceAccount, name: other, namespace: curl}
  hosts: [api.example.com]
  ports: [{number: 8443, protocol: http}]
"""
NESTED = "{issuer: other, cert: {sn: 1, expiration: 2030-1-1 00:00:00, secret: {name: mine, namespace: osm-system}}}"


@pytest.mark.parametrize("mtls", [NESTED, "{sn: 1, secret: {name: mine, namespace: osm-system}}"])
def test_a_caller_is_known_by_the_certificate_of_its_secret(mtls, tmp_path):
    folder = tmp_path / "osm-system" / "mine"
    folder.mkdir(parents=True)
    for name in ("tls.crt", "tls.key", "ca.crt"):
        (folder / name).touch()
    policy = load(MTLS.replace("MTLS", mtls), osm_secrets=str(tmp_path))
    mine, others = policy.destinations[0].ports[0].routes
    tls = mine.backends[0].upstream.tls
    assert (tls.client_certificate, tls.private_key, tls.ca) == tuple(
        str(folder / name) for name in ("tls.crt", "tls.key", "ca.crt")
    )
    assert others.backends == ()
    assert [route.matches[0].caller[0].values for route in (mine, others)] == [("curl/curl",), ("curl/other",)]
    assert decide(policy, http("api.example.com", 8443, caller=CURL)).allowed


@pytest.mark.parametrize(
    ("mtls", "said"),
    [
        (NESTED, "osm-system/mine/ca.crt: no such file"),
        (NESTED.replace("other", "osm"), "sources[0].mtls.issuer: the gate has no certificate of the mesh's own"),
        ("{issuer: other}", "spec.sources[0].mtls.secret: required value is missing"),
    ],
)
def test_a_certificate_that_cannot_be_presented_is_refused(mtls, said):
    assert any(said in fault for fault in faults(MTLS.replace("MTLS", mtls)))


GATEWAY = """
apiVersion: policy.flomesh.io/v1alpha1
kind: EgressGateway
metadata: {name: gateways, namespace: egress}
spec:
  global: [{service: first, namespace: egress, weight: 10}]
  rules:
    - egressPolicies: [{name: e, namespace: curl}]
      egressGateways: [{service: second, namespace: egress}]
"""


def test_the_gate_stands_for_its_gateways():
    found = load(egress(), GATEWAY)
    fates = {report.path: report.fate for report in found.fields if report.kind == "EgressGateway"}
    assert fates["spec.global"] is fates["spec.rules[0].egressGateways"] is Fate.APPROXIMATED
    assert found.problems == ()
    assert "there is no Egress curl/e" in warnings(GATEWAY)


FLIPPED = CLOSED.replace("false", "true").replace("osm-mesh-config", "open")
SETTINGS = "[{apiGroup: policy.openservicemesh.io/v1alpha1, kind: UpstreamTrafficSetting, name: gone}]"


@pytest.mark.parametrize(
    ("texts", "paths"),
    [
        (
            [egress(), FLIPPED],
            ["spec.hosts", "spec.sources[0].name"],
        ),
        ([egress(matches=SETTINGS)], ["spec.hosts", "spec.matches[0].name"]),
        ([egress(matches=BY_GROUP)], ["spec.matches[0].name"]),
        ([GROUP], ["spec.matches[0].pathRegex"]),
        ([egress(ports="[{number: 80, protocol: tcp}]", ipAddresses="[192.0.2.0/24]")], ["spec.hosts"]),
        ([egress().replace("ServiceAccount", "Pod")], ["spec.hosts", "spec.sources[0].kind"]),
    ],
    ids=["toggle", "settings", "missing-group", "lone-group", "bytes", "nobody"],
)
def test_what_has_no_effect_is_not_told_as_applied(texts, paths):
    told = {report.path: report for report in load(*texts).fields if report.kind in ("Egress", "HTTPRouteGroup")}
    assert {told[path].fate for path in paths} == {Fate.IGNORED}
    assert all(told[path].note for path in paths)


def limited(local: str, more: str = "") -> str:
    return textwrap.dedent(f"""
    apiVersion: policy.openservicemesh.io/v1alpha1
    kind: UpstreamTrafficSetting
    metadata: {{name: s, namespace: curl}}
    spec: {{host: api.example, rateLimit: {{local: {local}}}{more}}}
    """)


@pytest.mark.parametrize(
    ("local", "more", "path"),
    [
        ("{tcp: {connections: 1, unit: second}}", "", "spec.rateLimit.local.tcp.connections"),
        ("{http: {responseStatusCode: 503}}", "", "spec.rateLimit.local.http.responseStatusCode"),
        (
            "{http: {requests: 1, unit: second}}",
            ", httpRoutes: [{path: /none, rateLimit: {local: {requests: 1, unit: hour}}}]",
            "spec.httpRoutes[0].rateLimit.local.requests",
        ),
        ("{http: {requests: 1, unit: second}}", "", "spec.host"),
    ],
    ids=["of bytes", "of no number", "of no route", "a host"],
)
def test_a_limit_of_nothing_is_not_told_as_applied(local, more, path):
    named = "[{apiGroup: policy.openservicemesh.io/v1alpha1, kind: UpstreamTrafficSetting, name: s}]"
    found = load(egress(matches=named), limited(local, more))
    told = {report.path: report for report in found.fields if report.kind == "UpstreamTrafficSetting"}
    assert told[path].fate is Fate.IGNORED
    assert told[path].note
