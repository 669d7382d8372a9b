"""Random documents of each mesh, over the vocabulary of `policy.strategies`, so that they meet its attempts.

`documents(mesh)` draws the YAML of a few of them. They are mostly valid: what a load refuses says nothing here.
"""

from __future__ import annotations

from collections.abc import Callable

import yaml
from hypothesis import strategies as st

from policy.strategies import ACCOUNTS, METHODS, NAMESPACES, PORTS

type Tree = dict[str, object]

HOSTS = ("a.example", "b.x.example", "api.test", "x1.y.x.example", "example")
WILD = ("*.x.example", "*.test")
NETWORKS = ("192.0.2.0/24", "93.184.216.34/32", "10.1.0.0/16")
PATHS = ("/", "/a", "/a/b")
SPACES = st.sampled_from(NAMESPACES)
TIMES = st.sampled_from(("1s", "250ms", "3s"))
PERCENT = st.sampled_from((0, 5, 100))


def some(values: tuple[object, ...], least: int = 1, most: int = 2) -> st.SearchStrategy[list[object]]:
    return st.lists(st.sampled_from(values), min_size=least, max_size=most, unique=True)


def maybe(**fields: st.SearchStrategy[object]) -> st.SearchStrategy[Tree]:
    """Each of the fields, or not."""
    return st.fixed_dictionaries({}, optional=fields)


def document(version: str, kind: str, name: str, namespace: str, spec: Tree) -> Tree:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}


# Istio


@st.composite
def service_entry(draw: st.DrawFn, number: int) -> Tree:
    resolution = draw(st.sampled_from(("DNS", "NONE", "STATIC", "DNS_ROUND_ROBIN")))
    protocols = st.sampled_from(("HTTP", "HTTPS", "TLS", "TCP", "GRPC", "HTTP2"))
    ports = [
        {"number": port, "name": f"p{port}", "protocol": draw(protocols)} | draw(maybe(targetPort=st.just(8443)))
        for port in draw(some(PORTS))
    ]
    spec: Tree = {"hosts": draw(some(HOSTS)), "ports": ports, "resolution": resolution}
    if resolution == "NONE":
        spec["hosts"] = draw(some((*HOSTS, *WILD)))
        spec["addresses"] = draw(some(NETWORKS, most=1))
    if resolution == "STATIC":
        spec["endpoints"] = [{"address": "192.0.2.9", "labels": {"v": "1"}}, {"address": "192.0.2.8", "weight": 3}]
    spec |= draw(maybe(exportTo=some((".", "*", *NAMESPACES), most=1), location=st.sampled_from(["MESH_EXTERNAL"])))
    return document("networking.istio.io/v1", "ServiceEntry", f"se{number}", draw(SPACES), spec)


@st.composite
def destination_rule(draw: st.DrawFn, number: int) -> Tree:
    traffic = draw(
        maybe(
            tls=st.sampled_from(({"mode": "SIMPLE", "sni": "s.example"}, {"mode": "SIMPLE"}, {"mode": "DISABLE"})),
            connectionPool=st.sampled_from(
                ({"tcp": {"maxConnections": 3, "connectTimeout": "2s"}}, {"http": {"http1MaxPendingRequests": 1}})
            ),
            outlierDetection=st.sampled_from(
                ({"consecutive5xxErrors": 2, "baseEjectionTime": "5s"}, {"splitExternalLocalOriginErrors": True})
            ),
            loadBalancer=st.sampled_from(({"simple": "ROUND_ROBIN"}, {"consistentHash": {"httpHeaderName": "X-Key"}})),
        )
    )
    spec: Tree = {"host": draw(st.sampled_from(HOSTS)), "trafficPolicy": traffic}
    if draw(st.booleans()):
        spec["subsets"] = [{"name": "one", "labels": {"v": "1"}}]
    return document("networking.istio.io/v1", "DestinationRule", f"dr{number}", draw(SPACES), spec)


@st.composite
def virtual_service(draw: st.DrawFn, number: int) -> Tree:
    host = draw(st.sampled_from(HOSTS))
    match = maybe(
        uri=st.sampled_from(({"prefix": "/a"}, {"exact": "/"}, {"regex": ".*"})),
        method=st.sampled_from(({"exact": "GET"}, {"regex": "P.*"})),
        headers=st.just({"x-key": {"exact": "1"}}),
        sourceNamespace=SPACES,
        port=st.sampled_from(PORTS),
        withoutHeaders=st.just({"x-key": {"exact": "2"}}),
        ignoreUriCase=st.booleans(),
    )
    target = {"destination": {"host": draw(st.sampled_from((host, *HOSTS)))}}
    acts = maybe(
        timeout=TIMES,
        retries=st.just({"attempts": 2, "retryOn": "5xx,connect-failure", "perTryTimeout": "1s"}),
        fault=st.just({"abort": {"httpStatus": 503, "percentage": {"value": 5}}}),
        rewrite=st.sampled_from(({"uri": "/z"}, {"authority": "z.example"})),
        headers=st.just({"request": {"set": {"X-A": "1"}, "remove": ["x-b"]}}),
        mirror=st.just({"host": host}),
    )
    ends = st.sampled_from(
        (
            {"route": [target]},
            {"route": [target]},
            {"redirect": {"uri": "/r", "authority": "r.example"}},
            {"directResponse": {"status": 418}},
        )
    )
    rules = []
    for _ in range(draw(st.integers(1, 2))):
        end = draw(ends)
        rules.append(
            draw(maybe(match=st.lists(match, min_size=1, max_size=2))) | (draw(acts) if "route" in end else {}) | end
        )
    return document(
        "networking.istio.io/v1", "VirtualService", f"vs{number}", draw(SPACES), {"hosts": [host], "http": rules}
    )


@st.composite
def authorization(draw: st.DrawFn, number: int) -> Tree:
    who = maybe(
        namespaces=some(NAMESPACES),
        notNamespaces=some(NAMESPACES, most=1),
        principals=some(("cluster.local/ns/prod/sa/*", "*/sa/job", "*"), most=1),
        serviceAccounts=some(("prod/web", "dev/job"), most=1),
        ipBlocks=some(("10.9.0.0/16", "127.9.0.1"), most=1),
        notIpBlocks=some(("10.9.9.9",), most=1),
    )
    what = maybe(
        hosts=some((*HOSTS, "*.x.example", "a.example:443"), most=2),
        notHosts=some(HOSTS, most=1),
        ports=some(tuple(map(str, PORTS)), most=1),
        methods=some(METHODS),
        paths=some(("/a", "/a*", "*b", "/{*}"), most=1),
        notPaths=some(("/a*",), most=1),
    )
    when = st.fixed_dictionaries(
        {"key": st.sampled_from(("destination.port", "source.namespace", "request.headers[X-Key]", "destination.ip"))}
    )
    values = {
        "destination.port": ["443"],
        "source.namespace": ["prod"],
        "request.headers[X-Key]": ["1"],
        "destination.ip": ["192.0.2.0/24"],
    }
    rules = []
    for _ in range(draw(st.integers(0, 2))):
        rule: Tree = {}
        if sources := draw(st.lists(who, max_size=2)):
            rule["from"] = [{"source": each} for each in sources if each]
        if operations := draw(st.lists(what, max_size=2)):
            rule["to"] = [{"operation": each} for each in operations if each]
        if conditions := draw(st.lists(when, max_size=2)):
            field = st.sampled_from(("values", "notValues"))
            rule["when"] = [each | {draw(field): values[each["key"]]} for each in conditions]
        rules.append({name: value for name, value in rule.items() if value})
    spec: Tree = {"action": draw(st.sampled_from(("ALLOW", "DENY", "AUDIT", "ALLOW"))), "rules": rules}
    made = document("security.istio.io/v1", "AuthorizationPolicy", f"ap{number}", "istio-system", spec)
    if draw(st.sampled_from((False, False, True))):
        made["metadata"]["annotations"] = {"istio.io/dry-run": "true"}  # type: ignore[index]
    return made


@st.composite
def sidecar(draw: st.DrawFn, number: int) -> Tree:
    hosts = some(("*/*", "./*", "~/*", "prod/*", "*/a.example", "dev/*.x.example"), most=2)
    spec = draw(
        maybe(
            outboundTrafficPolicy=st.sampled_from(({"mode": "REGISTRY_ONLY"}, {"mode": "ALLOW_ANY"})),
            workloadSelector=st.just({"labels": {"app": "web"}}),
        )
    )
    spec |= {"egress": [{"hosts": draw(hosts)}]}
    namespace = draw(st.sampled_from((*NAMESPACES, "istio-system")))
    if namespace == "istio-system":
        spec.pop("workloadSelector", None)
    return document("networking.istio.io/v1", "Sidecar", f"sc{number}", namespace, spec)


# OSM


@st.composite
def egress(draw: st.DrawFn, number: int) -> Tree:
    namespace = draw(SPACES)
    sources = [{"kind": "ServiceAccount", "name": name, "namespace": draw(SPACES)} for name in draw(some(ACCOUNTS))]
    protocol = draw(st.sampled_from(("http", "https", "tcp", "tcp-server-first")))
    port = {"http": 80, "https": 443}.get(protocol, 5432)
    spec: Tree = {"sources": sources, "ports": [{"number": port, "protocol": protocol}]}
    named = protocol in ("http", "https")
    if named:
        spec["hosts"] = draw(some(HOSTS))
    if not named or draw(st.booleans()):
        spec["ipAddresses"] = draw(some(("192.0.2.0/24", "93.184.216.34/32"), most=1))
    groups = [{"apiGroup": "specs.smi-spec.io/v1alpha4", "kind": "HTTPRouteGroup", "name": "g"}]
    setting = [{"apiGroup": "policy.openservicemesh.io/v1alpha1", "kind": "UpstreamTrafficSetting", "name": "s"}]
    matches = (groups if protocol == "http" and draw(st.booleans()) else []) + (setting if draw(st.booleans()) else [])
    if matches:
        spec["matches"] = matches
    return document("policy.openservicemesh.io/v1alpha1", "Egress", f"e{number}", namespace, spec)


def osm_shared() -> list[Tree]:
    """What an Egress of any namespace may name."""
    group: Tree = {
        "matches": [
            {"name": "m", "pathRegex": "/a.*", "methods": ["GET"], "headers": {"x-key": "1"}},
            {"name": "n", "methods": ["POST"]},
        ]
    }
    setting: Tree = {
        "host": "a.example",
        "connectionSettings": {"tcp": {"maxConnections": 2}, "http": {"maxRequests": 3}},
        "rateLimit": {
            "local": {"tcp": {"connections": 5, "unit": "minute"}, "http": {"requests": 9, "unit": "second"}}
        },
    }
    return [
        each
        for space in NAMESPACES
        for each in (
            {**document("specs.smi-spec.io/v1alpha4", "HTTPRouteGroup", "g", space, group)},
            {**document("policy.openservicemesh.io/v1alpha1", "UpstreamTrafficSetting", "s", space, setting)},
        )
    ]


def mesh_config(enabled: bool) -> Tree:
    spec: Tree = {"traffic": {"enableEgress": enabled}}
    return document("config.openservicemesh.io/v1alpha2", "MeshConfig", "osm-mesh-config", "osm-system", spec)


# Linkerd


@st.composite
def network(draw: st.DrawFn, number: int) -> Tree:
    spec = {"trafficPolicy": draw(st.sampled_from(("Allow", "Deny")))}
    spec |= draw(
        maybe(networks=some(("192.0.2.0/24", "93.184.216.34/32"), most=1).map(lambda found: [{"cidr": found[0]}]))
    )
    namespace = draw(st.sampled_from(("linkerd-egress", "linkerd-egress", *NAMESPACES)))
    made = document("policy.linkerd.io/v1alpha1", "EgressNetwork", f"n{number}", namespace, spec)
    if draw(st.booleans()):
        made["metadata"]["annotations"] = {"balancer.linkerd.io/failure-accrual": "consecutive"}  # type: ignore[index]
    return made


@st.composite
def bound_route(draw: st.DrawFn, number: int) -> Tree:
    kind = draw(st.sampled_from(("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "HTTPRoute")))
    of = draw(st.sampled_from(("linkerd-egress", "linkerd-egress", "prod")))
    parent = {"group": "policy.linkerd.io", "kind": "EgressNetwork", "name": draw(st.sampled_from(("n0", "n1")))}
    spec: Tree = {"parentRefs": [parent | {"namespace": of, "port": draw(st.sampled_from(PORTS))}]}
    if kind != "TCPRoute" and draw(st.booleans()):
        spec["hostnames"] = draw(some((*HOSTS, *WILD)))
    rule: Tree = {}
    if kind == "HTTPRoute":
        match = maybe(
            path=st.sampled_from(
                (
                    {"type": "Exact", "value": "/a"},
                    {"type": "PathPrefix", "value": "/a"},
                    {"type": "RegularExpression", "value": "/.*"},
                )
            ),
            method=st.sampled_from(METHODS),
            headers=st.just([{"name": "X-Key", "value": "1"}]),
            queryParams=st.just([{"name": "q", "value": "1"}]),
        )
        rule = draw(maybe(matches=st.lists(match, min_size=1, max_size=2), timeouts=st.just({"request": "2s"})))
    elif kind == "GRPCRoute":
        rule = draw(maybe(matches=st.just([{"method": {"service": "a", "method": "b"}}])))
    spec["rules"] = [rule]
    return document("gateway.networking.k8s.io/v1", kind, f"r{number}", draw(st.sampled_from((of, "dev"))), spec)


# Kuma


def kuma(kind: str, name: str, spec: Tree) -> Tree:
    return {"type": kind, "name": name, "mesh": "default", "spec": spec}


@st.composite
def external(draw: st.DrawFn, number: int) -> Tree:
    protocol = draw(st.sampled_from(("http", "tcp", "grpc", "http2")))
    endpoints = draw(
        some((("192.0.2.9", 443), ("o.example", 8443), ("192.0.2.8", 80)), most=2).map(
            lambda found: [{"address": address, "port": port} for address, port in found]  # type: ignore[misc]
        )
    )
    tls = st.sampled_from(
        (
            {"enabled": True},
            {"enabled": True, "verification": {"serverName": "o.example", "mode": "SkipCA"}},
            {
                "enabled": True,
                "version": {"min": "TLS12", "max": "TLS13"},
                "verification": {"subjectAltNames": [{"type": "Prefix", "value": "spiffe://c/"}]},
            },
        )
    )
    spec: Tree = {"match": {"type": "HostnameGenerator", "port": draw(st.sampled_from(PORTS)), "protocol": protocol}}
    return kuma("MeshExternalService", f"s{number}", spec | {"endpoints": endpoints} | draw(maybe(tls=tls)))


def sni(number: int, port: int) -> Tree:
    return {"type": "Exact", "value": f"sni.extsvc.default.zone-1.s{number}.{port}"}


@st.composite
def kuma_policy(draw: st.DrawFn, number: int) -> Tree:
    service = {"kind": "MeshExternalService", "name": draw(st.sampled_from(("s0", "s1")))}
    about = sni(draw(st.integers(0, 1)), draw(st.sampled_from(PORTS)))
    spiffe = st.sampled_from(
        (
            {"type": "Prefix", "value": "spiffe://cluster.local/ns/prod/"},
            {"type": "Exact", "value": "spiffe://cluster.local/ns/dev/sa/job"},
        )
    )
    kind = draw(st.sampled_from(tuple(TO) + tuple(RULES) + ("MeshTrafficPermission", "MeshHTTPRoute")))
    if kind in TO:
        return kuma(kind, f"p{number}", {"to": [{"targetRef": service, "default": draw(st.sampled_from(TO[kind]))}]})
    if kind == "MeshHTTPRoute":
        match = maybe(
            path=st.sampled_from(({"type": "PathPrefix", "value": "/a"}, {"type": "Exact", "value": "/"})),
            method=st.sampled_from(METHODS),
        )
        conf = draw(
            maybe(
                backendRefs=st.just([{"kind": "MeshExternalService", "name": "s1"}]),
                filters=st.sampled_from(
                    (
                        [
                            {
                                "type": "RequestHeaderModifier",
                                "requestHeaderModifier": {"set": [{"name": "x", "value": "y"}]},
                            }
                        ],
                        [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}],
                    )
                ),
            )
        )
        rule = {"matches": draw(st.lists(match.filter(bool), min_size=1, max_size=2)), "default": conf}
        return kuma(kind, f"p{number}", {"to": [{"targetRef": service, "rules": [rule]}]})
    if kind == "MeshTrafficPermission":
        lists = {
            name: st.just([{"sni": about, "spiffeID": draw(spiffe)}])
            for name in ("allow", "deny", "allowWithShadowDeny")
        }
        return kuma(kind, f"p{number}", {"rules": [{"default": draw(maybe(**lists).filter(bool))}]})
    conf = draw(st.sampled_from(RULES[kind]))
    return kuma(
        kind,
        f"p{number}",
        {"targetRef": {"kind": "Dataplane"}, "rules": [{"matches": [{"sni": about}], "default": conf}]},
    )


TO: dict[str, tuple[Tree, ...]] = {
    "MeshTimeout": ({"connectionTimeout": "2s", "http": {"requestTimeout": "3s"}}, {"idleTimeout": "9s"}),
    "MeshRetry": ({"http": {"numRetries": 2, "retryOn": ["5xx", "HttpMethodGet"]}}, {"tcp": {"maxConnectAttempt": 3}}),
    "MeshCircuitBreaker": (
        {"connectionLimits": {"maxConnections": 2}},
        {"outlierDetection": {"interval": "5s", "detectors": {"totalFailures": {"consecutive": 4}}}},
    ),
    "MeshHealthCheck": (
        {"interval": "9s", "timeout": "2s", "unhealthyThreshold": 3, "healthyThreshold": 1, "tcp": {}},
    ),
    "MeshLoadBalancingStrategy": (
        {"loadBalancer": {"type": "LeastRequest", "leastRequest": {"choiceCount": 4}}},
        {"loadBalancer": {"type": "Random"}},
    ),
}
RULES: dict[str, tuple[Tree, ...]] = {
    "MeshRateLimit": (
        {"local": {"http": {"requestRate": {"num": 2, "interval": "1s"}}}},
        {"local": {"tcp": {"connectionRate": {"num": 3, "interval": "1s"}}}},
    ),
    "MeshFaultInjection": (
        {"http": [{"abort": {"httpStatus": 500, "percentage": 5}}]},
        {"http": [{"delay": {"value": "1s", "percentage": "2.5"}}]},
    ),
}


@st.composite
def kuma_mesh(draw: st.DrawFn) -> list[Tree]:
    mesh: Tree = {"type": "Mesh", "name": "default", "networking": {"outbound": {"passthrough": draw(st.booleans())}}}
    mesh |= draw(maybe(routing=st.just({"defaultForbidMeshExternalServiceAccess": True})))
    matches = st.sampled_from(
        (
            {"type": "Domain", "value": "a.example", "port": 443, "protocol": "tls"},
            {"type": "Domain", "value": "*.x.example", "port": 443, "protocol": "tls"},
            {"type": "IP", "value": "192.0.2.7", "port": 5432, "protocol": "tcp"},
            {"type": "CIDR", "value": "93.184.216.0/24", "protocol": "tcp"},
        )
    )
    conf = st.lists(matches, min_size=1, max_size=2, unique_by=lambda each: each["value"]).map(
        lambda found: {"passthroughMode": "Matched", "appendMatch": found}
    )
    passed = draw(st.one_of(st.none(), conf))
    return [mesh, *([kuma("MeshPassthrough", "pass", {"default": passed})] if passed else [])]


# All of them


def numbered(
    make: Callable[[int], st.SearchStrategy[Tree]], most: int, least: int = 0
) -> st.SearchStrategy[list[Tree]]:
    return st.integers(least, most).flatmap(lambda count: st.tuples(*map(make, range(count))).map(list))


@st.composite
def joined(draw: st.DrawFn, *parts: st.SearchStrategy[list[Tree]]) -> list[Tree]:
    return [each for part in parts for each in draw(part)]


NATIVE_MODE = st.sampled_from(("REGISTRY_ONLY", "ALLOW_ANY", "OBSERVE")).map(
    lambda mode: [
        {
            "apiVersion": "outgate.dev/v1alpha1",
            "kind": "EgressDefaults",
            "metadata": {"name": "d"},
            "spec": {"mode": mode},
        }
    ]
)
MESHES: dict[str, st.SearchStrategy[list[Tree]]] = {
    "istio": joined(
        numbered(service_entry, 3, 1),
        numbered(destination_rule, 2),
        numbered(virtual_service, 2),
        numbered(authorization, 2),
        numbered(sidecar, 2),
    ),
    "osm": joined(st.booleans().map(lambda on: [mesh_config(on)]), st.just(osm_shared()), numbered(egress, 3, 1)),
    "linkerd": joined(numbered(network, 2, 1), numbered(bound_route, 3)),
    "kuma": joined(kuma_mesh(), numbered(external, 2, 1), numbered(kuma_policy, 4)),
}


def documents(*meshes: str) -> st.SearchStrategy[str]:
    """Of some meshes together, in YAML; sometimes with a native document that gives the mode."""
    parts = [MESHES[mesh] for mesh in meshes]
    mode = st.one_of(st.just([]), NATIVE_MODE)
    return joined(*parts, mode).map(lambda found: yaml.safe_dump_all(found, sort_keys=False))
