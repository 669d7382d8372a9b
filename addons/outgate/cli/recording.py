"""How an attempt would be recorded: which logs have a line of it, where its trace goes, what its metrics say.

Owns the wording, as text and as data. What holds for whom is the policy's, and what holds where that says nothing the
settings'.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from outgate.policy.model import Decision, Identity, Source
from outgate.policy.plain import plain
from outgate.policy.snapshot import Policy
from outgate.policy.telemetry_model import (
    CallerTelemetry,
    Encoding,
    LogSink,
    LogUse,
    MetricRule,
    SinkKind,
    SpanProtocol,
    SpanSink,
)
from outgate.policy.telemetry_rules import METRICS
from outgate.settings import Settings
from outgate.telemetry.propagation import Propagation

FORMS = {
    Encoding.NATIVE: "the gate's own JSON",
    Encoding.TEXT: "text",
    Encoding.JSON: "JSON",
    Encoding.TYPED_JSON: "JSON with types",
}


@dataclass(frozen=True, slots=True)
class Recording:
    """What holds for one caller and decision. `leaves`: as a request whose headers can tell an origin of a trace."""

    said: CallerTelemetry
    spans: SpanSink | None
    """Where documents have the caller's spans go."""
    decision: Decision
    leaves: bool
    settings: Settings

    @classmethod
    def of(cls, policy: Policy, caller: Identity, decision: Decision, settings: Settings, *, leaves: bool) -> Recording:
        said = policy.telemetry_of(caller)
        spans = next((sink for sink in policy.telemetry.span_sinks if sink.name == said.trace.sink), None)
        return cls(said, spans, decision, leaves, settings)

    def lines(self) -> Iterator[tuple[str, str]]:
        """For people."""
        yield from (("log", text) for text in self._logs())
        yield "traces", self._traces()
        if self.leaves:
            yield "told", self._told()
        yield from (("metric", text) for text in _metrics(self.said.metrics))

    def content(self) -> dict[str, Any]:
        """For programs."""
        told = {"logs": plain(self.said.logs), "metrics": plain(self.said.metrics), "trace": plain(self.said.trace)}
        return told | {"spans": plain(self.spans), "sampling": self._sampling, "propagation": self._propagation}

    @property
    def _sampling(self) -> float:
        settings = (self.said.trace.sampling, self.settings.tracing.trace_sampling, self.settings.export.sampling)
        return next((share for share in settings if share is not None), 1.0)

    @property
    def _propagation(self) -> str:
        if self.said.trace.propagates is False:
            return str(Propagation.NONE)
        place = self.decision.destination
        given = place.propagation if place is not None else ""
        return str(given or self.settings.tracing.trace_propagation or self.settings.export.propagation or "w3c")

    def _logs(self) -> Iterator[str]:
        if self.said.logs is None:
            yield self._own()
        elif not self.said.logs:
            yield "none: the documents say so"
        else:
            yield from map(_log, self.said.logs)

    def _own(self) -> str:
        """Where no document speaks of logs."""
        places = ["on standard output"] if self.settings.access_log else []
        places += ["at the collector of the environment"] if self.settings.export.logs.wanted else []
        return f"the gate's own line, {' and '.join(places)}" if places else "none: access_log is false"

    def _traces(self) -> str:
        trace = self.said.trace
        if not self._begins:
            return "none: no collector is named"
        if trace.disabled:
            return f"none is reported{_by(trace.source)}"
        place = _place(self.spans) if self.spans is not None else "the collector of the environment"
        tags = f", with {', '.join(tag.name for tag in trace.tags)}" if trace.tags else ""
        share = f"{100 * self._sampling:g}%"
        return f"{share} of those that begin here, to {place}{tags}{_by(trace.source)}"

    @property
    def _begins(self) -> bool:
        """Whether there is a place that traces go to, so that they begin."""
        return self.spans is not None or self.settings.export.traces.wanted

    def _told(self) -> str:
        """What the origin learns of the trace."""
        if self._propagation == Propagation.NONE:
            return "nothing of a trace"
        if self._propagation == Propagation.PASSTHROUGH:
            return "what the workload wrote of its trace"
        return f"the trace, as {self._propagation}" if self._begins else "the workload's own traceparent"


def _log(use: LogUse) -> str:
    where = f", where {' or '.join(use.filters)}" if use.filters else ""
    form = FORMS[use.sink.encoding] if use.sink.text or use.sink.encoding is not Encoding.TEXT else "Istio's text"
    return f"{_target(use.sink)}, {form}{where}{_by(use.sink.source)}"


def _target(sink: LogSink) -> str:
    match sink.kind:
        case SinkKind.STDOUT:
            return "standard output"
        case SinkKind.FILE:
            return sink.target
    return f"{sink.kind}://{sink.target}"


def _place(sink: SpanSink) -> str:
    return f"http://{sink.target}{sink.path}" if sink.protocol is SpanProtocol.HTTP else f"otlp://{sink.target}"


def _metrics(rules: tuple[MetricRule, ...]) -> Iterator[str]:
    """What becomes of which metrics, those that are treated alike together."""
    alike: dict[str, list[str]] = {}
    for rule in rules:
        labels = [f"without {tag.tag}" if tag.value is None else f"{tag.tag} = {tag.value}" for tag in rule.tags]
        if text := "not counted" if rule.disabled else ", ".join(labels):
            alike.setdefault(f"{text}{_by(rule.source)}", []).append(rule.metric)
    for text, metrics in alike.items():
        yield f"{_listed(metrics)}: {text}"


def _listed(metrics: list[str]) -> str:
    """Those that are named, or those that are not where they are fewer."""
    others = [name for name in METRICS if name not in metrics]
    if len(others) >= len(metrics):
        return ", ".join(metrics)
    return f"all but {', '.join(others)}" if others else "all"


def _by(source: Source | None) -> str:
    return f"  [{source}]" if source is not None else ""
