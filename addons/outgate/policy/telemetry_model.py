"""What documents say about logs, metrics and traces, compiled: frozen values, each with where it came from.

Owns the vocabulary that front-ends emit and `telemetry` carries out. Knows no mesh and no output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from outgate.policy.model import Identity, Source


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


EVERY_SINK = "*"
"""Named by a rule that is disabled: nothing is logged, whatever more general rules say."""


@dataclass(frozen=True, slots=True)
class LogRule:
    """Which sinks a caller's attempts are logged to. `filter` is CEL; empty: every attempt."""

    sinks: tuple[str, ...] = ()
    """By name; none: those of the rule before it, at first those of the defaults. Names of no sink lead nowhere."""
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
        "outgate.endpoint",
        "outgate.endpoint_labels",
        "outgate.region",
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
    FORMAT = "format"


@dataclass(frozen=True, slots=True)
class CustomTag:
    """An attribute added to every span."""

    name: str
    kind: TagKind
    value: str
    """The literal, the name of the variable or header, or text with command operators."""
    default: str = ""


class SpanProtocol(StrEnum):
    """How spans are sent, both by OTLP."""

    GRPC = "grpc"
    HTTP = "http/protobuf"


@dataclass(frozen=True, slots=True)
class ExportHeader:
    """What is sent with every export. The value, which may be a credential, or the variable that holds it."""

    name: str
    value: str | None = None
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class SpanSink:
    """One place that spans go to. `target` is `host:port`."""

    name: str
    target: str
    protocol: SpanProtocol = SpanProtocol.GRPC
    path: str = "/v1/traces"
    """Of HTTP."""
    headers: tuple[ExportHeader, ...] = ()
    timeout: float | None = None
    """Seconds for one export; None: the exporter's own."""
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class TraceRule:
    """How a caller's attempts are traced. None and empty: not said here."""

    sink: str = ""
    """By name."""
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
    gate: bool = False
    """It selects the gate itself, as an egress gateway or by its namespace: it holds whoever calls."""
    logs: tuple[LogRule, ...] = ()
    metrics: tuple[MetricRule, ...] = ()
    traces: tuple[TraceRule, ...] = ()
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class TelemetryPolicy:
    """Everything that documents say. Of rules that are equally general the first one counts, in each mesh."""

    sinks: tuple[LogSink, ...] = ()
    default_sinks: tuple[str, ...] = ()
    """Names of sinks for callers of whom no rule speaks, and for rules that name none."""
    fallback_sinks: tuple[str, ...] = ()
    """Names of sinks where neither a rule nor `default_sinks` says anything."""
    span_sinks: tuple[SpanSink, ...] = ()
    default_trace: TraceRule | None = None
    """Below all rules. That it is disabled holds for callers of whom no rule speaks."""
    rules: tuple[TelemetryRule, ...] = ()
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class LogUse:
    """A sink in use, for what any of the filters lets through; without filters, for every attempt."""

    sink: LogSink
    filters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CallerTelemetry:
    """What holds for one kind of caller."""

    logs: tuple[LogUse, ...] | None = None
    """None: documents say nothing of logs, so that the gate's own settings hold. Empty: nothing is logged."""
    metrics: tuple[MetricRule, ...] = ()
    """One for each metric of which something is said, none of them for all."""
    trace: TraceRule = field(default_factory=TraceRule)


type Say = Callable[[Identity], CallerTelemetry]
"""What documents say about a caller."""
NOTHING = CallerTelemetry()


def silent(caller: Identity) -> CallerTelemetry:
    """Where there are no documents."""
    return NOTHING
