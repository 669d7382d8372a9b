"""Random documents of Linkerd: EgressNetwork and the routes bound to it."""

from __future__ import annotations

from hypothesis import strategies as st

from converting.vocabulary import HOSTS, WILD, Tree, document, maybe, some
from policy.strategies import METHODS, NAMESPACES, PORTS


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
