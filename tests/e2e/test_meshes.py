"""What documents of OSM and Linkerd let pass, on real traffic."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from e2e.journal import Journal, untouched
from e2e.lab import world
from e2e.lab.gate import Gate
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins
from e2e.lab.raw import GREETING
from e2e.workload import Workload

pytestmark = pytest.mark.netns

SETTINGS = {
    "workload_namespace": "curl",
    "workload_service_account": "curl",
}
TCP, FORBIDDEN = (world.ADDRESSES[name] for name in ("tcp", "forbidden"))

MESH_CONFIG = """
apiVersion: config.openservicemesh.io/v1alpha2
kind: MeshConfig
metadata: {name: osm-mesh-config, namespace: osm-system}
spec: {traffic: {enableEgress: false}}
"""
OSM = f"""
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: {{name: reads, namespace: curl}}
spec: {{matches: [{{name: get, pathRegex: /get.*, methods: [GET]}}]}}
---
apiVersion: policy.openservicemesh.io/v1alpha1
kind: Egress
metadata: {{name: http, namespace: curl}}
spec:
  sources: [{{kind: ServiceAccount, name: curl, namespace: curl}}]
  hosts: [api.example]
  ports: [{{number: 80, protocol: http}}]
  matches: [{{apiGroup: specs.smi-spec.io/v1alpha4, kind: HTTPRouteGroup, name: reads}}]
---
apiVersion: policy.openservicemesh.io/v1alpha1
kind: Egress
metadata: {{name: https, namespace: curl}}
spec:
  sources: [{{kind: ServiceAccount, name: curl, namespace: curl}}]
  hosts: [api.example]
  ports: [{{number: 443, protocol: https}}]
---
apiVersion: policy.openservicemesh.io/v1alpha1
kind: Egress
metadata: {{name: bytes, namespace: curl}}
spec:
  sources: [{{kind: ServiceAccount, name: curl, namespace: curl}}]
  ipAddresses: [{TCP[0]}/32, "{TCP[1]}/128"]
  ports: [{{number: 7001, protocol: tcp-server-first}}]
---
apiVersion: policy.openservicemesh.io/v1alpha1
kind: Egress
metadata: {{name: somebody-elses, namespace: curl}}
spec:
  sources: [{{kind: ServiceAccount, name: other, namespace: curl}}]
  hosts: [forbidden.example]
  ports: [{{number: 80, protocol: http}}]
"""
POLICY = f"{MESH_CONFIG}\n---\n{OSM}"

CLOSED = """
apiVersion: outgate.dev/v1alpha1
kind: EgressDefaults
metadata: {name: defaults}
spec: {mode: REGISTRY_ONLY}
"""


def linkerd(policy: str, routes: Iterable[str] = ()) -> str:
    network = f"""
apiVersion: policy.linkerd.io/v1alpha1
kind: EgressNetwork
metadata: {{name: out, namespace: linkerd-egress}}
spec: {{trafficPolicy: {policy}}}
"""
    return "\n---\n".join((CLOSED, network, *routes))


def bound(kind: str, port: int, spec: str) -> str:
    return f"""
apiVersion: gateway.networking.k8s.io/v1
kind: {kind}
metadata: {{name: {kind.lower()}-{port}, namespace: linkerd-egress}}
spec:
  parentRefs: [{{group: policy.linkerd.io, kind: EgressNetwork, name: out, namespace: linkerd-egress, port: {port}}}]
  {spec}
"""


EXCEPTIONS = [
    bound("HTTPRoute", 80, "rules: [{matches: [{path: {value: /get}, method: GET}]}]\n  hostnames: [api.example]"),
    bound("TLSRoute", 443, "rules: [{}]\n  hostnames: [api.example]"),
    bound("TCPRoute", 7001, "rules: [{}]"),
]


def greeting(workload: Workload, address: str) -> bytes:
    try:
        with workload.dial(address, 7001) as client:
            return client.recv(100)
    except ConnectionError:
        return b""


class TestOsm:
    def test_http_is_let_through_by_its_routes(self, workload: Workload, origins: LabOrigins, journal: Journal) -> None:
        assert workload.curl("http://api.example/get?a=b").status == 200
        assert workload.curl("http://api.example/get", "-X", "POST").status == 404
        assert workload.curl("http://api.example/else").status == 404
        assert {entry["flags"] for entry in journal.all(2, status=404)} == {"NR"}

    def test_what_is_another_callers_is_not_reached(self, workload: Workload, lab: Lab, origins: LabOrigins) -> None:
        with untouched(lab, *FORBIDDEN):
            answer = workload.curl("http://forbidden.example/")
        assert (answer.status, answer.denial["code"]) == (403, "refused_by_rule")

    def test_https_passes_with_the_origins_own_certificate(self, workload: Workload, origins: LabOrigins) -> None:
        assert workload.curl("https://api.example/", trust=workload.pki.origin_ca.cert).status == 200
        assert workload.curl("https://forbidden.example/").status != 200

    def test_a_server_that_speaks_first_is_heard(self, workload: Workload, origins: LabOrigins) -> None:
        assert greeting(workload, TCP[0]) == GREETING
        assert greeting(workload, FORBIDDEN[0]) == b""

    def test_the_toggle_is_flipped_on_a_running_gate(
        self, workload: Workload, under: Callable[[str], object], origins: LabOrigins, gate: Gate
    ) -> None:
        """As `kubectl patch --type=merge` does it: the document, with one field changed."""
        assert workload.curl("http://forbidden.example/").status == 403
        under(POLICY.replace("enableEgress: false", "enableEgress: true"))
        assert workload.curl("http://forbidden.example/").status == 200
        assert workload.curl("http://api.example/else").status == 200, "the Egress is inert"
        under(POLICY)
        assert workload.curl("http://forbidden.example/").status == 403


class TestLinkerd:
    def test_deny_lets_through_what_routes_except(
        self, workload: Workload, under: Callable[[str], object], lab: Lab, origins: LabOrigins, journal: Journal
    ) -> None:
        under(linkerd("Deny", EXCEPTIONS))
        assert workload.curl("http://api.example/get/x").status == 200
        assert workload.curl("https://api.example/", trust=workload.pki.origin_ca.cert).status == 200
        assert greeting(workload, TCP[0]) == GREETING
        with untouched(lab, *FORBIDDEN):
            for url in ("http://api.example/else", "http://forbidden.example/get"):
                assert workload.curl(url).status == 403
            assert workload.curl("https://forbidden.example/", trust=workload.pki.origin_ca.cert).status == 0
        assert {entry["code"] for entry in journal.all(3, verdict="deny")} == {"refused_by_rule"}

    def test_allow_lets_the_rest_through_too(
        self, workload: Workload, under: Callable[[str], object], origins: LabOrigins
    ) -> None:
        under(linkerd("Allow", EXCEPTIONS))
        for url in ("http://api.example/else", "http://forbidden.example/"):
            assert workload.curl(url).status == 200
        assert workload.curl("https://forbidden.example/", trust=workload.pki.origin_ca.cert).status == 200

    def test_what_is_inside_or_the_machines_own_is_nobodys(
        self, workload: Workload, under: Callable[[str], object], lab: Lab, origins: LabOrigins
    ) -> None:
        under(linkerd("Allow"))
        with untouched(lab, *world.ADDRESSES["private"], *world.ADDRESSES["metadata"]):
            assert workload.curl("http://169.254.169.254/").status == 502
            assert workload.curl(f"http://{world.ADDRESSES['private'][0]}/").status == 502
