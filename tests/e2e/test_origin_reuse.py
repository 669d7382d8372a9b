"""An origin connection is free for the next exchange as soon as a message is complete, whoever asks next."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.lab import world
from e2e.lab.gate import Gate
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins

pytestmark = pytest.mark.netns

REQUESTS = 60


@pytest.fixture(scope="module")
def gate(lab: Lab, standing_origins: LabOrigins, origin_pki: world.OriginPki) -> Iterator[Gate]:
    policy = f"""
apiVersion: outgate.dev/v1alpha1
kind: EgressDestination
metadata: {{name: partner}}
spec:
  hosts: [partner.example]
  ports:
  - number: 80
    protocol: HTTP
    upstream:
      port: 443
      tls:
        mode: MUTUAL
        clientCertificate: {origin_pki.client.chain}
        privateKey: {origin_pki.client.key}
        caCertificates: {origin_pki.origin_ca.cert}
"""
    with Gate(lab, policy, origin_pki) as running:
        yield running


def connect(lab: Lab) -> http.client.HTTPConnection:
    with lab.enter(lab.pod):
        connection = http.client.HTTPConnection(world.ADDRESSES["partner"][0], 80, timeout=10)
        connection.connect()
    return connection


def ask(connection: http.client.HTTPConnection) -> int:
    connection.request("GET", "/hello", headers={"Host": "partner.example"})
    response = connection.getresponse()
    response.read()
    return response.status


def descriptors(gate: Gate) -> int:
    assert gate.process is not None
    return len(list(Path(f"/proc/{gate.process.pid}/fd").iterdir()))


def test_requests_on_one_client_connection_share_one_origin_connection(
    lab: Lab, origins: LabOrigins, gate: Gate
) -> None:
    connection = connect(lab)
    assert [ask(connection) for _ in range(REQUESTS)] == [200] * REQUESTS
    open_now = descriptors(gate)
    assert [ask(connection) for _ in range(REQUESTS)] == [200] * REQUESTS
    assert descriptors(gate) <= open_now
    connection.close()
    assert len(origins.records("connection", "partner")) == 1


def test_clients_that_come_one_after_the_other_share_it_too(lab: Lab, origins: LabOrigins, gate: Gate) -> None:
    for _ in range(5):
        connection = connect(lab)
        assert ask(connection) == 200
        connection.close()
    assert len(origins.records("connection", "partner")) <= 1


def test_clients_at_the_same_time_never_share(lab: Lab, origins: LabOrigins, gate: Gate) -> None:
    clients = [connect(lab) for _ in range(3)]
    for client in clients:
        client.request("GET", "/slow?s=0.5", headers={"Host": "partner.example"})
    assert [client.getresponse().status for client in clients] == [200] * 3
    for client in clients:
        client.close()
    served = {record["connection"] for record in origins.records("request", "partner")}
    assert len(served) == 3
