"""Documents that are cut short or hold the wrong things: each is refused or read, and none raises anything else."""

import pytest

from outgate.policy.frontends.kuma.dialect import Dialect
from outgate.problems import PolicyError
from policy.frontends.kuma.kuma_building import HTTPBIN, load

TO_MESH = "targetRef: {kind: Mesh}"
TO_HTTPBIN = "targetRef: {kind: MeshExternalService, name: httpbin}"
BALANCER = "{loadBalancer: {type: RingHash, ringHash: {hashPolicies: [{type: X}]}}}"
MIRROR = "{filters: [{type: RequestMirror, requestMirror: {}}]}"
SPECS = {
    "MeshTimeout": ("3", f"{{targetRef: {{}}, to: [{{{TO_MESH}, default: 3}}]}}", "{to: [{default: {}}]}"),
    "MeshExternalService": ("{match: {port: abc}, endpoints: [{}]}", "{match: {}}"),
    "MeshRetry": (f"{{to: [{{{TO_MESH}}}]}}",),
    "MeshLoadBalancingStrategy": (f"{{to: [{{{TO_MESH}, default: {BALANCER}}}]}}",),
    "MeshHTTPRoute": (f"{{to: [{{{TO_HTTPBIN}, rules: [{{default: {MIRROR}}}]}}]}}", f"{{to: [{{{TO_HTTPBIN}}}]}}"),
    "MeshTCPRoute": (f"{{to: [{{{TO_HTTPBIN}, rules: [{{}}]}}]}}",),
    "MeshFaultInjection": (
        "{targetRef: {kind: Dataplane}, rules: [{matches: [{spiffeID: {}}], default: {http: [{}]}}]}",
    ),
    "MeshTrafficPermission": (
        "{rules: [{default: {allow: [{sni: {}}]}}]}",
        "{rules: [{default: {allow: [{sni: {type: Exact}}]}}]}",
    ),
    "MeshAccessLog": (f"{{to: [{{{TO_MESH}, default: {{backends: [{{}}]}}}}]}}",),
    "MeshTrace": ("{default: {backends: [{}]}}", "{}"),
    "MeshMetric": ("{default: {backends: [{type: Nope}]}}", "{}"),
    "MeshProxyPatch": (
        "{default: {appendModifications: [{cluster: {operation: Patch, value: ''}}]}}",
        "{default: {appendModifications: [{cluster: {operation: Patch, value: 'a: ['}}]}}",
        "{default: {appendModifications: [{httpFilter: {operation: AddFirst, value: 'name: [a]'}}]}}",
        "{default: {appendModifications: [{networkFilter: {operation: AddFirst, value: 'typedConfig: 3'}}]}}",
        "{default: {appendModifications: [{cluster: {operation: Patch, jsonPatches: [{op: add, path: ''}]}}]}}",
    ),
    "MeshPassthrough": ("{default: {passthroughMode: Matched, appendMatch: [{type: Domain}]}}", "{}"),
}
CASES = [(kind, spec) for kind, specs in SPECS.items() for spec in specs]


@pytest.mark.parametrize("dialect", list(Dialect))
@pytest.mark.parametrize(("kind", "spec"), CASES, ids=[f"{kind}-{n}" for n, (kind, _) in enumerate(CASES)])
def test_nothing_raises_but_a_refusal(kind, spec, dialect):
    text = f"type: {kind}\nname: a\nspec: {spec}\n"
    for strict in (True, False):
        assert read(text, strict=strict, kuma_dialect=dialect.value)


def read(text: str, **setting: object) -> bool:
    """Whether it is read, or refused with the places of what is wrong."""
    try:
        return bool(load(HTTPBIN, text, **setting).destinations)
    except PolicyError as error:
        return all(problem.where.line for problem in error.problems)
