"""Istio's documents all the way to a decision."""

import pytest

from outgate.policy.decide import decide
from outgate.policy.model import Attempt, AttemptKind, Code, Defaults, Gate, Identity
from outgate.policy.routing import Router
from policy.building import http, policy
from policy.frontends.istio.istio_building import destination, document, entry, loaded, refused

WEB = Identity(namespace="prod", service_account="web", principal="cluster.local/ns/prod/sa/web", how="test")
OTHER = Identity(namespace="other", how="test")
REGISTRY = "outboundTrafficPolicy: {mode: REGISTRY_ONLY}\n"


def code(text: str, *, port: int = 443, host: str = "api.shop.example", caller: Identity = WEB, **gate: object) -> Code:
    """What becomes of a decrypted request."""
    made = policy(REGISTRY + text, gate=Gate(**({"namespace": "prod"} | gate)))  # type: ignore[arg-type]
    attempt = Attempt(
        AttemptKind.HTTP,
        caller,
        port,
        host=host,
        address="192.0.2.1",
        encrypted=port == 443,
        method="GET",
        path="/",
        headers={"host": host},
    )
    return decide(made, attempt).code


def test_what_is_registered_passes_and_nothing_else():
    assert code(entry()) is Code.REGISTERED
    assert code(entry(), host="www.shop.example") is Code.UNREGISTERED
    assert code(entry(), port=8443) is Code.PORT_UNREGISTERED


def test_what_is_not_exported_to_the_caller_is_unknown_to_it():
    assert code(entry("exportTo: ['.']")) is Code.REGISTERED
    assert code(entry("exportTo: ['.']"), caller=OTHER) is Code.NOT_EXPORTED
    assert code(entry("exportTo: ['~']")) is Code.NOT_EXPORTED


def test_a_sidecar_hides_what_it_does_not_import():
    hidden = document("Sidecar", "egress: [{hosts: ['*/*', '~/api.shop.example']}]")
    assert code(entry() + hidden) is Code.NOT_EXPORTED
    assert code(entry() + hidden, caller=OTHER) is Code.REGISTERED


def test_a_sidecar_opens_what_the_mesh_closes():
    opened = document("Sidecar", "outboundTrafficPolicy: {mode: ALLOW_ANY}")
    assert code(entry() + opened, host="www.shop.example") is Code.ALLOW_ANY
    assert code(entry() + opened, host="www.shop.example", caller=OTHER) is Code.UNREGISTERED


def test_in_mesh_traffic_is_counted_apart():
    assert code(entry("location: MESH_INTERNAL")) is Code.INTERNAL


def test_a_port_whose_route_leads_nowhere_is_refused():
    routes = document(
        "VirtualService",
        """{hosts: [api.shop.example], http: [{match: [{port: 81}],
        route: [{destination: {host: api.shop.example}}]}]}""",
    )
    plain = entry("ports: [{number: 80, name: a, protocol: HTTP}]")
    assert code(plain, port=80) is Code.REGISTERED
    assert code(plain + routes, port=80) is Code.REGISTERED
    (port,) = destination(plain, routes).ports
    assert Router(port, Defaults()).choose(http("api.shop.example", 80)) is None


def test_an_authorization_policy_of_the_egress_gateway_is_about_the_gate():
    rule = """
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: gate, namespace: istio-system}
spec:
  selector: {matchLabels: {istio: egressgateway}}
  rules: [{from: [{source: {principals: [cluster.local/ns/prod/sa/api]}}]}]
"""
    assert code(entry() + rule) is Code.REFUSED_BY_RULE
    assert code(entry() + rule.replace("sa/api", "sa/web")) is Code.REGISTERED


def test_the_root_namespace_of_the_mesh_counts_for_access_too():
    rule = """
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: nothing, namespace: roots}
spec: {}
"""
    assert code(entry() + rule) is Code.REGISTERED
    assert code("rootNamespace: roots\n" + entry() + rule) is Code.REFUSED_BY_RULE


def test_all_problems_are_found_in_one_go():
    wrong = entry("resolution: GUESS") + document("Sidecar", "{}") + document("Gateway", "{}")
    assert refused(wrong, "outboundTrafficPolicy: {mode: X}") == [
        "outboundTrafficPolicy.mode",
        "spec.resolution",
        "spec",
        "spec.servers",
    ]


def test_the_order_of_documents_does_not_matter_across_kinds():
    route = document(
        "VirtualService",
        """{hosts: [api.shop.example], http: [{
        route: [{destination: {host: api.shop.example, port: {number: 443}}}]}]}""",
    )
    ports = entry("ports: [{number: 80, name: a, protocol: HTTP}, {number: 443, name: b, protocol: HTTPS}]")
    first, second = loaded(route, ports).destinations, loaded(ports, route).destinations
    assert [port.upstream.port for port in first[0].ports] == [port.upstream.port for port in second[0].ports]


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha3"])
def test_every_version_is_read(version):
    assert loaded(document("ServiceEntry", "{hosts: [a.example]}", version=version)).destinations
