"""Random documents of Istio: ServiceEntry, DestinationRule, VirtualService, AuthorizationPolicy, Sidecar."""

from __future__ import annotations

from hypothesis import strategies as st

from converting.vocabulary import HOSTS, NETWORKS, SPACES, TIMES, WILD, Tree, document, maybe, some
from policy.strategies import METHODS, NAMESPACES, PORTS


@st.composite
def service_entry(draw: st.DrawFn, number: int) -> Tree:
    resolution = draw(st.sampled_from(("DNS", "NONE", "STATIC", "DNS_ROUND_ROBIN")))
    protocols = st.sampled_from(("HTTP", "HTTPS", "TLS", "TCP", "GRPC", "HTTP2"))
    ports = [
        {"number": port, "name": f"p{port}", "protocol": draw(protocols)} | draw(maybe(targetPort=st.just(8443)))
        for port in draw(some(PORTS))
    ]
    most = 1 if any(port["protocol"] == "TCP" for port in ports) else 2  # bytes do not say which is meant
    spec: Tree = {"hosts": draw(some(HOSTS, most=most)), "ports": ports, "resolution": resolution}
    if resolution == "NONE":
        spec["hosts"] = draw(some((*HOSTS, *WILD), most=most))
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
        ).filter(bool)
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
    addresses = {
        "ipBlocks": some(("10.9.0.0/16", "127.9.0.1"), most=1),
        "notIpBlocks": some(("10.9.9.9",), most=1),
    }
    named = maybe(
        namespaces=some(NAMESPACES),
        notNamespaces=some(NAMESPACES, most=1),
        principals=some(("cluster.local/ns/prod/sa/*", "*/sa/job", "*"), most=1),
        **addresses,
    )
    who = named | maybe(serviceAccounts=some(("prod/web", "dev/job"), most=1), **addresses)
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
    action = draw(st.sampled_from(("ALLOW", "DENY", "AUDIT", "ALLOW")))
    for _ in range(draw(st.integers(int(action != "ALLOW"), 2))):
        rule: Tree = {}
        if sources := draw(st.lists(who, max_size=2)):
            rule["from"] = [{"source": each} for each in sources if each]
        if operations := draw(st.lists(what, max_size=2)):
            rule["to"] = [{"operation": each} for each in operations if each]
        if conditions := draw(st.lists(when, max_size=2)):
            field = st.sampled_from(("values", "notValues"))
            rule["when"] = [each | {draw(field): values[each["key"]]} for each in conditions]
        rules.append({name: value for name, value in rule.items() if value})
    spec: Tree = {"action": action, "rules": rules}
    made = document("security.istio.io/v1", "AuthorizationPolicy", f"ap{number}", "istio-system", spec)
    if action != "AUDIT" and draw(st.sampled_from((False, False, True))):
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
