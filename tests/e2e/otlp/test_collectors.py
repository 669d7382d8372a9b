"""A collector that is dead, mute, slow or flapping: requests are answered all the same, what waits is bounded, what is
lost is counted, and the gate ends in time.

Exporting may take a minute here before it is given up, longer than any client or this test waits: whoever waited for it
would be found out without a clock.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from e2e.documents import defaults, destination, policy
from e2e.lab import world
from e2e.lab.gate import Gate
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins
from e2e.otlp.collecting import FAST, collector
from e2e.otlp.traffic import App, Kept
from telemetry.receiver import OVER, until

pytestmark = pytest.mark.netns

POLICY = policy(defaults(mode="REGISTRY_ONLY"), destination("api.example", ports=("80/HTTP",)))
MANY, WAITING, BATCH = 300, 50, 16
BOUNDS = {"OTEL_BSP_MAX_QUEUE_SIZE": str(WAITING), "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": str(BATCH)}
MINUTE = {"OTEL_EXPORTER_OTLP_TIMEOUT": "60000"}
LOST = "spans cannot be exported"


@contextmanager
def nobody(lab: Lab, *, listens: bool) -> Iterator[str]:
    """An address in the pod that takes connections and never says anything, or refuses them."""
    with lab.enter(lab.pod):
        taken = socket.socket()
        taken.bind(("127.0.0.1", 0))
    with taken:
        if listens:
            taken.listen(64)
        yield f"127.0.0.1:{taken.getsockname()[1]}"


def ask(lab: Lab, count: int = MANY) -> None:
    """So many requests, one after the other; each has to be answered."""
    with Kept(lab, "api.example") as client:
        for number in range(count):
            assert client.ask(f"/{number}", App(number + 1))[0] == 200


def counts(gate: Gate) -> dict[str, int]:
    told: dict[str, int] = gate.admin("/status")["counts"]
    return told


def page(lab: Lab) -> str:
    done = lab.run_in(lab.pod, ["curl", "-sS", "--noproxy", "*", "http://127.0.0.1:15000/metrics"])
    return str(done.stdout)


@pytest.mark.parametrize("protocol", OVER)
@pytest.mark.parametrize("listens", [True, False], ids=["mute", "dead"])
def test_no_request_waits_and_what_waits_is_bounded_and_counted(
    lab: Lab, standing_origins: LabOrigins, origin_pki: world.OriginPki, protocol: str, listens: bool
) -> None:
    with nobody(lab, listens=listens) as address:
        endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{address}", "OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
        environ = {**FAST, **BOUNDS, **MINUTE, **endpoint}
        with Gate(lab, POLICY, origin_pki, environment=environ) as gate:
            ask(lab)
            until(lambda: MANY - counts(gate)["traces_dropped"] <= WAITING + BATCH)
            told = counts(gate)
            assert told["traces_exported"] == 0
            found = re.search(r'^outgate_export_dropped_total\{output="traces"\} (\d+)$', page(lab), re.MULTILINE)
            assert found is not None
            assert int(found[1]) >= told["traces_dropped"]
            assert gate.generation() == 1  # and who asks the gate how it is waits for nothing either
            assert gate.stop() == 0  # or it would have been killed, in a third of the time that exporting may take
            assert gate.stderr().count(LOST) <= 1


def test_a_slow_one_is_given_everything_in_its_own_time(
    lab: Lab, standing_origins: LabOrigins, origin_pki: world.OriginPki
) -> None:
    with collector(lab) as made:
        made.told.received.mood = lambda: time.sleep(0.1)
        with Gate(lab, POLICY, origin_pki, environment=made.environ()) as gate:
            ask(lab)
            assert counts(gate)["traces_exported"] < MANY  # they were all answered before that
            until(lambda: counts(gate)["traces_exported"] == MANY)
            assert counts(gate)["traces_dropped"] == 0
    assert len(made.told.spans(kind="SERVER")) == MANY


@pytest.mark.parametrize("protocol", OVER)
def test_one_that_comes_and_goes_gets_what_is_not_counted_as_lost(
    lab: Lab, standing_origins: LabOrigins, origin_pki: world.OriginPki, protocol: str
) -> None:
    with collector(lab, protocol) as made:
        environ = made.environ(OTEL_EXPORTER_OTLP_TIMEOUT="200")
        with Gate(lab, POLICY, origin_pki, environment=environ) as gate:
            for _ in range(3):
                lost, arrived = counts(gate)["traces_dropped"], counts(gate)["traces_exported"]
                made.told.received.mood = lambda: 503
                ask(lab, 20)
                until(lambda lost=lost: counts(gate)["traces_dropped"] > lost)
                made.told.received.mood = lambda: None
                ask(lab, 20)
                until(lambda arrived=arrived: counts(gate)["traces_exported"] > arrived)
            until(lambda: sum(counts(gate)[name] for name in ("traces_exported", "traces_dropped")) == 120)
            told = counts(gate)
            assert gate.stop() == 0
    assert len(made.told.spans(kind="SERVER")) == told["traces_exported"]
    assert LOST in gate.stderr()
    assert "spans are exported again" in gate.stderr()


def test_metrics_are_whole_again_when_it_is_back(
    lab: Lab, standing_origins: LabOrigins, origin_pki: world.OriginPki
) -> None:
    """They are cumulative: what could not be sent is in what is sent next."""
    with collector(lab) as made:
        made.told.received.mood = lambda: 503
        environ = made.environ(OTEL_EXPORTER_OTLP_TIMEOUT="200", OTEL_METRIC_EXPORT_INTERVAL="200")
        with Gate(lab, POLICY, origin_pki, environment=environ) as gate:
            ask(lab, 20)
            until(lambda: counts(gate)["metric_exports_failed"] > 1)
            made.told.received.mood = lambda: None
            made.told.wait(lambda: made.told.total("istio_requests_total") == 20)
            assert made.told.total("outgate_export_dropped_total", output="metrics") > 1


def test_what_waits_is_sent_at_the_end(lab: Lab, standing_origins: LabOrigins, origin_pki: world.OriginPki) -> None:
    with collector(lab) as made:
        environ = made.environ(OTEL_BSP_SCHEDULE_DELAY="60000", OTEL_METRIC_EXPORT_INTERVAL="60000")
        with Gate(lab, POLICY, origin_pki, environment=environ) as gate:
            ask(lab, 20)
            assert made.told.spans() == []
            assert gate.stop() == 0
    assert len(made.told.spans(kind="SERVER")) == 20
    assert made.told.total("istio_requests_total") == 20
