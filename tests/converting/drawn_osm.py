"""Random documents of OSM: Egress, with route groups, settings and the MeshConfig beside it."""

from __future__ import annotations

from hypothesis import strategies as st

from converting.vocabulary import HOSTS, SPACES, Tree, document, some
from policy.strategies import ACCOUNTS, NAMESPACES


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


def shared() -> list[Tree]:
    """What an Egress of any namespace may name."""
    group: Tree = {
        "matches": [
            {"name": "m", "pathRegex": "/a.*", "methods": ["GET"], "headers": {"x-key": "1"}},
            {"name": "n", "methods": ["POST"]},
        ]
    }
    setting: Tree = {
        "connectionSettings": {"tcp": {"maxConnections": 2}, "http": {"maxRequests": 3}},
        "rateLimit": {
            "local": {"tcp": {"connections": 5, "unit": "minute"}, "http": {"requests": 9, "unit": "second"}}
        },
    }
    return [
        each
        for space, host in zip(NAMESPACES, HOSTS, strict=False)
        for each in (
            document("specs.smi-spec.io/v1alpha4", "HTTPRouteGroup", "g", space, group),
            document(
                "policy.openservicemesh.io/v1alpha1", "UpstreamTrafficSetting", "s", space, {"host": host} | setting
            ),
        )
    ]


def mesh_config(enabled: bool) -> Tree:
    spec: Tree = {"traffic": {"enableEgress": enabled}}
    return document("config.openservicemesh.io/v1alpha2", "MeshConfig", "osm-mesh-config", "osm-system", spec)
