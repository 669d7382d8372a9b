"""What documents of OSM and Linkerd let pass, on real traffic."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.journal import Journal, untouched
from e2e.lab import world
from e2e.lab.gate import Documents, Gate
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins
from e2e.lab.raw import GREETING
from e2e.stage import Stage
from e2e.workload import UID, Workload

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
  ports: [{{number: 7001, protocol: tcp-server-first}}, {{number: 7000, protocol: tcp}}]
---
apiVersion: policy.openservicemesh.io/v1alpha1
kind: UpstreamTrafficSetting
metadata: {{name: seldom, namespace: curl}}
spec: {{host: partner.example, rateLimit: {{local: {{http: {{requests: 1, unit: hour}}}}}}}}
---
apiVersion: policy.openservicemesh.io/v1alpha1
kind: Egress
metadata: {{name: limited, namespace: curl}}
spec:
  sources: [{{kind: ServiceAccount, name: curl, namespace: curl}}]
  hosts: [partner.example]
  ports: [{{number: 80, protocol: http}}]
  matches: [{{apiGroup: policy.openservicemesh.io/v1alpha1, kind: UpstreamTrafficSetting, name: seldom}}]
---
apiVersion: policy.openservicemesh.io/v1alpha1
kind: Egress
metadata: {{name: mutual, namespace: curl}}
spec:
  sources:
    - kind: ServiceAccount
      name: curl
      namespace: curl
      mtls: {{issuer: other, cert: {{secret: {{name: partner, namespace: osm-secrets}}}}}}
  hosts: [partner.example]
  ports: [{{number: 443, protocol: http}}]
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


@pytest.fixture(scope="module")
def gate(
    standing_origins: LabOrigins, stages: dict[str, Stage], engine: str, origin_pki: world.OriginPki
) -> Iterator[Gate]:
    """With the certificate that a caller shows, as osm-edge's secret has it."""
    secret = origin_pki.folder / "osm-secrets" / "partner"
    secret.mkdir(parents=True)
    for name, file in (("tls.crt", origin_pki.client.cert), ("tls.key", origin_pki.client.key)):
        shutil.copy(file, secret / name)
    shutil.copy(origin_pki.origin_ca.cert, secret / "ca.crt")
    with stages[engine].gate(POLICY, {**SETTINGS, "osm_secrets": origin_pki.folder}) as running:
        yield running
    shutil.rmtree(secret.parent)


def merged(document: Any, patch: Any) -> Any:
    """A JSON merge patch (RFC 7396), as `kubectl patch --type=merge` applies it."""
    if not isinstance(patch, dict):
        return patch
    found = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        found[name] = merged(found.get(name), value)
    return {name: value for name, value in found.items() if value is not None}


OPENED = {"spec": {"traffic": {"enableEgress": True}}}
PIPY = {"Spec": {"SidecarLogLevel": "debug", "Traffic": {"EnableEgress": True}}}
OPENINGS: dict[str, Documents] = {
    "the patched document": {"osm.yaml": OSM, "mesh.json": json.dumps(merged(yaml.safe_load(MESH_CONFIG), OPENED))},
    "the patch beside it": {"10-osm.yaml": POLICY, "20-patch.json": json.dumps(OPENED)},
    "what osm-edge writes for its proxies": {"10-osm.yaml": POLICY, "20-pipy.json": json.dumps(PIPY)},
}


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
    bound("GRPCRoute", 80, "rules: [{matches: [{method: {service: lab.Echo, method: Unary}}]}]"),
    bound("TLSRoute", 443, "rules: [{}]\n  hostnames: [api.example]"),
    bound("TCPRoute", 7001, "rules: [{}]"),
]


def greeting(workload: Workload, address: str) -> bytes:
    try:
        with workload.dial(address, 7001) as client:
            return client.recv(100)
    except ConnectionError:
        return b""


def calls(workload: Workload, target: str, *methods: str) -> list[dict[str, Any]]:
    """What came of gRPC calls on one channel."""
    program = [sys.executable, str(Path(__file__).with_name("grpc_client.py")), target]
    asked = json.dumps([{"method": method, "messages": ["1"]} for method in methods])
    done = workload.lab.run_in(workload.lab.pod, program, UID, input=asked)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


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

    def test_bytes_pass_to_the_addresses_alone(self, workload: Workload, lab: Lab, origins: LabOrigins) -> None:
        with workload.dial(TCP[0], 7000) as client:
            client.sendall(b"echo")
            assert client.recv(100) == b"echo"
        with untouched(lab, *FORBIDDEN):
            assert workload.say(FORBIDDEN[0], b"echo", 7000) == b""

    def test_settings_limit_what_they_are_about(
        self, workload: Workload, origins: LabOrigins, journal: Journal
    ) -> None:
        assert [workload.curl("http://partner.example/").status for _ in range(2)] == [200, 429]
        assert journal.one(status=429)["flags"] == "RL"

    def test_a_caller_shows_the_certificate_of_its_secret(self, workload: Workload, origins: LabOrigins) -> None:
        answer = workload.curl("http://partner.example:443/")
        assert answer.status == 200, answer
        assert answer.json["tls"]["client"]["fingerprint"] == workload.pki.client.fingerprint

    @pytest.mark.parametrize("how", OPENINGS)
    def test_the_toggle_is_flipped_on_a_running_gate(
        self, workload: Workload, under: Callable[[Documents], object], origins: LabOrigins, gate: Gate, how: str
    ) -> None:
        assert workload.curl("http://forbidden.example/").status == 403
        said = len(gate.stderr())
        under(OPENINGS[how])
        assert workload.curl("http://forbidden.example/").status == 200
        assert workload.curl("http://api.example/else").status == 200, "the Egress is inert"
        assert "Egress curl/http says nothing" in gate.stderr()[said:]
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

    def test_a_call_that_no_route_takes_is_not_permitted(
        self, workload: Workload, under: Callable[[str], object], origins: LabOrigins
    ) -> None:
        """gRPC's status 7."""
        under(linkerd("Deny", EXCEPTIONS))
        taken, other = calls(workload, "grpc.example:80", "Unary", "ServerStream")
        assert (taken["code"], other["code"]) == ("OK", "PERMISSION_DENIED")
        assert len(origins.records("call", "grpc-plain")) == 1
        under(linkerd("Deny"))
        assert calls(workload, "grpc.example:80", "Unary")[0]["code"] == "PERMISSION_DENIED"

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
