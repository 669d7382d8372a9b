"""The metrics that dashboard and rules rely on, each with labels as a running gate has them.

Owns the one list of names, labels and values that are relied on; a test holds it to the gate's own vocabulary. Also
makes series of them, for promtool and for a page that Prometheus reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

Labels = Mapping[str, str]

TARGET = {"job": "outgate", "instance": "127.0.0.1:15020"}
"""What Prometheus adds."""

PLACE = {"server_address": "api.example", "server_port": "443"}
SOURCE = {
    "reporter": "source",
    "source_workload": "shop",
    "source_workload_namespace": "prod",
    "source_principal": "spiffe://cluster.local/ns/prod/sa/shop",
    "source_app": "shop",
    "source_version": "v1",
    "source_canonical_service": "shop",
    "source_canonical_revision": "v1",
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


def _istio(service: str, name: str, flags: str = "-", protocol: str = "tcp", **http: str) -> Labels:
    to = {"destination_service": service, "destination_service_name": name}
    return {**SOURCE, **OUTSIDE, **to, "request_protocol": protocol, "response_flags": flags, **http}


GATEWAY = {"source_workload": "istio-egressgateway", "source_workload_namespace": "istio-system"}
"""The gate as the one who sends, which is how Istio's egress gateway has it."""
SERVED = _istio("api.example", "api.example", protocol="http", response_code="200")
HTTP = (
    SERVED,
    {**SERVED, **GATEWAY},
    {**SERVED, "request_protocol": "grpc", "grpc_response_status": "0"},
    _istio("api.example", "api.example", "UF", "http", response_code="503"),
    _istio("api.example", "api.example", "UAEX", "http", response_code="403"),
    _istio("evil.example", "BlackHoleCluster", protocol="http", response_code="502"),
    _istio("new.example", "PassthroughCluster", protocol="http", response_code="404"),
    {**_istio("evil.example", "BlackHoleCluster", protocol="http", response_code="502"), **GATEWAY},
)
TCP = (_istio("db.example", "db.example"), _istio("evil.example", "BlackHoleCluster"))

COUNTERS: dict[str, tuple[Labels, ...]] = {
    "istio_requests_total": HTTP,
    "istio_tcp_connections_opened_total": TCP,
    "istio_tcp_connections_closed_total": TCP,
    "istio_tcp_sent_bytes_total": TCP,
    "istio_tcp_received_bytes_total": TCP,
    "outgate_decisions_total": (
        {"kind": "http", "verdict": "allow", "code": "registered"},
        {"kind": "http", "verdict": "allow", "code": "observed", "would": "unregistered"},
        {"kind": "http", "verdict": "deny", "code": "unregistered"},
        {"kind": "tls", "verdict": "deny", "code": "refused_by_rule"},
    ),
    "outgate_origin_attempts_total": (
        {**PLACE, "reused": "true"},
        {**PLACE, "reused": "false"},
        {**PLACE, "reused": "false", "error_type": "connect_timeout"},
        {**PLACE, "reused": "false", "error_type": "tls_certificate_verify"},
    ),
    "outgate_connections_total": ({},),
    "outgate_label_overflows_total": ({"label": "host"},),
    "outgate_export_dropped_total": ({"output": "access_log"},),
    "outgate_redactions_total": ({"detector": "bearer"},),
    "outgate_captures_total": ({"outcome": "written"}, {"outcome": "failed"}),
    "outgate_bounds_total": ({"bound": "head_timeout"},),
    "outgate_incidents_total": ({"incident": "left_early"}, {"incident": "redaction_failed"}),
    "outgate_guard_trips_total": ({},),
    "outgate_policy_reloads_total": ({"outcome": "loaded"},),
    "outgate_worker_restarts_total": ({"worker": "0"},),
}

HISTOGRAMS: dict[str, tuple[Labels, ...]] = {
    "istio_request_duration_milliseconds": HTTP,
    "istio_request_bytes": HTTP,
    "istio_response_bytes": HTTP,
    "dns_lookup_duration_seconds": ({"dns_question_name": "api.example"},),
    "outgate_connect_duration_seconds": (PLACE,),
    "outgate_tls_handshake_duration_seconds": ({**PLACE, "tls_protocol_version": "1.3"},),
    "outgate_client_tls_handshake_duration_seconds": (
        {"tls_protocol_version": "1.3"},
        {"error_type": "client_tls_failed"},
    ),
    "http_client_connection_duration_seconds": (PLACE,),
}

LEVELS: dict[str, tuple[Labels, ...]] = {
    "istio_build": ({"component": "proxy", "tag": "0.1.0"},),
    "http_server_active_requests": ({},),
    "http_client_open_connections": (
        {**PLACE, "http_connection_state": "active"},
        {**PLACE, "http_connection_state": "idle"},
    ),
    "outgate_connections": ({},),
    "outgate_origin_certificate_expiry_timestamp_seconds": (PLACE,),
    "outgate_certificate_expiry_timestamp_seconds": ({"role": "ca", "file": "outgate-ca.crt"},),
    "outgate_policy_generation": ({},),
    "outgate_policy_age_seconds": ({},),
    "outgate_policy_destinations": ({},),
    "outgate_policy_last_reload_successful": ({},),
    "outgate_ready": ({},),
    "outgate_workers": ({},),
    "outgate_build_info": ({"version": "0.1.0"},),
}

RELIED: dict[str, tuple[Labels, ...]] = {**COUNTERS, **HISTOGRAMS, **LEVELS}
BUCKETS = ("1", "5", "100", "+Inf")
"""Each holds what those below it hold, and as much again."""
EXPIRY = 4_000_000_000


def values(count: int, target: Labels = TARGET) -> dict[str, tuple[int, int]]:
    """Each series, written as an expression, and what it is at first and after `count` steps. Counters rise.
    `target`: what a scrape added; nothing on a page that is to be scraped."""
    found: dict[str, tuple[int, int]] = {"up" + rendered(target): (1, 1)} if target else {}
    for name, labels in _each(COUNTERS, target):
        found[name + rendered(labels)] = (0, 60 * count)
    for name, labels in _each(HISTOGRAMS, target):
        for number, bound in enumerate(BUCKETS, 1):
            found[f"{name}_bucket{rendered({**labels, 'le': bound})}"] = (0, 60 * count * number)
        found[f"{name}_count{rendered(labels)}"] = (0, 60 * count * len(BUCKETS))
        found[f"{name}_sum{rendered(labels)}"] = (0, 6000 * count)
    for name, labels in _each(LEVELS, target):
        found[name + rendered(labels)] = (EXPIRY, EXPIRY) if "timestamp" in name else (1, 1)
    return found


def series(count: int) -> dict[str, str]:
    """The same in promtool's notation."""
    return {name: f"{first}+{(last - first) // count}x{count}" for name, (first, last) in values(count).items()}


def rendered(labels: Labels) -> str:
    return "{" + ", ".join(f'{name}="{value}"' for name, value in labels.items()) + "}"


def _each(metrics: Mapping[str, tuple[Labels, ...]], target: Labels) -> Iterator[tuple[str, Labels]]:
    for name, samples in metrics.items():
        for labels in samples:
            yield name, {**labels, **target}
