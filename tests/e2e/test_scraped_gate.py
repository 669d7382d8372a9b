"""A running gate with a busy workload, scraped by Debian's Prometheus from outside, answers what others ask."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from docpages.markdown import ROOT
from e2e import busy
from e2e.busy import Busy
from e2e.lab import prometheus, world
from e2e.lab.gate import Gate
from e2e.lab.namespaces import POD4, Lab
from e2e.lab.origins import LabOrigins
from e2e.lab.prometheus import Prometheus
from e2e.workload import Workload
from helm import dashboard, promtool
from telemetry import queries

pytestmark = [prometheus.needed, pytest.mark.netns, pytest.mark.slow]

WINDOW = "10s"
PORT = 15090
RULES = ROOT / "helm" / "outgate" / "rules" / "outgate.yaml"
QUERIES = queries.every(WINDOW)
BOARD = dashboard.read()
NOT_TRAFFIC = {"Captures, A", "Redactions, A"}
"""What this gate does not do."""
OBSERVED = "Would be denied, A"
"""Of a mode of its own."""
OF_WORKERS = "Workers and policies, B"
EXPRESSIONS = {
    name: expression
    for name, expression in dashboard.expressions(BOARD).items()
    if name not in {*NOT_TRAFFIC, OBSERVED}
}


@dataclass(frozen=True)
class Watched:
    """What stands, while it stands."""

    workers: int
    pki: world.OriginPki
    gate: Gate
    prometheus: Prometheus
    busy: Busy

    def one(self, selector: str) -> dict[str, str]:
        """The labels of the one series."""
        found = self.prometheus.wait(selector)
        assert len(found) == 1, found
        labels: dict[str, str] = found[0]["metric"]
        return labels


@pytest.fixture(scope="module", params=[(1, "/metrics"), (2, "/stats/prometheus")], ids=["one process", "two workers"])
def watched(
    request: pytest.FixtureRequest, lab: Lab, standing_origins: LabOrigins, origin_pki: world.OriginPki
) -> Iterator[Watched]:
    workers, path = request.param
    flags = ["--workers", str(workers), "--metrics", f":{PORT}"]
    with (
        Gate(lab, busy.documents(origin_pki), origin_pki, settings=busy.SETTINGS, flags=flags) as gate,
        Prometheus(f"{POD4}:{PORT}", path, RULES, lab) as running,
        Busy(Workload(lab, origin_pki)) as asking,
    ):
        running.wait(f"rate(istio_requests_total[{WINDOW}]) > 0")
        yield Watched(workers, origin_pki, gate, running, asking)
    assert "Traceback" not in gate.stderr(), gate.stderr()


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_what_others_ask_is_answered(watched: Watched, query: str) -> None:
    assert watched.prometheus.wait(query)


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_what_the_dashboard_asks_is_answered(watched: Watched, name: str) -> None:
    if name == OF_WORKERS and watched.workers == 1:
        pytest.skip("one process restarts no other")
    assert watched.prometheus.wait(EXPRESSIONS[name])


@pytest.mark.parametrize("choice", dashboard.choices(BOARD))
def test_the_dashboard_has_values_to_choose_from(watched: Watched, choice: str) -> None:
    selector, label = dashboard.choices(BOARD)[choice]
    assert all(found["metric"][label] for found in watched.prometheus.wait(selector))


def test_a_known_caller_is_the_source_and_an_unknown_one_is_the_gate(watched: Watched) -> None:
    served = 'istio_requests_total{destination_service="api.example", response_code="404", '
    known = watched.one(served + 'source_workload="shop"}')
    principal = "spiffe://cluster.local/ns/prod/sa/shop"
    assert (known["source_workload_namespace"], known["source_principal"]) == ("prod", principal)
    assert (known["source_app"], known["source_version"], known["source_canonical_revision"]) == ("shop", "v1", "v1")
    unknown = watched.one(served + f'source_workload="{busy.GATEWAY}"}}')
    assert (unknown["source_workload_namespace"], unknown["source_principal"]) == ("istio-system", "unknown")
    for labels in (known, unknown):
        assert labels.keys() >= queries.KIALI_REQUIRED
        assert labels["destination_service_name"] == "api.example"


def test_raw_tcp_is_counted_under_its_host_and_the_labels_of_its_endpoint(watched: Watched) -> None:
    labels = watched.one('istio_tcp_connections_closed_total{destination_service="tcp.example"}')
    told = {name: labels[name] for name in ("destination_service_name", "destination_app", "destination_version")}
    expected = ("tcp.example", "ledger", "blue")
    assert tuple(told.values()) == expected
    assert labels["source_workload"] == "shop"
    assert watched.one('outgate_origin_attempts_total{server_address="tcp.example"}')["server_port"] == "7000"


def test_a_call_of_grpc_is_told_with_its_status(watched: Watched) -> None:
    labels = watched.one('istio_requests_total{destination_service="grpc.example"}')
    assert (labels["request_protocol"], labels["response_code"]) == ("grpc", "200")
    assert labels["grpc_response_status"] == "0"


@pytest.mark.parametrize(
    ("flags", "host"),
    [("UAEX", "api.example"), ("UF", "wrong.example"), ("UF", "one.example"), ("DF", "nobody.example")],
)
def test_what_failed_has_envoys_flag_and_its_host(watched: Watched, flags: str, host: str) -> None:
    selector = f'istio_requests_total{{response_flags="{flags}", destination_service="{host}"}}'
    assert watched.one(selector)["destination_service_name"] == host


def test_alerts_fire_on_what_is_denied_and_what_fails(watched: Watched) -> None:
    expected = {"OutgateBlockedEgress", "OutgateDenied", "OutgateNewDestination", "OutgateLabelCap"}
    expected |= {"OutgateOriginTlsFailures"}
    for name in expected:
        watched.prometheus.wait(f'ALERTS{{alertname="{name}", alertstate="firing"}}')
    fired = {alert["labels"]["alertname"] for alert in watched.prometheus.alerts() if alert["state"] == "firing"}
    assert fired.isdisjoint({"OutgateDown", "OutgateNotReady", "OutgatePolicyRefused", "OutgateGuardTripped"})


@promtool.needed
def test_promtool_finds_nothing_wrong_with_the_page(watched: Watched) -> None:
    assert promtool.lint(watched.gate.asked("/metrics")) == ""


def test_a_worker_that_is_killed_takes_nothing_back(watched: Watched) -> None:
    if watched.workers == 1:
        pytest.skip("there is no worker")
    before = watched.prometheus.wait("sum(istio_requests_total)")[0]["value"]
    with watched.busy.still():
        os.kill(watched.gate.admin("/status")["workers"][0]["pid"], signal.SIGKILL)
    watched.prometheus.wait("sum(outgate_worker_restarts_total) == 1")
    watched.prometheus.wait(f"sum(istio_requests_total) > {before + 50}")
    for metric in ("istio_requests_total", "istio_request_duration_milliseconds_bucket", "outgate_decisions_total"):
        assert watched.prometheus.wait(f"max(resets({metric}[5m]))")[0]["value"] == 0


def test_what_would_be_denied_is_counted_and_a_new_policy_is_marked(watched: Watched) -> None:
    """The last one, for it changes the policy."""
    with watched.busy.still():
        watched.gate.reload(busy.documents(watched.pki, mode="OBSERVE"))
    assert watched.prometheus.wait(dashboard.expressions(BOARD)[OBSERVED] + " > 0")
    for mark in dashboard.annotations(BOARD):
        assert watched.prometheus.wait(mark)
