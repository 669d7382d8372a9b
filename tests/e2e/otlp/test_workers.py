"""Two workers export as one gate: each its own spans, the supervisor the metrics of both."""

from __future__ import annotations

import pytest

from e2e.lab import world
from e2e.lab.gate import Gate
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins
from e2e.otlp.collecting import collector
from e2e.otlp.test_collectors import BOUNDS, MINUTE, POLICY, nobody
from e2e.otlp.traffic import App, asked
from e2e.workload import Workload
from telemetry.receiver import OVER

pytestmark = pytest.mark.netns

WORKERS = ["--workers", "2"]
MANY = 24
"""Connections of which each of two workers gets some, but for once in eight million times."""


@pytest.mark.parametrize("protocol", OVER)
def test_spans_come_from_both_and_metrics_from_one(
    lab: Lab, standing_origins: LabOrigins, origin_pki: world.OriginPki, workload: Workload, protocol: str
) -> None:
    with (
        collector(lab, protocol) as made,
        Gate(lab, POLICY, origin_pki, flags=WORKERS, environment=made.environ()) as gate,
    ):
        for number in range(1, MANY + 1):
            assert asked(workload, f"http://api.example/{number}", App(number)).status == 200
        assert workload.curl("http://forbidden.example/denied").status == 502
        assert gate.stop() == 0, gate.stderr()
    servers = made.told.spans(kind="SERVER")
    assert sorted(each.key for each in servers) == sorted([*(f"/{n}" for n in range(1, MANY + 1)), "/denied"])
    for number in range(1, MANY + 1):
        server, (client,) = made.told.attempt(f"/{number}")
        assert (server.trace, server.parent, client.trace) == (App(number).trace, App(number).span, server.trace)
    assert len({each.instance for each in servers}) == 2
    assert len({each.id for each in made.told.spans()}) == len(made.told.spans())
    assert made.told.total("istio_requests_total", response_code="200") == MANY
    assert made.told.total("outgate_decisions_total", verdict="deny") == 1
    assert made.told.total("outgate_workers") == 2
    resources = {
        attribute.value.string_value
        for message in made.told.received.metrics
        for of_resource in message.resource_metrics
        for attribute in of_resource.resource.attributes
        if attribute.key == "service.instance.id"
    }
    assert len(resources) == 1
    assert not resources & {each.instance for each in servers}


def test_a_mute_collector_keeps_neither_from_ending(
    lab: Lab, standing_origins: LabOrigins, origin_pki: world.OriginPki, workload: Workload
) -> None:
    with nobody(lab, listens=True) as address:
        environ = {**BOUNDS, **MINUTE, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{address}"}
        settings = {"drain_timeout": 1}
        with Gate(lab, POLICY, origin_pki, settings=settings, flags=WORKERS, environment=environ) as gate:
            for number in range(1, 9):
                assert asked(workload, f"http://api.example/{number}", App(number)).status == 200
            assert gate.stop() == 0
            assert "had to be ended" not in gate.stderr()
