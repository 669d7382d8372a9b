"""Others choose much of what is counted, and cannot make it more than there is room for."""

import random

import pytest

from outgate.policy.model import Identity
from outgate.telemetry import names
from outgate.telemetry.event import Phases
from outgate.telemetry.metrics import Metrics
from telemetry.counted import series, total
from telemetry.events import CALLER, DENIED, PARTNER, allowed, destination, event, reached

KIALI = (
    "source_workload_namespace",
    "source_workload",
    "source_canonical_service",
    "source_canonical_revision",
    "destination_service_namespace",
    "destination_service",
    "destination_service_name",
    "destination_workload_namespace",
    "destination_workload",
    "destination_canonical_service",
    "destination_canonical_revision",
    "response_flags",
)


def test_a_flood_of_denied_hosts_leaves_registered_ones_alone():
    metrics = Metrics(hosts=50, series=400)
    metrics.follow([PARTNER, destination("late.example")])
    for number in range(100_000):
        metrics.observe(event(f"h{number}.evil.example", DENIED))
    metrics.observe(event())
    metrics.observe(event("late.example", allowed(destination("late.example"))))
    requests = series(metrics, names.REQUESTS)
    assert len(requests) == 53
    assert total(metrics, names.REQUESTS) == 100_002
    named = {labels["destination_service"]: value for labels, value in requests}
    assert named["other"] == 100_000 - 50
    assert named["api.partner.example"] == named["late.example"] == 1
    assert {
        labels["destination_service_name"] for labels, _ in requests if "evil" in labels["destination_service"]
    } == {"BlackHoleCluster"}
    assert total(metrics, names.OVERFLOWS) == 100_000 - 50


def test_what_else_others_choose_is_bounded_too():
    metrics, chosen = Metrics(hosts=10, series=100), random.Random(7)
    metrics.follow([PARTNER])
    for _ in range(20_000):
        metrics.observe(
            event(
                f"{chosen.random()}.example",
                chosen.choice([allowed(None), allowed(destination("*.example")), DENIED]),
                kind=chosen.choice(["http", "tls", "tcp"]),
                status=chosen.randrange(2000),
                method=str(chosen.random()),
                protocol=str(chosen.random()),
                flags=str(chosen.random()),
                error_type=str(chosen.random()),
                code=str(chosen.random()),
                port=chosen.randrange(65536),
                caller=Identity(str(chosen.random()), labels=(("app", str(chosen.random())),)),
                grpc=chosen.random() < 0.5,
                reached=(reached(error_type=str(chosen.random()), reused=False, phases=Phases(0, 1, 1, 1)),),
            )
        )
    for name, found in metrics.scraped().items():
        assert len(found) <= 200, name
    assert total(metrics, names.DECISIONS) == 20_000
    assert total(metrics, names.REQUESTS) + total(metrics, names.TCP_CLOSED) == 20_000
    metrics.observe(event())
    assert any(labels["destination_service"] == "other" for labels, _ in series(metrics, names.REQUESTS))


@pytest.mark.parametrize("kind", ["http", "tls", "tcp"])
def test_no_label_that_kiali_needs_is_ever_empty(kind):
    metrics, chosen = Metrics(hosts=5, series=40), random.Random(3)
    for _ in range(2000):
        metrics.observe(
            event(
                chosen.choice([None, "a.example", f"{chosen.random()}.example"]),
                chosen.choice([allowed(None), allowed(destination("*")), allowed(destination("")), DENIED]),
                kind=kind,
                status=chosen.choice([0, 200]),
                caller=chosen.choice([Identity(), CALLER, Identity("shop"), Identity(labels=(("app", ""),))]),
            )
        )
    needed = (*KIALI, "request_protocol", "response_code") if kind == "http" else KIALI
    for labels, _ in series(metrics, names.REQUESTS if kind == "http" else names.TCP_CLOSED):
        assert all(labels[name] for name in needed), labels
