"""What is counted is sent to a collector, and what was counted last of all is, too."""

import asyncio

import pytest

from outgate.policy.compile import load
from outgate.policy.current import Snapshot
from outgate.policy.frontends import Setting
from outgate.pushing import push
from outgate.telemetry.collector import read_export
from outgate.telemetry.exporting import Exports
from telemetry.events import event
from telemetry.receiver import over_http, until
from test_scrape import POLICY, Gate


@pytest.fixture
def gate(tmp_path):
    (tmp_path / "policy.yaml").write_text(POLICY)
    return Gate(Snapshot(load([tmp_path], Setting())))


def requests(received):
    """How many requests each message that came speaks of."""
    return [
        int(sum(point.as_double or point.as_int for point in metric.sum.data_points))
        for message in received.metrics
        for metric in message.resource_metrics[0].scope_metrics[0].metrics
        if metric.name == "istio_requests_total"
    ]


async def test_what_was_counted_since_is_sent_at_the_end(gate):
    with over_http() as received:
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": received.endpoint, "OTEL_METRIC_EXPORT_INTERVAL": "100"}
        exports = Exports(read_export(variables))
        push(exports, gate)
        exports.start()
        gate.metrics.observe(event())
        await asyncio.to_thread(until, lambda: requests(received))
        gate.metrics.observe(event())
        await asyncio.to_thread(exports.stop)
    assert requests(received)[-1] == 2
