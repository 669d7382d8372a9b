"""Everything that leaves for a collector: spans, metrics, lines of the access log.

Owns the outboxes and their end. OpenTelemetry is loaded by their threads alone, so that a gate without a collector, and
the start of one with it, do not wait for that.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from outgate import __version__
from outgate.telemetry import span_bytes
from outgate.telemetry.collector import Collector, Export
from outgate.telemetry.event import Event
from outgate.telemetry.ids import Ids
from outgate.telemetry.lines import LogLine
from outgate.telemetry.outbox import Outbox, Sender
from outgate.telemetry.propagation import Propagation
from outgate.telemetry.pulse import Pulse
from outgate.telemetry.sampling import Bucket, Sampler
from outgate.telemetry.showing import Showing
from outgate.telemetry.span_boxes import SpanBoxes
from outgate.telemetry.spans import Drawing
from outgate.telemetry.tracer import Tracer, Tracing
from outgate.telemetry.urls import Redaction, name_key
from outgate.telemetry.usual_spans import UsualSpans

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricsData

SHUTDOWN = 3.0
"""Seconds in which what waits has to be sent at the end."""


class Exports:
    """What a process exports. Made before it forks or after, and started where it is to run."""

    def __init__(
        self, export: Export, tracing: Tracing | None = None, environ: Mapping[str, str] | None = None
    ) -> None:
        self.export, self.tracing = export, tracing or Tracing()
        self.ids = Ids()
        self.showing = Showing(redaction_of(self.tracing), environment=environ or {})
        self.drawing = Drawing(self.tracing.trace_spans, self.showing, export.methods, export.value_length)
        self._usual = UsualSpans(self.drawing)
        self.resource: tuple[tuple[str, str], ...] = ()
        """Of this process, from `start` on."""
        self.spans = SpanBoxes(export, self._drawn, self._span_sender, environ or {})
        self.metrics: Pulse[MetricsData] | None = None
        self._logs: dict[str, Outbox[LogLine]] = {}
        self._left: list[Outbox[LogLine]] = []
        """Of places that are not named any more, until they have ended."""
        self._logged = self._unlogged = 0
        """Lines sent and lost by those that have ended."""
        self._running = False

    def tracer(self) -> Tracer:
        """The one that begins traces and hands over what is to be exported."""
        said = self.tracing.trace_sampling
        ratio = said if said is not None else self.export.sampling
        sampler = Sampler(1.0 if ratio is None else ratio, Bucket(self.tracing.trace_parent_rate), self.export.follows)
        mode = self.tracing.trace_propagation or self.export.propagation or Propagation.W3C
        return Tracer(self.spans.route, sampler, mode, self.ids)

    def measure(self, read: Callable[[], MetricsData]) -> None:
        """Export what `read` returns, at intervals, where that is wanted. It is called in a thread of its own."""
        if self.export.metrics.wanted:
            self.metrics = Pulse("metrics", self._metric_sender, read, self.export.metric_interval)
            if self._running:
                self.metrics.start()

    def logs(self, target: str = "") -> Outbox[LogLine]:
        """Where lines are put for a `HOST:PORT` that documents name, or for the collector of the variables."""
        outbox = self._logs.get(target)
        if outbox is None:
            collector = self.export.logs.at(target) if target else self.export.logs
            outbox = Outbox("lines of the access log", lambda: self._log_sender(collector), self.export.log_bounds)
            self._logs[target] = outbox
            if self._running:
                outbox.start()
        return outbox

    def keep_logs(self, targets: Collection[str]) -> None:
        """Documents name these places for lines now; those that were named before are sent what waits for them."""
        for target in [target for target in self._logs if target and target not in targets]:
            outbox = self._logs.pop(target)
            outbox.close()
            self._left.append(outbox)
        for outbox in [each for each in self._left if each.ended]:
            self._left.remove(outbox)
            self._logged, self._unlogged = self._logged + outbox.sent, self._unlogged + outbox.dropped

    def start(self) -> None:
        """Begin to send. In the process that goes on: a fork takes no threads along, and draws its own identifiers."""
        self.ids.forget()
        own = {"service.version": __version__, "service.instance.id": str(uuid.uuid4())}
        self.resource = tuple((own | dict(self.export.resource)).items())
        self._running = True
        self.spans.start()
        for each in self._all():
            each.start()

    def stop(self, timeout: float = SHUTDOWN) -> None:
        """Send what waits, all at once and within a bound; the rest is lost and counted. Blocks as long."""
        end = time.monotonic() + timeout
        self._running = False
        for each in self._all():
            each.close()
        for each in self._all():
            each.join(end - time.monotonic())

    def counts(self) -> dict[str, int]:
        """What arrived and what was lost, by name."""
        counts: dict[str, int] = {}
        if self.spans.wanted:
            counts |= {"traces_exported": self.spans.sent, "traces_dropped": self.spans.dropped}
        boxes = [*self._logs.values(), *self._left]
        if boxes or self._logged or self._unlogged:
            counts["log_lines_exported"] = self._logged + sum(each.sent for each in boxes)
            counts["log_lines_dropped"] = self._unlogged + sum(each.dropped for each in boxes)
        if self.metrics is not None:
            counts |= {"metric_exports": self.metrics.sent, "metric_exports_failed": self.metrics.failed}
        return counts

    def _drawn(self, event: Event) -> bytes:
        """The spans of an attempt, as they are sent."""
        usual = self._usual.write(event)
        return usual or b"".join(map(span_bytes.span, self.drawing.spans(event, self.ids.span_id)))

    def _all(self) -> list[Outbox[bytes] | Outbox[LogLine] | Pulse[MetricsData]]:
        metrics = [self.metrics] if self.metrics is not None else []
        return [*self.spans.open(), *self._logs.values(), *self._left, *metrics]

    def _span_sender(self, collector: Collector) -> Sender[bytes]:
        from outgate.telemetry import otlp

        return otlp.SpanSender(collector, otlp.resource_of(self.resource))

    def _log_sender(self, collector: Collector) -> Sender[LogLine]:
        from outgate.telemetry import otlp

        return otlp.LogSender(collector, otlp.resource_of(self.resource))

    def _metric_sender(self) -> Sender[MetricsData]:
        from outgate.telemetry import otlp

        return otlp.MetricSender(self.export.metrics)


def redaction_of(tracing: Tracing) -> Redaction:
    """How every output shows URLs."""
    return Redaction(tracing.url_query, frozenset(map(name_key, tracing.url_secrets)))
