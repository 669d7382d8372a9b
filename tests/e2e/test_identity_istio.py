"""Mutual TLS as Istio's documents ask for it: in one step, and through the egress gateway that the gate stands for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from e2e.journal import Journal, untouched
from e2e.lab import world
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins
from e2e.workload import Workload

pytestmark = pytest.mark.netns

CLOSED = """
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata: {name: mesh, namespace: istio-system}
spec:
  meshConfig:
    outboundTrafficPolicy: {mode: REGISTRY_ONLY}
"""
POLICY = CLOSED

ONE_STEP = """---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: partner, namespace: default}
spec:
  hosts: [partner.example]
  ports: [{number: 80, name: http, protocol: HTTP, targetPort: 443}]
  location: MESH_EXTERNAL
  resolution: DNS
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: partner, namespace: default}
spec:
  host: partner.example
  trafficPolicy:
    tls: %(tls)s
"""

THROUGH_THE_GATEWAY = """---
apiVersion: networking.istio.io/v1beta1
kind: ServiceEntry
metadata: {name: partner, namespace: default}
spec:
  hosts: [partner.example]
  ports:
  - {number: 80, name: http-port, protocol: HTTP}
  - {number: 443, name: https-port, protocol: HTTPS}
  location: MESH_EXTERNAL
  resolution: DNS
---
apiVersion: networking.istio.io/v1beta1
kind: Gateway
metadata: {name: egress-gateway, namespace: default}
spec:
  selector: {istio: egressgateway}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: [partner.example]
---
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: partner, namespace: default}
spec:
  hosts: [partner.example]
  gateways: [mesh, egress-gateway]
  http:
  - match: [{gateways: [mesh], port: 80}]
    route:
    - destination: {host: istio-egressgateway.istio-system.svc.cluster.local, port: {number: 80}}
      weight: 100
  - match: [{gateways: [egress-gateway], port: 80}]
    route:
    - destination: {host: partner.example, port: {number: 443}}
      weight: 100
---
apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata: {name: partner, namespace: default}
spec:
  host: partner.example
  trafficPolicy:
    portLevelSettings:
    - port: {number: 443}
      tls: %(tls)s
---
apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata: {name: egress-gateway, namespace: default}
spec:
  host: istio-egressgateway.istio-system.svc.cluster.local
  trafficPolicy:
    tls: {mode: ISTIO_MUTUAL}
"""

FORMS = pytest.mark.parametrize("form", [ONE_STEP, THROUGH_THE_GATEWAY], ids=["one step", "through the gateway"])


def mutual(pki: world.OriginPki) -> str:
    return (
        f"{{mode: MUTUAL, clientCertificate: {pki.client.cert}, privateKey: {pki.client.key}, "
        f"caCertificates: {pki.origin_ca.cert}, sni: partner.example}}"
    )


@FORMS
@pytest.mark.parametrize("version", [4, 6], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("speech", ["--http1.1", "--http2-prior-knowledge"])
def test_plain_http_becomes_mutual_tls_at_the_partner(
    workload: Workload,
    under: Callable[[str], object],
    origins: LabOrigins,
    journal: Journal,
    form: str,
    version: int,
    speech: str,
) -> None:
    under(CLOSED + form % {"tls": mutual(workload.pki)})
    answer = workload.curl("http://partner.example/mutual?a=1", speech, f"-{version}")
    assert answer.status == 200, answer
    seen = answer.json["tls"]
    assert (seen["client"]["fingerprint"], seen["sni"]) == (workload.pki.client.fingerprint, "partner.example")
    assert answer.json["line"].startswith("GET /mutual?a=1 ")
    entry = journal.one(path="/mutual")
    assert (entry["code"], entry["client_certificate"]) == ("registered", True)


@FORMS
def test_the_rest_stays_closed_and_gets_no_certificate(
    workload: Workload, under: Callable[[str], object], counting: Lab, origins: LabOrigins, form: str
) -> None:
    under(CLOSED + form % {"tls": mutual(workload.pki)})
    with untouched(counting, *world.ADDRESSES["curious"]):
        answer = workload.curl("http://curious.example/")
    assert (answer.status, answer.denial["code"]) == (502, "unregistered")
    assert not origins.records("tls", "curious")
