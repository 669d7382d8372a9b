"""OTLP by OpenTelemetry's own exporters.

Owns how attempts and lines become what they take, in messages that receivers take. Importing this loads OpenTelemetry
and takes a tenth of a second: only threads that export do it.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.metrics.export import MetricsData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.sdk.version import __version__ as sdk_version
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from outgate import __version__
from outgate.telemetry import span_bytes
from outgate.telemetry.collector import Collector, Protocol
from outgate.telemetry.lines import LogLine

MAX_BATCH = 1024 * 1024
"""Bytes of spans in one message: receivers of gRPC take 4 MiB by default."""
MAX_POINTS = 1000
SCOPE = "outgate", __version__


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
    """Sends attempts, each as the spans that `span_bytes` made of it."""

    def __init__(self, collector: Collector, resource: Resource) -> None:
        self._exporter = exporter("traces", collector)
        self._resource = {name: str(value) for name, value in resource.attributes.items()}

    def send(self, batch: Sequence[bytes]) -> None:
        for part in parts(batch):
            exported(self._exporter.export(span_bytes.message(self._resource, SCOPE, part)))

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
        os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # or it writes to standard error on its own account
        from outgate.telemetry import otlp_grpc  # half of the memory that OpenTelemetry takes

        return otlp_grpc.exporter(signal, collector, more)
    from outgate.telemetry import otlp_http

    return otlp_http.exporter(signal, collector, more)


def parts(batch: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Attempts in messages that a receiver takes."""
    part: list[bytes] = []
    total = 0
    for spans in batch:
        if part and total + len(spans) > MAX_BATCH:
            yield part
            part, total = [], 0
        part.append(spans)
        total += len(spans)
    if part:
        yield part


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
        InstrumentationScope(*SCOPE),
    )
