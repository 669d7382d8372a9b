"""Which lines an event becomes, and where each of them goes.

Owns the choice: a caller's sinks are those that documents name for it, chosen once for each caller, in Istio's order;
where no document speaks of it, the gate's own line is written. Sinks with one target share a writer, and a writer
outlives a change of policy that keeps its target. Knows no document and no flow.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from outgate.policy.model import Identity
from outgate.policy.telemetry_model import (
    Encoding,
    LogRule,
    LogSink,
    LogUse,
    Say,
    SinkKind,
    TelemetryPolicy,
    TraceRule,
    silent,
)
from outgate.problems import Problem, Where
from outgate.telemetry import filters, native, renderers
from outgate.telemetry.event import Event
from outgate.telemetry.files import KEPT, MAX_BYTES, FileSink
from outgate.telemetry.filters import Filter
from outgate.telemetry.formats import Text
from outgate.telemetry.lines import LogLine
from outgate.telemetry.receivers import TcpSink
from outgate.telemetry.renderers import Wanted
from outgate.telemetry.showing import Showing
from outgate.telemetry.sinks import Sink, StreamSink

log = logging.getLogger(__name__)

MOST_CALLERS = 4096
"""Callers whose sinks are kept; they are chosen again for what is beyond that."""
STDOUT = frozenset({"/dev/stdout", "/dev/stderr", "/proc/self/fd/1", "/proc/self/fd/2"})
"""Paths of files that are the gate's own output."""


@dataclass(frozen=True, slots=True)
class Outlets:
    """What sinks are made of."""

    export: Callable[[str], Callable[[LogLine, int], object]] | None = None
    """Who takes lines that go by OTLP, and how many bytes each holds on to, for a sink's target; for none, the
    collector that the gate's own lines go to."""
    own: bool = False
    """Whether the gate's own lines go there."""
    most: int = MAX_BYTES
    """Bytes of a file that is turned over."""
    kept: int = KEPT


@dataclass(frozen=True, slots=True)
class _Way:
    """One sink of a caller: which events it gets, and as what."""

    write: Callable[[Event], None]
    filters: tuple[Filter, ...] = ()
    """It gets what any of them lets through; without any, everything."""


@dataclass(slots=True)
class _Plan:
    """Everything that one policy asks for."""

    say: Say
    writes: dict[str, Callable[[Event], None]] = field(default_factory=dict)
    filters: dict[str, Filter] = field(default_factory=dict)
    outs: dict[tuple[SinkKind, str], Sink[bytes]] = field(default_factory=dict)
    wanted: Wanted = field(default_factory=Wanted)
    ways: dict[tuple[str, tuple[tuple[str, str], ...]], tuple[_Way, ...] | None] = field(default_factory=dict)


EMPTY = TelemetryPolicy()
OWN = LogSink("", SinkKind.OTLP, encoding=Encoding.NATIVE)
"""The gate's own lines, for the collector."""


class AccessLogs:
    """Every access log of a gate. `own`: the gate's own lines are written to `stdout` where no document says more, and
    to the collector where `outlets` say so."""

    def __init__(
        self,
        stdout: StreamSink | None,
        policy: TelemetryPolicy = EMPTY,
        say: Say = silent,
        outlets: Outlets | None = None,
        showing: Showing | None = None,
        *,
        own: bool = True,
    ) -> None:
        """Raises `ValueError` where the policy has `problems`."""
        self.stdout, self.outlets, self.showing = stdout, outlets or Outlets(), showing or Showing()
        self.own = stdout.put if own and stdout is not None else None
        self._collect = self._exporter(OWN, renderers.renderer(OWN, self.showing)) if self.outlets.own else None
        self.unmade = 0
        """Lines that could not be made."""
        self._left: list[Sink[bytes]] = []
        """Sinks that no document names any more, until they have ended."""
        self._lost = self._unanswered = 0
        """Lines lost by those that have ended, and answers that filters of earlier policies did not give."""
        self._plan = self._planned(policy, say, {})

    @property
    def wanted(self) -> Wanted:
        """What events have to have, beside what all of them do."""
        return self._plan.wanted

    @property
    def dropped(self) -> int:
        """Lines that were lost, by sinks and because they could not be made."""
        return sum(out.dropped for out in self._outs()) + self._lost + self.unmade

    @property
    def filters_failed(self) -> int:
        """How often a filter had no answer, so that there was no line."""
        return sum(each.failed for each in self._plan.filters.values()) + self._unanswered

    def observe(self, event: Event) -> None:
        """Write the lines of an event. Never waits, and a line that cannot be made costs no other."""
        plan = self._plan
        caller = event.caller
        try:
            ways = plan.ways[caller.namespace, caller.labels]
        except KeyError:
            ways = self._choose(plan, caller)
        if ways is None:
            if self.own is not None:
                self.own(native.render(event, self.showing.redaction))
            if self._collect is not None:
                self._collect(event)
            return
        for way in ways:
            try:
                if not way.filters or any(passes(event) for passes in way.filters):
                    way.write(event)
            except Exception as error:
                self._complain(error)

    def follow(self, policy: TelemetryPolicy, say: Say) -> None:
        """Another policy holds from now on. Raises `ValueError` where it has `problems`, and nothing changes."""
        before = self._plan
        self._plan = self._planned(policy, say, before.outs)
        self._unanswered += sum(each.failed for each in before.filters.values())
        for key, out in before.outs.items():
            if key not in self._plan.outs:
                out.close(0)
                self._left.append(out)
        for out in [each for each in self._left if each.ended]:
            self._left.remove(out)
            self._lost += out.dropped

    def close(self, timeout: float = 2.0) -> None:
        """Write what waits, within a bound."""
        for out in self._outs():
            out.close(0)
        for out in self._outs():
            out.close(timeout)

    def _outs(self) -> list[Sink[bytes]]:
        own = [self.stdout] if self.stdout is not None else []
        return [*own, *self._plan.outs.values(), *self._left]

    def _complain(self, error: Exception) -> None:
        """A line could not be made; told of the first time, for it may be every line."""
        self.unmade += 1
        if self.unmade == 1:
            kind = type(error).__name__  # its text may hold what a workload sent
            log.error("a line of the access log cannot be made, it is left out and counted: %s", kind)

    # Choosing.

    def _choose(self, plan: _Plan, caller: Identity) -> tuple[_Way, ...] | None:
        uses = plan.say(caller).logs
        ways = None if uses is None else tuple(_way(plan, use) for use in uses if use.sink.name in plan.writes)
        if len(plan.ways) >= MOST_CALLERS:
            plan.ways.clear()
        plan.ways[caller.namespace, caller.labels] = ways
        return ways

    # Making.

    def _planned(self, policy: TelemetryPolicy, say: Say, kept: Mapping[tuple[SinkKind, str], Sink[bytes]]) -> _Plan:
        if found := problems(policy, self.showing):
            raise ValueError("\n".join(map(str, found)))
        plan = _Plan(say)
        for source in {rule.filter for rule in _rules(policy) if rule.filter}:
            plan.filters[source] = filters.compiled(source)
        for sink in policy.sinks:
            if (write := self._writer(sink, plan, kept)) is not None:
                plan.writes[sink.name] = write
        plan.wanted = renderers.wanted(policy)
        return plan

    def _writer(
        self, sink: LogSink, plan: _Plan, kept: Mapping[tuple[SinkKind, str], Sink[bytes]]
    ) -> Callable[[Event], None] | None:
        """None where there is nothing to write to: no standard output, nobody who exports."""
        render = renderers.renderer(sink, self.showing)
        if sink.kind is SinkKind.OTLP:
            return self._exporter(sink, render)
        if is_stdout(sink):
            stdout = self.stdout
            return None if stdout is None else lambda event: stdout.put(_line(render(event)))
        key = sink.kind, sink.target
        plan.outs[key] = out = plan.outs.get(key) or kept.get(key) or self._opened(sink)
        return lambda event: out.put(_line(render(event)))

    def _exporter(self, sink: LogSink, render: Text) -> Callable[[Event], None] | None:
        if self.outlets.export is None:
            return None
        put, attributes = self.outlets.export(sink.target), renderers.attributes(sink, self.showing)

        def write(event: Event) -> None:
            line = _exported(event, render(event), attributes(event))
            put(line, len(line.body) + sum(len(name) + len(value) for name, value in line.attributes.items()))

        return write

    def _opened(self, sink: LogSink) -> Sink[bytes]:
        if sink.kind is SinkKind.FILE:
            return FileSink(Path(sink.target), self.outlets.most, self.outlets.kept)
        return TcpSink(*renderers.receiver(sink))


def _way(plan: _Plan, use: LogUse) -> _Way:
    return _Way(plan.writes[use.sink.name], tuple(plan.filters[source] for source in use.filters))


def is_stdout(sink: LogSink) -> bool:
    return sink.kind is SinkKind.STDOUT or (sink.kind is SinkKind.FILE and sink.target in STDOUT)


def _line(text: str) -> bytes:
    return text.encode() + b"\n"


def _exported(event: Event, body: str, attributes: dict[str, str]) -> LogLine:
    trace = event.trace
    if trace is None:
        return LogLine(event.started, body, attributes)
    return LogLine(event.started, body, attributes, trace.trace_id, trace.server_id, trace.sampled)


def _rules(policy: TelemetryPolicy) -> list[LogRule]:
    return [log for rule in policy.rules for log in rule.logs]


def problems(policy: TelemetryPolicy, showing: Showing | None = None) -> list[Problem]:
    """Everything about the policy's logs, and the formats in its traces, that cannot be carried out."""
    showing = showing or Showing()
    found: list[Problem] = []
    for sink in policy.sinks:
        found += [_problem(sink, why) for why in renderers.faults(sink, showing)]
    for rule in _rules(policy):
        if rule.filter:
            try:
                filters.compiled(rule.filter)
            except filters.FilterError as error:
                found.append(_problem(rule, str(error)))
    for trace in renderers.trace_rules(policy):
        found += [_problem(trace, why) for why in renderers.tag_faults(trace, showing)]
    return found


def _problem(owner: LogSink | LogRule | TraceRule, why: str) -> Problem:
    where = owner.source.where if owner.source is not None else Where("telemetry")
    what, _, hint = why.partition("; ")
    return Problem(where, _named(owner) + what, hint, field=owner.source.field if owner.source is not None else "")


def _named(owner: LogSink | LogRule | TraceRule) -> str:
    match owner:
        case LogSink():
            return f'the access log "{owner.name}": '
        case LogRule():
            return "a rule of the access log: "
    return "a rule of traces: "
