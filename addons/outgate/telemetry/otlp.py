"""OTLP by OpenTelemetry's own exporters.

Owns their making, never through a proxy, and how spans and lines become what they take. Importing this loads
OpenTelemetry and takes a tenth of a second: only threads that export do it.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import requests
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http import Compression as HttpCompression
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.metrics.export import MetricsData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.sdk.version import __version__ as sdk_version
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from outgate import __version__
from outgate.telemetry.collector import Collector, Protocol
from outgate.telemetry.event import Event, Trace
from outgate.telemetry.ids import Ids
from outgate.telemetry.lines import LogLine
from outgate.telemetry.spans import Drawing, Span

MAX_SPANS = 256
MAX_BATCH = 1024 * 1024
"""Bytes of text in one message: receivers of gRPC take 4 MiB by default."""
MAX_POINTS = 1000
SPAN_SIZE = 512
SCOPE = InstrumentationScope("outgate", __version__)
ERROR, UNSET = Status(StatusCode.ERROR), Status(StatusCode.UNSET)


class NotTaken(Exception):
    """A batch did not arrive; the message says why."""


class Overheard(logging.Handler):
    """What exporters say in threads of ours is why a batch did not arrive. The rest goes where it always went."""

    def __init__(self) -> None:
        super().__init__()
        self.said: dict[int, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread in self.said:
            # What is said first is why; what comes after trying again is that it was of no use.
            self.said[record.thread] = self.said[record.thread] or record.getMessage()
        else:
            logging.getLogger("opentelemetry").handle(record)

    def listen(self) -> None:
        """In this thread, from now on."""
        self.said[threading.get_ident()] = ""

    def why(self) -> str:
        said, self.said[threading.get_ident()] = self.said[threading.get_ident()], ""
        return said or "the collector did not take them"


OVERHEARD = Overheard()
_exporters = logging.getLogger("opentelemetry.exporter.otlp")
_exporters.addHandler(OVERHEARD)
_exporters.propagate = False


class SpanSender:
    """Sends the spans of attempts."""

    def __init__(self, collector: Collector, resource: Resource, drawing: Drawing) -> None:
        self._exporter = exporter("traces", collector)
        self._resource, self._drawing = resource, drawing
        self._ids = Ids()  # those of the event loop are drawn in its thread

    def send(self, batch: Sequence[Event]) -> None:
        drawn = (span for event in batch for span in self._drawing.spans(event, self._ids.span_id))
        for part in parts(drawn):
            exported(self._exporter.export([readable(span, self._resource) for span in part]))

    def close(self) -> None:
        self._exporter.shutdown()


class LogSender:
    """Sends lines of the access log."""

    def __init__(self, collector: Collector, resource: Resource) -> None:
        self._exporter, self._resource = exporter("logs", collector), resource

    def send(self, batch: Sequence[LogLine]) -> None:
        exported(self._exporter.export([record(line, self._resource) for line in batch]))

    def close(self) -> None:
        self._exporter.shutdown()


class MetricSender:
    """Sends metrics, in messages that receivers take."""

    def __init__(self, collector: Collector) -> None:
        self._exporter = exporter("metrics", collector)

    def send(self, batch: Sequence[MetricsData]) -> None:
        for data in batch:
            exported(self._exporter.export(data))

    def close(self) -> None:
        self._exporter.shutdown()


def exported(result: Any) -> None:
    """Raises `NotTaken` where an exporter says that it did not succeed."""
    why = OVERHEARD.why()
    if result.name != "SUCCESS":
        raise NotTaken(why)


def resource_of(pairs: Iterable[tuple[str, str]]) -> Resource:
    """Who exports. Not `Resource.create`, which reads the environment again and starts threads to look around."""
    sdk = {"telemetry.sdk.language": "python", "telemetry.sdk.name": "opentelemetry"}
    return Resource({**sdk, "telemetry.sdk.version": sdk_version, **dict(pairs)})


def exporter(signal: str, collector: Collector) -> Any:
    """An exporter for `traces`, `metrics` or `logs`. Raises `OSError` for files that cannot be read."""
    OVERHEARD.listen()
    more = {"max_export_batch_size": MAX_POINTS} if signal == "metrics" else {}
    if collector.protocol is Protocol.GRPC:
        return _grpc_exporter(signal, collector, more)
    session = requests.Session()
    session.trust_env = False  # neither proxies of the environment, which may be this gate, nor a .netrc
    return _http_class(signal)(
        endpoint=collector.endpoint,
        headers=dict(collector.headers),
        timeout=collector.timeout,
        compression=HttpCompression.Gzip if collector.gzip else HttpCompression.NoCompression,
        certificate_file=collector.certificate or None,
        client_certificate_file=collector.client_certificate or None,
        client_key_file=collector.client_key or None,
        session=session,
        **more,
    )


def _grpc_exporter(signal: str, collector: Collector, more: dict[str, int]) -> Any:
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # or it writes to standard error on its own account
    import grpc

    credentials = None
    if not collector.insecure:
        credentials = grpc.ssl_channel_credentials(
            root_certificates=_content(collector.certificate),
            private_key=_content(collector.client_key),
            certificate_chain=_content(collector.client_certificate),
        )
    return _grpc_class(signal)(
        endpoint=collector.endpoint,
        insecure=collector.insecure,
        credentials=credentials,
        headers=collector.headers,
        timeout=collector.timeout,
        compression=grpc.Compression.Gzip if collector.gzip else grpc.Compression.NoCompression,
        channel_options=(("grpc.enable_http_proxy", 0),),
        **more,
    )


def _http_class(signal: str) -> Any:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return {"traces": OTLPSpanExporter, "metrics": OTLPMetricExporter, "logs": OTLPLogExporter}[signal]


def _grpc_class(signal: str) -> Any:
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    return {"traces": OTLPSpanExporter, "metrics": OTLPMetricExporter, "logs": OTLPLogExporter}[signal]


def _content(path: str) -> bytes | None:
    return Path(path).read_bytes() if path else None


def parts(spans: Iterable[Span]) -> Iterator[list[Span]]:
    """Spans in messages that a receiver takes."""
    part: list[Span] = []
    total = 0
    for span in spans:
        size = SPAN_SIZE + sum(
            len(name) + (4 * len(value) if isinstance(value, str) and not value.isascii() else len(str(value)))
            for name, value in span.attributes.items()
        )
        if part and (len(part) >= MAX_SPANS or total + size > MAX_BATCH):
            yield part
            part, total = [], 0
        part.append(span)
        total += size
    if part:
        yield part


def readable(span: Span, resource: Resource) -> ReadableSpan:
    """A span as exporters take it. `ReadableSpan` is public, but made by tracers as a rule: a test holds it."""
    parent = _context(span.trace, span.parent_id, span.remote) if span.parent_id else None
    return ReadableSpan(
        name=span.name,
        context=_context(span.trace, span.span_id, False),
        parent=parent,
        resource=resource,
        attributes=span.attributes,
        kind=SpanKind.CLIENT if span.client else SpanKind.SERVER,
        status=ERROR if span.failed else UNSET,
        start_time=span.start,
        end_time=span.end,
        instrumentation_scope=SCOPE,
    )


def record(line: LogLine, resource: Resource) -> ReadableLogRecord:
    """A line of the access log as exporters take it."""
    flags = TraceFlags(TraceFlags.SAMPLED if line.sampled else TraceFlags.DEFAULT)
    within = NonRecordingSpan(SpanContext(line.trace_id, line.span_id, False, flags))
    nanoseconds = int(line.time * 1e9)
    return ReadableLogRecord(
        LogRecord(
            timestamp=nanoseconds,
            observed_timestamp=nanoseconds,
            context=set_span_in_context(within, Context()),
            severity_number=SeverityNumber.INFO,
            body=line.body,
            attributes=line.attributes,
        ),
        resource,
        SCOPE,
    )


def _context(trace: Trace, span_id: int, remote: bool) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if trace.sampled else TraceFlags.DEFAULT)
    state = TraceState.from_header([trace.state]) if trace.state else None
    return SpanContext(trace.trace_id, span_id, remote, flags, state)
