"""MeshConfig's extension providers: where logs and spans go, by name.

Owns their shapes and what each comes to. Kinds that the gate does not speak are kept by name, so that whoever refers to
one is told what to write instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from outgate.policy.frontends.istio.common import PORT, Checked, one_of
from outgate.policy.frontends.line_formats import LineFields, LineText, Written
from outgate.policy.model import Fate, Source
from outgate.policy.schema import Anything, Boolean, Duration, Field, Fields, Reading, Record, Sequence, Text
from outgate.policy.telemetry_model import Encoding, ExportHeader, LogSink, SinkKind, SpanProtocol, SpanSink

STDOUT = "/dev/stdout"
BUILT_IN = "envoy"
"""The provider that is there without being defined, as `prometheus` is."""
INSTEAD = {
    "logs": "refer to an envoyFileAccessLog or an envoyOtelAls",
    "spans": "refer to an opentelemetry provider",
    "metrics": "refer to prometheus",
}
BOUNDED = "the gate bounds attributes itself"
RESOURCE = "the gate says itself what it is"


def service_fault(text: str) -> str:
    """Of `[NAMESPACE/]HOST`."""
    namespace, slash, host = text.rpartition("/")
    return "" if host and (namespace or not slash) and "/" not in namespace else "is not HOST or NAMESPACE/HOST"


def path_fault(text: str) -> str:
    return "" if not text or text.startswith("/") else "is no absolute path"


def _later(note: str, *names: str) -> dict[str, Field]:
    return {name: Field(Anything(), fate=Fate.LATER, note=note) for name in names}


SERVICE = {
    "service": Field(Checked(service_fault, 'write "collector.observability.svc.cluster.local"'), required=True),
    "port": Field(PORT, required=True),
}
HEADER = Fields({"name": Field(Text(empty=False), required=True), "value": Field(Text()), "envName": Field(Text())})
FILE_FORMAT = Fields({"text": Field(LineText()), "labels": Field(LineFields())})
FILE = Fields(
    {
        "path": Field(Checked(path_fault, 'write "/dev/stdout" or another path from the root')),
        "logFormat": Field(FILE_FORMAT),
        "omitEmptyValues": Field(Boolean()),
    },
    snake=True,
)
OTEL_LOG = Fields(
    {
        **SERVICE,
        "logName": Field(Text(), fate=Fate.IGNORED, note=RESOURCE),
        "logFormat": Field(FILE_FORMAT),
    },
    snake=True,
)
OTEL = Fields(
    {
        **SERVICE,
        "maxTagLength": Field(Anything(), fate=Fate.IGNORED, note=BOUNDED),
        "http": Field(
            Fields(
                {
                    "path": Field(Checked(path_fault, 'write "/v1/traces"')),
                    "timeout": Field(Duration()),
                    "headers": Field(Sequence(HEADER)),
                },
                snake=True,
            )
        ),
        "grpc": Field(Fields({"timeout": Field(Duration()), "initialMetadata": Field(Sequence(HEADER))}, snake=True)),
        "resourceDetectors": Field(Anything(), fate=Fate.IGNORED, note=RESOURCE),
        **_later("sampling is the gate's own", "dynatraceSampler"),
    },
    snake=True,
)
SPOKEN = ("envoyFileAccessLog", "envoyOtelAls", "opentelemetry", "prometheus")
LOGS = ("envoyHttpAls", "envoyTcpAls")
SPANS = ("zipkin", "lightstep", "datadog", "stackdriver", "opencensus", "skywalking")
OTHERS = ("envoyExtAuthzHttp", "envoyExtAuthzGrpc", "sds")
PROVIDER = Fields(
    {
        "name": Field(Text(empty=False), required=True),
        "envoyFileAccessLog": Field(FILE),
        "envoyOtelAls": Field(OTEL_LOG),
        "opentelemetry": Field(OTEL),
        "prometheus": Field(Fields({})),
        **_later(f"the gate does not speak it; {INSTEAD['logs']}", *LOGS),
        **_later(f"the gate does not speak it; {INSTEAD['spans']}", *SPANS),
        **_later("the gate asks no authorizer", *OTHERS[:2]),
        **_later("the gate reads files", *OTHERS[2:]),
    },
    snake=True,
)


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider by its kind, which is empty where it cannot be told. At most one of the sinks is there."""

    name: str
    kind: str
    log: LogSink | None = None
    span: SpanSink | None = None

    def serves(self, signal: str) -> bool:
        """Whether `logs`, `spans` or `metrics` can go there."""
        return {"logs": self.log is not None, "spans": self.span is not None}.get(signal, self.kind == "prometheus")


def check(records: Iterable[Record], reading: Reading) -> None:
    """Names are there once, and each provider is of one kind."""
    seen: set[str] = set()
    for record in records:
        name = record.get("name", "")
        if name.lower() in seen:
            reading.error(record.at("name"), record.under("name"), f'"{name}" is there twice', "rename one of the two")
        seen.add(name.lower())
        given = tuple(key for key in record.values if key != "name")
        one_of(record, given, reading)
        if not given:
            reading.error(record.where, record.path, f'"{name}" does not say what it is', f"give {', '.join(SPOKEN)}")
        if (block := record.get("envoyFileAccessLog")) is not None and block.get("logFormat") is not None:
            one_of(block.get("logFormat"), ("text", "labels"), reading)
        if (otel := record.get("opentelemetry")) is not None:
            one_of(otel, ("http", "grpc"), reading)
            for header in _headers(otel):
                one_of(header, ("value", "envName"), reading)


def made(record: Record, source: Source, form: LogSink) -> Provider:
    """What a provider comes to. `form`: how the mesh's own log is written, which the built-in one's is, too."""
    name = record.get("name")
    kind = next((key for key in record.values if key != "name"), "")
    block: Record = record.get(kind)
    if kind == "envoyFileAccessLog":
        return Provider(name, kind, log=_file(name, block, source, form))
    if kind == "envoyOtelAls":
        return Provider(name, kind, log=_otlp(name, block, source))
    if kind == "opentelemetry":
        return Provider(name, kind, span=_spans(name, block, source))
    return Provider(name, kind)


def to_file(name: str, path: str, form: LogSink) -> LogSink:
    """A log in a form, to a file or to standard output."""
    kind = SinkKind.STDOUT if path == STDOUT else SinkKind.FILE
    return LogSink(
        name, kind, "" if path == STDOUT else path, form.encoding, form.text, form.fields, source=form.source
    )


def _file(name: str, block: Record, source: Source, form: LogSink) -> LogSink:
    path = block.get("path") or STDOUT
    written: Record | None = block.get("logFormat")
    omits = block.get("omitEmptyValues", False)
    if written is None and not omits and name == BUILT_IN:
        return to_file(name, path, form)
    kind = SinkKind.STDOUT if path == STDOUT else SinkKind.FILE
    target = "" if path == STDOUT else path
    text: Written | None = written.get("text") if written is not None else None
    labels: Written | None = written.get("labels") if written is not None else None
    if labels is not None:
        placed = _at(source, labels)
        return LogSink(name, kind, target, Encoding.TYPED_JSON, fields=labels.value, omit_empty=omits, source=placed)
    shown = text.value if text is not None else ""
    return LogSink(name, kind, target, text=shown, omit_empty=omits, source=_at(source, text))


def _otlp(name: str, block: Record, source: Source) -> LogSink:
    written: Record | None = block.get("logFormat")
    text: Written | None = written.get("text") if written is not None else None
    labels: Written | None = written.get("labels") if written is not None else None
    attributes = tuple((key, str(value)) for key, value in (labels.value if labels is not None else {}).items())
    shown = text.value if text is not None else ""
    return LogSink(
        name, SinkKind.OTLP, _target(block), text=shown, labels=attributes, source=_at(source, text or labels)
    )


def _spans(name: str, block: Record, source: Source) -> SpanSink:
    http: Record | None = block.get("http")
    given: Record | None = http if http is not None else block.get("grpc")
    return SpanSink(
        name,
        _target(block),
        SpanProtocol.GRPC if http is None else SpanProtocol.HTTP,
        path=(http.get("path") if http is not None else "") or "/v1/traces",
        headers=tuple(
            ExportHeader(each.get("name"), each.get("value"), each.get("envName")) for each in _headers(block)
        ),
        timeout=given.get("timeout") if given is not None else None,
        source=source,
    )


def _headers(block: Record) -> list[Record]:
    http, grpc = block.get("http"), block.get("grpc")
    if http is not None:
        return list(http.get("headers", []))
    return list(grpc.get("initialMetadata", [])) if grpc is not None else []


def _target(block: Record) -> str:
    host = block.get("service").rpartition("/")[2]
    return f"[{host}]:{block.get('port')}" if ":" in host else f"{host}:{block.get('port')}"


def _at(source: Source, item: Written | None) -> Source:
    """The place of a format, which is what outputs may find fault with; else the provider's."""
    if item is None:
        return source
    return Source(item.where, source.kind, source.name, source.namespace, item.path)
