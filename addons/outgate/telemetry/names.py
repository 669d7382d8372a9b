"""Every metric, with its labels, its buckets and its words; dashboards, documentation and both renderings go by this.

Owns the vocabulary alone. Istio's names and labels are Istio's, those of HTTP, DNS and connections are OpenTelemetry's
conventions, the rest begin with `outgate_`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

UNKNOWN, OTHER, NOTHING = "unknown", "other", "-"
"""What Istio writes for what is not known, what stands for everything beyond a bound, and for no response flags."""
BLACK_HOLE, PASSTHROUGH = "BlackHoleCluster", "PassthroughCluster"
"""Destinations of what is denied as unregistered, and of what passes though it is not registered."""


class Kind(StrEnum):
    """How a value behaves. A LEVEL rises and falls and adds up over processes; of a MARK the highest counts."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    LEVEL = "level"
    MARK = "mark"


@dataclass(frozen=True, slots=True)
class Spec:
    """One metric. Labels are named as OpenTelemetry names attributes; Prometheus has `_` for each dot."""

    name: str
    """As Prometheus has it."""
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    """Upper bounds of buckets, each belonging to its own; one more is without."""
    convention: str = ""
    """As OpenTelemetry names it, where that is otherwise."""
    unit: str = ""


MILLISECONDS = (0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1e3, 2.5e3, 5e3, 1e4, 3e4, 6e4, 3e5, 6e5, 1.8e6, 3.6e6)
"""Envoy's, which Istio has for bytes, too."""
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
LIFETIME = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300)
SIZES = (0, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)

CALLER = (
    "source_workload",
    "source_workload_namespace",
    "source_principal",
    "source_app",
    "source_version",
    "source_canonical_service",
    "source_canonical_revision",
    "source_cluster",
)
DESTINATION = (
    "destination_workload",
    "destination_workload_namespace",
    "destination_principal",
    "destination_app",
    "destination_version",
    "destination_service",
    "destination_service_name",
    "destination_service_namespace",
    "destination_canonical_service",
    "destination_canonical_revision",
    "destination_cluster",
)
ISTIO_TCP = ("reporter", *CALLER, *DESTINATION, "request_protocol", "response_flags", "connection_security_policy")
ISTIO_HTTP = (*ISTIO_TCP, "response_code", "grpc_response_status")

COUNTER, HISTOGRAM, LEVEL, MARK = Kind.COUNTER, Kind.HISTOGRAM, Kind.LEVEL, Kind.MARK

REQUESTS = Spec("istio_requests_total", COUNTER, "Requests that are over.", ISTIO_HTTP)
REQUEST_DURATION = Spec(
    "istio_request_duration_milliseconds",
    HISTOGRAM,
    "From the first byte of the head to the last of the answer.",
    ISTIO_HTTP,
    MILLISECONDS,
    unit="ms",
)
REQUEST_BYTES = Spec("istio_request_bytes", HISTOGRAM, "Body of the request.", ISTIO_HTTP, MILLISECONDS, unit="By")
RESPONSE_BYTES = Spec("istio_response_bytes", HISTOGRAM, "Body of the answer.", ISTIO_HTTP, MILLISECONDS, unit="By")
REQUEST_MESSAGES = Spec("istio_request_messages_total", COUNTER, "Messages of gRPC from the workload.", ISTIO_HTTP)
RESPONSE_MESSAGES = Spec("istio_response_messages_total", COUNTER, "Messages of gRPC to the workload.", ISTIO_HTTP)
TCP_OPENED = Spec("istio_tcp_connections_opened_total", COUNTER, "Tunnels and raw TCP, counted when over.", ISTIO_TCP)
TCP_CLOSED = Spec("istio_tcp_connections_closed_total", COUNTER, "Tunnels and raw TCP that are over.", ISTIO_TCP)
TCP_SENT = Spec("istio_tcp_sent_bytes_total", COUNTER, "Bytes sent to the workload.", ISTIO_TCP, unit="By")
TCP_RECEIVED = Spec("istio_tcp_received_bytes_total", COUNTER, "Bytes from the workload.", ISTIO_TCP, unit="By")
ISTIO_BUILD = Spec("istio_build", MARK, "The version that runs here, as Istio's dashboards ask.", ("component", "tag"))

OVERRIDABLE = {
    "REQUEST_COUNT": REQUESTS,
    "REQUEST_DURATION": REQUEST_DURATION,
    "REQUEST_SIZE": REQUEST_BYTES,
    "RESPONSE_SIZE": RESPONSE_BYTES,
    "TCP_OPENED_CONNECTIONS": TCP_OPENED,
    "TCP_CLOSED_CONNECTIONS": TCP_CLOSED,
    "TCP_SENT_BYTES": TCP_SENT,
    "TCP_RECEIVED_BYTES": TCP_RECEIVED,
    "GRPC_REQUEST_MESSAGES": REQUEST_MESSAGES,
    "GRPC_RESPONSE_MESSAGES": RESPONSE_MESSAGES,
}
"""What Istio's Telemetry may change, by the name that it has there."""

VERSION, STATUS, ERROR = "network.protocol.version", "http.response.status_code", "error.type"
SERVER = ("http.request.method", "url.scheme", STATUS, ERROR, VERSION)
PLACE = ("server.address", "server.port")
CLIENT = ("http.request.method", *PLACE, STATUS, ERROR, VERSION)

SERVER_DURATION = Spec(
    "http_server_request_duration_seconds",
    HISTOGRAM,
    "Requests of workloads, from the first byte of the head to the last of the answer.",
    SERVER,
    SECONDS,
    "http.server.request.duration",
    "s",
)
SERVER_REQUEST_SIZE = Spec(
    "http_server_request_body_size_bytes",
    HISTOGRAM,
    "Bodies of requests of workloads.",
    SERVER,
    SIZES,
    "http.server.request.body.size",
    "By",
)
SERVER_RESPONSE_SIZE = Spec(
    "http_server_response_body_size_bytes",
    HISTOGRAM,
    "Bodies of answers to workloads.",
    SERVER,
    SIZES,
    "http.server.response.body.size",
    "By",
)
CLIENT_DURATION = Spec(
    "http_client_request_duration_seconds",
    HISTOGRAM,
    "Requests to origins, one for each time one was tried.",
    CLIENT,
    SECONDS,
    "http.client.request.duration",
    "s",
)
CLIENT_REQUEST_SIZE = Spec(
    "http_client_request_body_size_bytes",
    HISTOGRAM,
    "Bodies of requests to origins.",
    CLIENT,
    SIZES,
    "http.client.request.body.size",
    "By",
)
CLIENT_RESPONSE_SIZE = Spec(
    "http_client_response_body_size_bytes",
    HISTOGRAM,
    "Bodies of answers of origins.",
    CLIENT,
    SIZES,
    "http.client.response.body.size",
    "By",
)
CLIENT_OPEN = Spec(
    "http_client_open_connections",
    LEVEL,
    "Open connections to origins.",
    ("http.connection.state", *PLACE),
    (),
    "http.client.open_connections",
    "{connection}",
)
CLIENT_LIFETIME = Spec(
    "http_client_connection_duration_seconds",
    HISTOGRAM,
    "How long connections to origins were open.",
    PLACE,
    LIFETIME,
    "http.client.connection.duration",
    "s",
)
SERVER_ACTIVE = Spec(
    "http_server_active_requests",
    LEVEL,
    "What is under way: requests, tunnels and WebSockets.",
    (),
    (),
    "http.server.active_requests",
    "{request}",
)
DNS_DURATION = Spec(
    "dns_lookup_duration_seconds",
    HISTOGRAM,
    "Lookups of origins' names.",
    ("dns.question.name", ERROR),
    SECONDS,
    "dns.lookup.duration",
    "s",
)

CONNECT_DURATION = Spec(
    "outgate_connect_duration_seconds",
    HISTOGRAM,
    "TCP handshakes with origins.",
    (*PLACE, ERROR),
    SECONDS,
    unit="s",
)
TLS_DURATION = Spec(
    "outgate_tls_handshake_duration_seconds",
    HISTOGRAM,
    "TLS handshakes with origins.",
    (*PLACE, "tls.protocol.version", ERROR),
    SECONDS,
    unit="s",
)
ORIGIN_ATTEMPTS = Spec(
    "outgate_origin_attempts_total",
    COUNTER,
    "Times that an origin was tried, and whether on a connection that was open.",
    (*PLACE, "reused", ERROR),
)
ORIGIN_CERTIFICATE = Spec(
    "outgate_origin_certificate_expiry_timestamp_seconds",
    MARK,
    "When the certificate that an origin showed last expires.",
    PLACE,
    unit="s",
)
CONNECTIONS = Spec("outgate_connections_total", COUNTER, "Connections of workloads that were taken.")
CONNECTION_LIFETIME = Spec(
    "outgate_connection_duration_seconds",
    HISTOGRAM,
    "How long connections of workloads were open.",
    (),
    LIFETIME,
    unit="s",
)
CLIENT_HANDSHAKES = Spec(
    "outgate_client_tls_handshake_duration_seconds",
    HISTOGRAM,
    "TLS handshakes of workloads with the gate.",
    ("tls.protocol.version", ERROR),
    SECONDS,
    unit="s",
)
CONNECTIONS_OPEN = Spec("outgate_connections", LEVEL, "Open connections of workloads.")
ORIGINS_IDLE = Spec("outgate_idle_origin_connections", LEVEL, "Connections to origins that wait for the next request.")

DECISIONS = Spec(
    "outgate_decisions_total",
    COUNTER,
    "Attempts by verdict and code; would: the code of the denial that there would have been.",
    ("kind", "verdict", "code", "would"),
)
OVERFLOWS = Spec(
    "outgate_label_overflows_total",
    COUNTER,
    "Values of labels, or series, that were counted under other for want of room.",
    ("label",),
)
EXPORTED = Spec("outgate_export_sent_total", COUNTER, "What collectors took.", ("output",))
DROPPED = Spec("outgate_export_dropped_total", COUNTER, "What outputs could not take.", ("output",))
REDACTIONS = Spec("outgate_redactions_total", COUNTER, "Values masked, by what found them.", ("detector",))
INLINE = Spec(
    "outgate_inline_total", COUNTER, "What was done to live messages, by the rule or the reason.", ("rule", "action")
)
CAPTURES = Spec("outgate_captures_total", COUNTER, "Exchanges captured, by how that went.", ("outcome",))
BOUNDS = Spec("outgate_bounds_total", COUNTER, "Times that a bound held, by its name.", ("bound",))
INCIDENTS = Spec("outgate_incidents_total", COUNTER, "What happened beside verdicts, by its name.", ("incident",))
GUARD_TRIPS = Spec("outgate_guard_trips_total", COUNTER, "Failures that were contained, and denied.")

GENERATION = Spec("outgate_policy_generation", MARK, "Which policy since the start is in force.")
POLICY_AGE = Spec("outgate_policy_age_seconds", MARK, "Since the policy in force was loaded.", unit="s")
POLICY_LOADED = Spec("outgate_policy_loaded_timestamp_seconds", MARK, "When it was loaded.", unit="s")
POLICY_DESTINATIONS = Spec("outgate_policy_destinations", MARK, "Destinations that are registered.")
POLICY_WARNINGS = Spec("outgate_policy_warnings", MARK, "Warnings about the policy in force.")
RELOADS = Spec("outgate_policy_reloads_total", COUNTER, "Policies that were loaded, or refused.", ("outcome",))
LAST_RELOAD = Spec("outgate_policy_last_reload_successful", MARK, "0 while the policy files are refused.")
SOURCE_AGE = Spec(
    "outgate_policy_source_age_seconds",
    MARK,
    "Since the documents of the cluster were last sure to be all there are; 0 while they are.",
    unit="s",
)
CERTIFICATE = Spec(
    "outgate_certificate_expiry_timestamp_seconds",
    MARK,
    "When a mounted certificate expires; of a file with several, the first that does.",
    ("role", "file"),
    unit="s",
)
READY = Spec("outgate_ready", MARK, "1 while traffic is taken.")
WORKERS = Spec("outgate_workers", MARK, "Processes that take traffic.")
RESTARTS = Spec("outgate_worker_restarts_total", COUNTER, "Workers that had to be followed by another.", ("worker",))
BUILD = Spec("outgate_build_info", MARK, "The version.", ("version",))
REVIEWS = Spec("outgate_webhook_reviews_total", COUNTER, "Reviews that the webhook answered.", ("outcome",))
MALFORMED = Spec("outgate_webhook_malformed_total", COUNTER, "Requests to the webhook that were no review.")

SPECS: dict[str, Spec] = {spec.name: spec for spec in list(globals().values()) if isinstance(spec, Spec)}
"""By name, in the order in which they are told."""
