"""`EgressTelemetry`: what is logged, counted and traced of some callers, or of all.

Owns the kind's shape and its translation. Formats are Envoy's; how documents of several levels are merged is
`telemetry_rules.py`'s of the layer above.
"""

from __future__ import annotations

import difflib
import re

from outgate.policy.frontends import Contribution
from outgate.policy.frontends.line_formats import HINT, Written, line_fault
from outgate.policy.frontends.native.resource import Resource
from outgate.policy.frontends.native.telemetry_fields import SPEC, To
from outgate.policy.schema import Reading, Record
from outgate.policy.telemetry_model import (
    EVERY_SINK,
    METRIC_ATTRIBUTES,
    CustomTag,
    Encoding,
    ExportHeader,
    LogRule,
    LogSink,
    MetricRule,
    SinkKind,
    SpanProtocol,
    SpanSink,
    TagKind,
    TagOverride,
    TelemetryPolicy,
    TelemetryRule,
    TraceRule,
)
from outgate.policy.telemetry_rules import ALL_METRICS

__all__ = ["SPEC", "translate"]

QUOTED = re.compile(r"""'[^']*'|"[^"]*\"""")
JSON = (Encoding.JSON, Encoding.TYPED_JSON)


def translate(resource: Resource, spec: Record, into: Contribution) -> None:
    """Adds what one document says, unless its fields contradict each other."""
    logs = [_log(resource, record) for record in spec.get("logs", ())]
    traces = spec.get("traces")
    spans = _spans(resource, traces) if traces is not None and "to" in traces else None
    whom: Record | None = spec.get("for")
    rule = TelemetryRule(
        namespace=whom.get("namespace", "") if whom is not None else "",
        labels=tuple(sorted(whom.get("labels", {}).items())) if whom is not None else (),
        logs=tuple(said for _, said in logs) if logs or "logs" not in spec else (_silence(resource, spec),),
        metrics=tuple(_metric(resource, record) for record in spec.get("metrics", ())),
        traces=(_trace(resource, traces, spans),) if traces is not None else (),
        source=resource.source(),
    )
    if not any(name in spec for name in ("logs", "metrics", "traces")):
        resource.reading.error(spec.where, "spec", "says nothing", "give logs, metrics or traces")
    if not _second(resource, spec, rule, into.telemetry.rules) and not resource.reading.failed:
        into.telemetry = TelemetryPolicy(
            sinks=(*into.telemetry.sinks, *(sink for sink, _ in logs)),
            span_sinks=into.telemetry.span_sinks + ((spans,) if spans is not None else ()),
            rules=(*into.telemetry.rules, rule),
        )


def _second(resource: Resource, spec: Record, rule: TelemetryRule, before: tuple[TelemetryRule, ...]) -> bool:
    """Whether another document is about the same callers, which is an error: nothing says which of them counts."""
    other = next((each for each in before if (each.namespace, each.labels) == (rule.namespace, rule.labels)), None)
    if other is not None:
        where = spec.at("for") if "for" in spec else resource.document.where
        resource.reading.error(where, "spec.for", f"{other.source} is about the same callers", "merge the two")
    return other is not None


def _silence(resource: Resource, spec: Record) -> LogRule:
    return LogRule((EVERY_SINK,), disabled=True, source=resource.source("spec.logs", spec.at("logs")))


def _log(resource: Resource, record: Record) -> tuple[LogSink, LogRule]:
    to: To = record.get("to", To("", ""))
    form: Written | None = record.get("format")
    fields: Written | None = record.get("fields")
    encoding = _encoding(resource.reading, record)
    if "labels" in record and to.scheme != SinkKind.OTLP:
        hint = "write them into format or fields, or send the log to otlp://HOST:PORT"
        resource.reading.error(record.at("labels"), record.under("labels"), "are of lines that go by OTLP", hint)
    written = form or fields
    name = f"{resource.key}/{record.path}"
    sink = LogSink(
        name,
        SinkKind(to.scheme or SinkKind.STDOUT),
        to.target,
        encoding,
        form.value if form is not None else "",
        fields.value if fields is not None else {},
        tuple((label, text.value) for label, text in record.get("labels", {}).items()),
        record.get("omitEmpty", False),
        resource.source(written.path, written.where) if written else resource.source(record.path, record.where),
    )
    source = resource.source(record.under("filter"), record.at("filter"))
    return sink, LogRule((name,), record.get("filter", ""), source=source)


def _encoding(reading: Reading, record: Record) -> Encoding:
    """As given, else what the format suggests."""
    suggested = Encoding.TEXT if "format" in record else Encoding.TYPED_JSON if "fields" in record else Encoding.NATIVE
    chosen = Encoding(record.get("encoding", suggested))
    if "format" in record and chosen is not Encoding.TEXT:
        reading.error(
            record.at("format"), record.under("format"), f"is not written with encoding {chosen}", "remove one"
        )
    if "fields" in record and chosen not in JSON:
        reading.error(
            record.at("fields"), record.under("fields"), f"are not written with encoding {chosen}", "remove one"
        )
    return chosen


def _metric(resource: Resource, record: Record) -> MetricRule:
    source = resource.source(record.path, record.where)
    set_to: dict[str, str] = record.get("set", {})
    for tag, value in set_to.items():
        if not QUOTED.fullmatch(value) and value not in METRIC_ATTRIBUTES:
            close = difflib.get_close_matches(value, METRIC_ATTRIBUTES, 1, 0.6)
            hint = (
                f'did you mean "{close[0]}"?'
                if close
                else f"write \"'text'\" or {', '.join(sorted(METRIC_ATTRIBUTES))}"
            )
            resource.reading.error(record.at("set"), f"{record.path}.set.{tag}", f'"{value}" is not known', hint)
    tags: list[TagOverride] = [TagOverride(tag, value, source) for tag, value in set_to.items()]
    tags += [TagOverride(tag, None, source) for tag in record.get("remove", ())]
    return MetricRule(record.get("metric", ALL_METRICS), record.get("disabled"), tuple(tags), source)


def _spans(resource: Resource, record: Record) -> SpanSink:
    to: To = record.get("to")
    by_http = to.scheme == "http"
    if to.path and not by_http:
        resource.reading.error(record.at("to"), record.under("to"), "has a path, which gRPC does not", "remove it")
    return SpanSink(
        f"{resource.key}/{record.path}",
        to.target,
        SpanProtocol.HTTP if by_http else SpanProtocol.GRPC,
        path=to.path or "/v1/traces",
        headers=tuple(_header(resource.reading, each) for each in record.get("headers", ())),
        timeout=record.get("timeout"),
        source=resource.source(record.under("to"), record.at("to")),
    )


def _header(reading: Reading, record: Record) -> ExportHeader:
    if ("value" in record) == ("environment" in record):
        reading.error(record.where, record.path, "needs a value or the variable that holds it", "give one of the two")
    return ExportHeader(record.get("name", ""), record.get("value"), record.get("environment"))


def _trace(resource: Resource, record: Record, spans: SpanSink | None) -> TraceRule:
    for name in ("headers", "timeout"):
        if name in record and spans is None:
            resource.reading.error(record.at(name), record.under(name), "is of what is sent, to nowhere", "give to")
    share = record.get("sampling")
    return TraceRule(
        sink=spans.name if spans is not None else "",
        sampling=None if share is None else share / 100,
        tags=tuple(_tag(resource.reading, each) for each in record.get("tags", ())),
        disabled=record.get("disabled"),
        propagates=record.get("propagates"),
        source=resource.source(record.path, record.where),
    )


def _tag(reading: Reading, record: Record) -> CustomTag:
    given = [kind for kind in TagKind if kind in record]
    if len(given) != 1:
        what = f"{len(given)} values for one tag"
        reading.error(record.where, record.path, what, f"give one of {', '.join(TagKind)}")
        return CustomTag(record.get("name", ""), TagKind.LITERAL, "")
    kind, value = given[0], record.get(given[0])
    if kind is TagKind.FORMAT and (fault := line_fault(value)):
        reading.error(record.at(kind), record.under(kind), fault, HINT)
    if "default" in record and kind in (TagKind.LITERAL, TagKind.FORMAT):
        reading.error(record.at("default"), record.under("default"), f"is never needed beside {kind}", "remove it")
    return CustomTag(record.get("name", ""), kind, value, record.get("default", ""))
