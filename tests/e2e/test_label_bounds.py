"""Thousands of hosts that nobody registered, made up by a workload, hide no series of those that somebody did."""

from __future__ import annotations

import random

import pytest

from e2e.documents import defaults, destination, policy
from e2e.http2_client import Client, request
from e2e.lab.gate import Gate
from e2e.lab.origins import LabOrigins
from e2e.workload import Workload, response
from telemetry.exposed import Series, read, total

pytestmark = [pytest.mark.netns, pytest.mark.slow]

HOSTS, SERIES = 50, 400
"""Bounds of names and of series."""
MANY, EACH = 2000, 500
"""Hosts in each version of HTTP, and requests on one connection."""
POLICY = policy(
    defaults(mode="REGISTRY_ONLY"),
    destination("api.example", ports=("80/HTTP",)),
    destination("partner.example", ports=("80/HTTP",)),
)
SETTINGS = {"metric_hosts": HOSTS, "metric_series": SERIES}
PARTS = 21
"""Lines of one series of the largest histogram, and one more for what is beyond all bounds."""


def made_up(draw: random.Random) -> str:
    return f"{draw.getrandbits(64):x}.{draw.choice(['example', 'com', 'evil.example'])}"


def test_a_flood_of_denied_hosts_leaves_registered_ones_alone(
    gate: Gate, workload: Workload, origins: LabOrigins
) -> None:
    draw = random.Random(4)
    assert workload.get("api.example", b"GET /before HTTP/1.1\r\nHost: api.example").status == 200
    for _ in range(0, MANY, EACH):
        over_http1(workload, [made_up(draw) for _ in range(EACH)])
        over_http2(workload, [made_up(draw) for _ in range(EACH)])
    for host in ("api.example", "partner.example"):
        assert workload.get(host, f"GET /after HTTP/1.1\r\nHost: {host}".encode()).status == 200
    gate.log(at_least=2 * MANY + 3, within=30)
    page = read(gate.asked("/metrics"))
    assert {name: len(series) for name, series in page.items() if len(series) > (SERIES + HOSTS) * PARTS} == {}
    requests = page["istio_requests_total"]
    assert len(requests) <= HOSTS + 10
    assert served(requests) == {"api.example": 2, "partner.example": 1}
    assert total(requests, destination_service="other", destination_service_name="BlackHoleCluster") == 2 * MANY - HOSTS
    assert total(page["outgate_label_overflows_total"], label="host") == 2 * MANY - HOSTS
    assert total(page["outgate_decisions_total"], code="unregistered") == 2 * MANY


def over_http1(workload: Workload, hosts: list[str]) -> None:
    with workload.dial("api.example", 80) as made:
        for host in hosts:
            made.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert response(made)[0].status == 502


def over_http2(workload: Workload, hosts: list[str]) -> None:
    with workload.dial("api.example", 80) as made:
        client = Client(made)
        assert {client.ask(request(host)).status for host in hosts} == {502}


def served(requests: Series) -> dict[str, float]:
    """Requests that were answered with 200, by host."""
    return {labels["destination_service"]: value for labels, value in requests if labels["response_code"] == "200"}
