"""What documents say about logs, metrics and traces, compiled: frozen values, each with where it came from.

Owns the vocabulary that front-ends emit and `telemetry` carries out. Knows no mesh and no output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from outgate.policy.model import Source


class SinkKind(StrEnum):
    """Where lines go."""

    STDOUT = "stdout"
    FILE = "file"
    TCP = "tcp"
    OTLP = "otlp"


class Encoding(StrEnum):
    """How a line is written. NATIVE: outgate's own JSON, with everything it knows."""

    NATIVE = "native"
    TEXT = "text"
    JSON = "json"
    TYPED_JSON = "typed_json"


@dataclass(frozen=True, slots=True)
class LogSink:
    """One place that lines of the access log go to. `target`: a path or `host:port`; empty where none is needed."""

    name: str
    kind: SinkKind
    target: str = ""
    encoding: Encoding = Encoding.TEXT
    text: str = ""
    """With Envoy's command operators; empty: the default of the mesh."""
    fields: Mapping[str, object] = field(default_factory=dict)
    """For JSON: names to texts with command operators, or to objects of these."""
    labels: tuple[tuple[str, str], ...] = ()
    """Attributes that OTLP lines carry: name and text with command operators."""
    omit_empty: bool = False
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class LogRule:
    """Which sinks a caller's attempts are logged to. `filter` is CEL; empty: every attempt."""

    sinks: tuple[str, ...] = ()
    """By name; none: those of the mesh's defaults."""
    filter: str = ""
    disabled: bool = False
    source: Source | None = None


METRIC_ATTRIBUTES = frozenset(
    {
        "request.host",
        "request.method",
        "request.protocol",
        "request.scheme",
        "response.code",
        "response.flags",
        "response.grpc_status",
        "source.namespace",
        "source.principal",
        "destination.address",
        "destination.port",
        "connection.mtls",
        "connection.requested_server_name",
        "connection.tls_version",
        "outgate.code",
        "outgate.destination",
        "outgate.verdict",
    }
)
"""What a label may be set to, beside a literal. Paths and headers are not among these: they may hold credentials."""


@dataclass(frozen=True, slots=True)
class TagOverride:
    """A label of a metric set to a value, or taken away where `value` is None. The value is a literal in quotes, or an
    attribute name such as `request.host`."""

    tag: str
    value: str | None
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class MetricRule:
    """What becomes of some metrics. `metric`: as Istio names it (`REQUEST_COUNT`), or `ALL_METRICS`."""

    metric: str = "ALL_METRICS"
    disabled: bool | None = None
    tags: tuple[TagOverride, ...] = ()
    source: Source | None = None


class TagKind(StrEnum):
    """Where the value of a custom tag comes from."""

    LITERAL = "literal"
    ENVIRONMENT = "environment"
    HEADER = "header"


@dataclass(frozen=True, slots=True)
class CustomTag:
    """An attribute added to every span."""

    name: str
    kind: TagKind
    value: str
    """The literal, or the name of the variable or header."""
    default: str = ""


@dataclass(frozen=True, slots=True)
class TraceRule:
    """How a caller's attempts are traced. None: not said here."""

    sampling: float | None = None
    """0 to 1, of traces that begin at the gate."""
    tags: tuple[CustomTag, ...] = ()
    disabled: bool | None = None
    """No spans are reported."""
    propagates: bool | None = None
    """Whether context is passed on at all."""
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class TelemetryRule:
    """One document's say, for the callers that it selects. Empty namespace: all; no labels: every caller there."""

    namespace: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    logs: tuple[LogRule, ...] = ()
    metrics: tuple[MetricRule, ...] = ()
    traces: tuple[TraceRule, ...] = ()
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class TelemetryPolicy:
    """Everything that documents say, the most general rule first."""

    sinks: tuple[LogSink, ...] = ()
    default_sinks: tuple[str, ...] = ()
    """Names of sinks for callers of whom no rule speaks."""
    rules: tuple[TelemetryRule, ...] = ()
    source: Source | None = None
