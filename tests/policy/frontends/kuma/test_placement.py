"""On which of Kuma's proxies a policy has an effect for what is outside: the table of the early design, row by row."""

import itertools

import pytest

from outgate.policy.frontends.kuma.dialect import EVERYWHERE, ON_EGRESS, ON_SIDECAR, Role, places
from policy.frontends.kuma.kuma_building import HTTPBIN, faults, policy, warnings

EARLY = "kuma-madr062"
OUTSIDE = "targetRef: {kind: MeshExternalService, name: httpbin}"
ROUTE = "rules: [{default: {backendRefs: [{kind: MeshExternalService, name: httpbin}]}}]"
MATCHED = ROUTE.replace("[{default", "[{matches: [{path: {type: PathPrefix, value: /}}], default")
TABLE = {
    "MeshAccessLog": (EVERYWHERE, "to", "default: {backends: [{type: File, file: {path: /dev/null}}]}"),
    "MeshTimeout": (EVERYWHERE, "to", "default: {connectionTimeout: 1s}"),
    "MeshCircuitBreaker": (ON_EGRESS, "to", "default: {connectionLimits: {maxConnections: 1}}"),
    "MeshHealthCheck": (ON_EGRESS, "to", "default: {http: {path: /}}"),
    "MeshLoadBalancingStrategy": (ON_EGRESS, "to", "default: {loadBalancer: {type: Random}}"),
    "MeshRetry": (ON_SIDECAR, "to", "default: {http: {numRetries: 10}}"),
    "MeshTCPRoute": (ON_SIDECAR, "to", ROUTE),
    "MeshHTTPRoute": (ON_SIDECAR, "to", MATCHED),
    "MeshFaultInjection": (ON_EGRESS, "from", "default: {http: [{abort: {httpStatus: 500, percentage: 1}}]}"),
    "MeshRateLimit": (ON_EGRESS, "from", "default: {local: {http: {requestRate: {num: 1, interval: 1s}}}}"),
    "MeshGlobalRateLimit": (ON_EGRESS, "from", "default: {http: {requestRate: {num: 1, interval: 1s}}}"),
    "MeshTrafficPermission": (ON_EGRESS, "from", "default: {action: Allow}"),
}
"""Where; whether it says so of what leaves or of who arrives; and something that it may say."""


def written(kind: str, proxies: str) -> str:
    """A policy about the one service that there is, for some proxies; none are named where that is empty."""
    _, side, said = TABLE[kind]
    meant = f", proxyType: [{proxies}]" if proxies else ""
    if side == "from":
        top = OUTSIDE.replace("}", f"{meant}}}")
        return policy(kind, f"{top}\nfrom: [{{targetRef: {{kind: Mesh}}, {said}}}]")
    return policy(kind, f"targetRef: {{kind: Mesh{meant}}}\nto: [{{{OUTSIDE}, {said}}}]")


def spoken(proxies: str) -> frozenset[Role]:
    return frozenset(Role(each.strip().lower()) for each in proxies.split(","))


@pytest.mark.parametrize("kind", TABLE)
def test_it_has_an_effect_where_it_is_placed_meant_and_played(kind):
    placed, _, _ = TABLE[kind]
    assert places(kind) == placed
    for proxies, role in itertools.product(("sidecar", "egress", "Sidecar, Egress"), ("both", "sidecar", "egress")):
        played = frozenset(Role) if role == "both" else frozenset({Role(role)})
        said = warnings(HTTPBIN, written(kind, proxies), kuma_dialect=EARLY, kuma_role=role)
        assert (f"{kind} p" not in said) == bool(placed & played & spoken(proxies)), (proxies, role, said)


@pytest.mark.parametrize("kind", TABLE)
def test_the_proxies_have_to_be_said_where_something_outside_is_named(kind):
    (fault,) = faults(HTTPBIN, written(kind, ""), kuma_dialect=EARLY)
    assert "spec.targetRef.proxyType: must be set when a MeshExternalService is referenced" in fault
    assert EARLY in fault
    (wrong,) = faults(HTTPBIN, written(kind, "gateway"), kuma_dialect=EARLY)
    assert "value 'gateway' is not supported; sidecar or egress" in wrong


@pytest.mark.parametrize("kind", [kind for kind in TABLE if TABLE[kind][1] == "to" and "rules" not in TABLE[kind][2]])
def test_without_proxies_it_is_never_the_egress_that_is_meant(kind):
    """What names nothing outside may leave them out."""
    placed, _, said = TABLE[kind]
    text = policy(kind, f"targetRef: {{kind: Mesh}}\nto: [{{targetRef: {{kind: Mesh}}, {said}}}]")
    for role in ("both", "sidecar", "egress"):
        inert = f"{kind} p" in warnings(HTTPBIN, text, kuma_dialect=EARLY, kuma_role=role)
        assert inert == (role == "egress" or placed == ON_EGRESS), role


@pytest.mark.parametrize("kind", ["MeshRetry", "MeshTimeout", "MeshCircuitBreaker"])
def test_later_dialects_place_them_without_being_told(kind):
    placed, _, said = TABLE[kind]
    text = policy(kind, f"to: [{{{OUTSIDE}, {said}}}]")
    for role in ("both", "sidecar", "egress"):
        played = frozenset(Role) if role == "both" else frozenset({Role(role)})
        assert (f"{kind} p" not in warnings(HTTPBIN, text, kuma_role=role)) == bool(placed & played)
