"""What the same run comes to in metrics, pushed by OTLP: every series, with its labels and its value."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from e2e.otlp.conftest import Ran
from e2e.otlp.told import Labels, Spread
from outgate import __version__
from outgate.telemetry.names import MILLISECONDS, SECONDS, SPECS, Kind

pytestmark = pytest.mark.netns

CALLER = {
    "reporter": "source",
    "source_workload": "web",
    "source_workload_namespace": "prod",
    "source_principal": "spiffe://cluster.local/ns/prod/sa/web",
    "source_app": "unknown",
    "source_version": "unknown",
    "source_canonical_service": "web",
    "source_canonical_revision": "latest",
    "source_cluster": "Kubernetes",
}
OUTSIDE = {
    "destination_workload": "unknown",
    "destination_workload_namespace": "unknown",
    "destination_principal": "unknown",
    "destination_app": "unknown",
    "destination_version": "unknown",
    "destination_service_namespace": "unknown",
    "destination_canonical_service": "unknown",
    "destination_canonical_revision": "latest",
    "destination_cluster": "unknown",
    "connection_security_policy": "unknown",
}
ANSWERED = {
    ("api.example", "200", "-"): 6,
    ("api.example", "101", "-"): 1,
    ("api.example", "404", "-"): 1,
    ("api.example", "503", "-"): 1,
    ("api.example", "200", "UC"): 1,
    ("api.example", "0", "DC"): 1,
    ("api.example", "503", "UF"): 1,
    ("api.example", "403", "UAEX"): 1,
    ("forbidden.example", "502", "UAEX"): 1,
    ("wrong.example", "502", "UF"): 1,
    ("strange.example", "502", "UF"): 1,
    ("silent.example", "503", "UF"): 1,
    ("nowhere.example", "503", "DF"): 1,
}
"""Requests by host, status and response flags."""
CALLS = {"0": (4, 7, 7), "5": (1, 1, 0)}
"""Calls of gRPC by their status, and messages in both directions."""
RELAYED = {
    ("tcp.example", "-", "ledger", "v1"): (1, 8, 16),
    ("tcp.example", "UF", "unknown", "unknown"): (1, 0, 0),
    ("unknown", "UAEX", "unknown", "unknown"): (1, 0, 0),
}
"""Connections by host, flags and labels of the endpoint; then bytes from the workload and to it."""


def istio(service: str, flags: str, protocol: str = "http", **more: str) -> Labels:
    name = "BlackHoleCluster" if service in ("forbidden.example", "unknown") else service
    told = {"destination_service": service, "destination_service_name": name, "response_flags": flags}
    return {**CALLER, **OUTSIDE, **told, "request_protocol": protocol, **more}


def http(service: str, code: str, flags: str) -> Labels:
    return istio(service, flags, response_code=code)


def call(status: str) -> Labels:
    return istio("grpc.example", "-", "grpc", response_code="200", grpc_response_status=status)


def told(ran: Ran, name: str) -> list[tuple[Labels, float]]:
    """Series and their values; of a histogram, how often."""
    points = ran.told.points(name)
    return [(labels, value.count if isinstance(value, Spread) else value) for labels, value in points]


def same(found: list[tuple[Labels, float]], expected: list[tuple[Labels, float]]) -> None:
    def key(pair: tuple[Labels, float]) -> str:
        return repr(sorted(pair[0].items(), key=str))

    assert sorted(found, key=key) == sorted(expected, key=key)


@pytest.mark.parametrize("name", ["istio_requests_total", "istio_request_duration_milliseconds"])
def test_requests_have_istios_labels(ran: Ran, name: str) -> None:
    expected = [(http(*key), count) for key, count in ANSWERED.items()]
    same(told(ran, name), expected + [(call(status), counts[0]) for status, counts in CALLS.items()])


@pytest.mark.parametrize(("name", "place"), [("istio_request_messages_total", 1), ("istio_response_messages_total", 2)])
def test_messages_of_grpc_are_counted_in_both_directions(ran: Ran, name: str, place: int) -> None:
    same(told(ran, name), [(call(status), counts[place]) for status, counts in CALLS.items()])


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("istio_tcp_connections_opened_total", 0),
        ("istio_tcp_connections_closed_total", 0),
        ("istio_tcp_received_bytes_total", 1),
        ("istio_tcp_sent_bytes_total", 2),
    ],
)
def test_bytes_are_counted_by_registered_host_and_endpoint(ran: Ran, name: str, place: int) -> None:
    found = {
        (labels["destination_service"], labels["response_flags"], labels["destination_app"]): (labels, value)
        for labels, value in told(ran, name)
    }
    tunnel, passed = found.pop(("pinned.example", "-", "unknown"))
    assert tunnel == istio("pinned.example", "-", "tcp")
    assert passed > 100 if place else passed == 1
    expected = [
        (istio(host, flags, "tcp", destination_app=app, destination_version=version), counts[place])
        for (host, flags, app, version), counts in RELAYED.items()
    ]
    same(list(found.values()), expected)


def client(host: str, port: int, status: int | None = 200, error: str = "", **more: Any) -> Labels:
    told = {"http.request.method": "GET", "server.address": host, "server.port": port}
    told |= {"http.response.status_code": status} if status else {}
    told |= {"error.type": error} if error else {}
    return told | {"network.protocol.version": "1.1" if status else None} | more


ASKED = [
    (client("api.example", 80), 4),
    (client("api.example", 80, 101), 1),
    (client("api.example", 80, 404, "404"), 1),
    (client("api.example", 80, 503, "503"), 1),
    (client("api.example", 80, None, "connection_closed"), 1),
    (client("api.example", 81, None, "connection_refused"), 1),
    (client("api.example", 443), 1),
    (client("api.example", 443, **{"http.request.method": "POST", "network.protocol.version": "2"}), 1),
    (client("api.example", 443, 200, "connection_closed"), 1),
    (client("api.example", 443, None), 1),
    (client("wrong.example", 443, None, "tls_certificate_verify"), 1),
    (client("strange.example", 443, None, "tls_certificate_verify"), 1),
    (client("silent.example", 80, None, "connect_timeout"), 1),
    (client("nowhere.example", 80, None, "host_not_found"), 1),
    (client("grpc.example", 80, **{"http.request.method": "POST", "network.protocol.version": "2"}), 4),
    (client("grpc.example", 443, **{"http.request.method": "POST", "network.protocol.version": "2"}), 1),
]


def test_origins_are_told_of_by_the_conventions(ran: Ran) -> None:
    expected = [({name: value for name, value in labels.items() if value is not None}, n) for labels, n in ASKED]
    same(told(ran, "http.client.request.duration"), expected)


def test_workloads_are_told_of_by_the_conventions(ran: Ran) -> None:
    def server(scheme: str, status: int | None, error: str = "", version: str = "1.1", method: str = "GET") -> Labels:
        labels = {"http.request.method": method, "url.scheme": scheme, "network.protocol.version": version}
        labels |= {"http.response.status_code": status} if status else {}
        return labels | ({"error.type": error} if error else {})

    expected = [
        (server("http", 200), 4),
        (server("http", 101), 1),
        (server("http", 404), 1),
        (server("http", 503, "503"), 1),
        (server("http", 503, "connection_refused"), 1),
        (server("http", 503, "host_not_found"), 1),
        (server("http", 503, "connect_timeout"), 1),
        (server("http", 502, "outgate_denied"), 1),
        (server("http", 200, version="2", method="POST"), 4),
        (server("https", 200), 1),
        (server("https", 200, "connection_closed"), 1),
        (server("https", None), 1),
        (server("https", 200, version="2", method="POST"), 2),
        (server("https", 403, "outgate_denied", version="2"), 1),
        (server("https", 502, "tls_certificate_verify", version="2"), 2),
    ]
    for name in ("duration", "body.size"):
        whole = f"http.server.request.{name}"
        same(told(ran, whole), expected)


def test_metrics_and_spans_count_the_same(ran: Ran) -> None:
    def kinds(labels: Labels) -> tuple[object, ...]:
        names = ("server.address", "server.port", "http.response.status_code", "error.type", "network.protocol.version")
        return tuple(labels.get(name) for name in names)

    spans = Counter(kinds(each.attributes) for each in ran.told.spans(kind="CLIENT") if "url.full" in each.attributes)
    metrics: Counter[tuple[object, ...]] = Counter()
    for labels, count in told(ran, "http.client.request.duration"):
        metrics[kinds(labels)] += int(count)
    assert spans == metrics


def test_failed_parts_of_a_dial_are_told_of(ran: Ran) -> None:
    def failed(name: str) -> set[tuple[object, object]]:
        return {
            (labels.get("server.address") or labels["dns.question.name"], labels["error.type"])
            for labels, _ in told(ran, name)
            if "error.type" in labels
        }

    assert failed("dns.lookup.duration") == {("nowhere.example", "host_not_found")}
    assert failed("outgate_connect_duration_seconds") == {
        ("silent.example", "connect_timeout"),
        ("api.example", "connection_refused"),
        ("tcp.example", "connection_refused"),
    }
    assert failed("outgate_tls_handshake_duration_seconds") == {
        ("wrong.example", "tls_certificate_verify"),
        ("strange.example", "tls_certificate_verify"),
    }
    (slow,) = ran.told.points("outgate_connect_duration_seconds", server_address="silent.example")
    assert isinstance(slow[1], Spread)
    assert slow[1].sum >= 0.3
    looked_up = {labels["dns.question.name"] for labels, _ in told(ran, "dns.lookup.duration")}
    assert "tcp.example" not in looked_up  # its endpoint is an address


def test_decisions_are_counted_as_they_came_out(ran: Ran) -> None:
    def decided(kind: str, verdict: str, code: str) -> Labels:
        return {"kind": kind, "verdict": verdict, "code": code}

    same(
        told(ran, "outgate_decisions_total"),
        [
            (decided("http", "allow", "registered"), 21),
            (decided("http", "deny", "unregistered"), 1),
            (decided("http", "deny", "refused_by_rule"), 1),
            (decided("tcp", "allow", "registered"), 2),
            (decided("tcp", "deny", "unregistered"), 1),
            (decided("tls", "allow", "registered"), 1),
        ],
    )
    assert len(ran.log) == 27


def test_the_gate_tells_of_itself_and_of_what_it_exported(ran: Ran) -> None:
    assert told(ran, "outgate_build_info") == [({"version": __version__}, 1)]
    assert told(ran, "istio_build") == [({"component": "proxy", "tag": __version__}, 1)]
    assert ran.told.total("outgate_export_dropped_total") == 0
    assert ran.told.total("outgate_export_sent_total", output="traces") > 0
    assert ran.told.total("http.server.active_requests") == 0
    states = {labels["http.connection.state"] for labels, _ in told(ran, "http.client.open_connections")}
    assert states == {"active", "idle"}


def test_each_metric_is_of_its_kind_and_cumulative(ran: Ran) -> None:
    by_name = {spec.convention or spec.name: spec for spec in SPECS.values()}
    for metric in ran.told.metrics():
        spec, kind = by_name[metric.name], metric.WhichOneof("data")
        assert kind == {Kind.HISTOGRAM: "histogram", Kind.MARK: "gauge"}.get(spec.kind, "sum")
        assert (metric.description, metric.unit) == (spec.help, spec.unit or "1")
        if kind != "gauge":
            assert getattr(metric, kind).aggregation_temporality == 2
        if kind == "sum":
            assert metric.sum.is_monotonic is (spec.kind is Kind.COUNTER)
        for point in getattr(metric, kind).data_points:
            assert kind == "gauge" or 0 < point.start_time_unix_nano <= point.time_unix_nano


def test_buckets_are_istios_and_those_of_the_conventions(ran: Ran) -> None:
    for name, bounds in (
        ("istio_request_duration_milliseconds", MILLISECONDS),
        ("istio_request_bytes", MILLISECONDS),
        ("http.client.request.duration", SECONDS),
        ("http.server.request.duration", SECONDS),
    ):
        found = [value.bounds for _, value in ran.told.points(name) if isinstance(value, Spread)]
        assert set(found) == {tuple(map(float, bounds))}


def test_values_only_rise(ran: Ran) -> None:
    totals = [
        sum(point.as_double or point.as_int for point in metric.sum.data_points)
        for metric in ran.told.metrics()
        if metric.name == "istio_requests_total"
    ]
    assert totals == sorted(totals)
    assert totals[-1] == 23
