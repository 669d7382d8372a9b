"""Random documents of Kuma: Mesh, MeshExternalService, MeshPassthrough and the policies about them."""

from __future__ import annotations

from hypothesis import strategies as st

from converting.vocabulary import Tree, maybe, some
from policy.strategies import METHODS, PORTS


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
def policy(draw: st.DrawFn, number: int) -> Tree:
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
def mesh(draw: st.DrawFn, passthrough: bool) -> list[Tree]:
    made: Tree = {"type": "Mesh", "name": "default", "networking": {"outbound": {"passthrough": passthrough}}}
    made |= draw(maybe(routing=st.just({"defaultForbidMeshExternalServiceAccess": True})))
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
    return [made, *([kuma("MeshPassthrough", "pass", {"default": passed})] if passed else [])]
