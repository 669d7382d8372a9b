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
from outgate.policy.telemetry_model import LogRule, LogSink, SinkKind, TelemetryPolicy, TelemetryRule
from outgate.problems import Problem, Where
from outgate.telemetry import filters, lines, native
from outgate.telemetry.event import Event
from outgate.telemetry.files import KEPT, MAX_BYTES, FileSink
from outgate.telemetry.lines import Wanted
from outgate.telemetry.receivers import TcpSink
from outgate.telemetry.showing import Showing
from outgate.telemetry.sinks import LogRecord, RecordSink, Sink, StreamSink

log = logging.getLogger(__name__)

type Filter = Callable[[Event], bool]
type Out = Sink[bytes] | Sink[LogRecord]

MOST_CALLERS = 4096
"""Callers whose sinks are kept; they are chosen again for what is beyond that."""
STDOUT = frozenset({"/dev/stdout", "/dev/stderr", "/proc/self/fd/1", "/proc/self/fd/2"})
"""Paths of files that are the gate's own output."""


@dataclass(frozen=True, slots=True)
class Outlets:
    """What sinks are made of."""

    stdout: StreamSink | None = None
    """Shared with the gate's own lines."""
    export: Callable[[LogRecord], None] | None = None
    """Takes what goes by OTLP."""
    most: int = MAX_BYTES
    """Bytes of a file that is turned over."""
    kept: int = KEPT


@dataclass(frozen=True, slots=True)
class _Way:
    """One sink of a caller: which events it gets, and as what."""

    write: Callable[[Event], None]
    filter: Filter | None


@dataclass(slots=True)
class _Plan:
    """Everything that one policy asks for."""

    policy: TelemetryPolicy
    writes: dict[str, Callable[[Event], None]] = field(default_factory=dict)
    filters: dict[str, Filter] = field(default_factory=dict)
    outs: dict[tuple[SinkKind, str], Out] = field(default_factory=dict)
    wanted: Wanted = field(default_factory=Wanted)
    ways: dict[tuple[str, tuple[tuple[str, str], ...]], tuple[_Way, ...] | None] = field(default_factory=dict)


EMPTY = TelemetryPolicy()


class AccessLogs:
    """Every access log of a gate. `own`: where the gate's own lines go; None for nowhere. With `always` they are
    written beside what documents ask for, too."""

    def __init__(
        self,
        policy: TelemetryPolicy | None = None,
        own: Callable[[bytes], None] | None = None,
        outlets: Outlets | None = None,
        showing: Showing | None = None,
        *,
        always: bool = False,
    ) -> None:
        """Raises `ValueError` where the policy has `problems`."""
        self.own, self.outlets, self.showing, self.always = own, outlets or Outlets(), showing or Showing(), always
        self.unmade = 0
        """Lines that could not be made."""
        self._plan = self._planned(policy or EMPTY, {})

    @property
    def wanted(self) -> Wanted:
        """Which headers and trailers an event has to carry."""
        return self._plan.wanted

    @property
    def dropped(self) -> int:
        """Lines that were lost by the sinks in use, beside standard output's."""
        return sum(out.dropped for out in self._plan.outs.values())

    def observe(self, event: Event) -> None:
        """Write the lines of an event. Never waits, and a line that cannot be made costs no other."""
        plan = self._plan
        caller = event.caller
        try:
            ways = plan.ways[caller.namespace, caller.labels]
        except KeyError:
            ways = self._choose(plan, caller)
        if (ways is None or self.always) and self.own is not None:
            self.own(native.render(event))
        for way in ways or ():
            try:
                if way.filter is None or way.filter(event):
                    way.write(event)
            except Exception as error:
                self._complain(error)

    def swap(self, policy: TelemetryPolicy | None) -> None:
        """Another policy holds from now on. Raises `ValueError` where it has `problems`, and nothing changes."""
        before = self._plan
        self._plan = self._planned(policy or EMPTY, before.outs)
        for key, out in before.outs.items():
            if key not in self._plan.outs:
                out.close(0)

    def reopen(self) -> None:
        """Files were moved away."""
        for out in self._plan.outs.values():
            out.reopen()

    def close(self, timeout: float = 2.0) -> None:
        """Write what waits, within a bound, but on standard output, which is whoever opened it's to close."""
        for out in self._plan.outs.values():
            out.close(0)
        for out in self._plan.outs.values():
            out.close(timeout)

    def _complain(self, error: Exception) -> None:
        """A line could not be made; told of the first time, for it may be every line."""
        self.unmade += 1
        if self.unmade == 1:
            kind = type(error).__name__  # its text may hold what a workload sent
            log.error("a line of the access log cannot be made, it is left out and counted: %s", kind)

    # Choosing.

    def _choose(self, plan: _Plan, caller: Identity) -> tuple[_Way, ...] | None:
        chosen = sinks_of(plan.policy, caller)
        ways = None
        if chosen is not None:
            ways = tuple(
                _Way(plan.writes[name], plan.filters.get(source))
                for name, source in chosen.items()
                if name in plan.writes
            )
        if len(plan.ways) >= MOST_CALLERS:
            plan.ways.clear()
        plan.ways[caller.namespace, caller.labels] = ways
        return ways

    # Making.

    def _planned(self, policy: TelemetryPolicy, kept: Mapping[tuple[SinkKind, str], Out]) -> _Plan:
        if found := problems(policy, self.showing):
            raise ValueError("\n".join(map(str, found)))
        plan = _Plan(policy)
        for source in {rule.filter for rule in _rules(policy) if rule.filter}:
            plan.filters[source] = filters.compiled(source)
        for sink in policy.sinks:
            if (write := self._writer(sink, plan, kept)) is not None:
                plan.writes[sink.name] = write
        plan.wanted = lines.wanted(policy)
        return plan

    def _writer(
        self, sink: LogSink, plan: _Plan, kept: Mapping[tuple[SinkKind, str], Out]
    ) -> Callable[[Event], None] | None:
        """None where there is nothing to write to: no standard output, nobody who exports."""
        render = lines.renderer(sink, self.showing)
        if is_stdout(sink):
            stdout = self.outlets.stdout
            return None if stdout is None else lambda event: stdout.put(_line(render(event)))
        key = sink.kind, sink.name if sink.kind is SinkKind.OTLP else sink.target
        if (out := plan.outs.get(key) or kept.get(key) or self._opened(sink)) is None:
            return None
        plan.outs[key] = out
        if isinstance(out, RecordSink):
            attributes = lines.attributes(sink, self.showing)
            return lambda event: out.put(_record(sink.name, event, render(event), attributes(event)))
        assert isinstance(out, FileSink | TcpSink)
        return lambda event: out.put(_line(render(event)))

    def _opened(self, sink: LogSink) -> Out | None:
        match sink.kind:
            case SinkKind.FILE:
                return FileSink(Path(sink.target), self.outlets.most, self.outlets.kept)
            case SinkKind.TCP:
                return TcpSink(*lines.receiver(sink))
        return RecordSink(self.outlets.export) if self.outlets.export is not None else None


def is_stdout(sink: LogSink) -> bool:
    return sink.kind is SinkKind.STDOUT or (sink.kind is SinkKind.FILE and sink.target in STDOUT)


def _line(text: str) -> bytes:
    return text.encode() + b"\n"


def _record(name: str, event: Event, body: str, attributes: dict[str, str]) -> LogRecord:
    trace = event.trace
    if trace is None:
        return LogRecord(name, event.started, body, attributes)
    return LogRecord(name, event.started, body, attributes, trace.trace_id, trace.server_id)


def sinks_of(policy: TelemetryPolicy, caller: Identity) -> dict[str, str] | None:
    """The sinks of a caller, each with its filter; None where nothing speaks of them.

    As Istio merges: the most special rule that names sinks says which they are, one that names none speaks of those
    before it, and what is said last of a sink holds.
    """
    spoken = [rule.logs for rule in policy.rules if rule.logs and _fits(rule, caller)]
    if not spoken:
        return dict.fromkeys(policy.default_sinks, "") if policy.default_sinks else None
    in_scope = set(policy.default_sinks)
    for logs in spoken:
        if named := {name for log in logs for name in log.sinks}:
            in_scope = named
    chosen: dict[str, str] = {}
    names = policy.default_sinks
    for log in (log for logs in spoken for log in logs):
        names = log.sinks or names
        for name in names:
            if log.disabled:
                chosen.pop(name, None)
            elif name in in_scope:
                chosen[name] = log.filter
    return chosen


def _fits(rule: TelemetryRule, caller: Identity) -> bool:
    return rule.namespace in ("", caller.namespace) and set(rule.labels) <= set(caller.labels)


def _rules(policy: TelemetryPolicy) -> list[LogRule]:
    return [log for rule in policy.rules for log in rule.logs]


def problems(policy: TelemetryPolicy, showing: Showing | None = None) -> list[Problem]:
    """Everything about the policy's logs that cannot be carried out: formats, filters, targets, names of sinks."""
    showing = showing or Showing()
    found: list[Problem] = []
    for sink in policy.sinks:
        found += [_problem(sink, why) for why in lines.faults(sink, showing)]
    known = {sink.name for sink in policy.sinks}
    for rule in _rules(policy):
        for name in rule.sinks:
            if name not in known:
                found.append(_problem(rule, f'there is no sink "{name}"; name one of {", ".join(sorted(known))}'))
        if rule.filter:
            try:
                filters.compiled(rule.filter)
            except filters.FilterError as error:
                found.append(_problem(rule, str(error)))
    return found


def _problem(owner: LogSink | LogRule, why: str) -> Problem:
    where = owner.source.where if owner.source is not None else Where("telemetry")
    what, _, hint = why.partition("; ")
    name = f'the access log "{owner.name}": ' if isinstance(owner, LogSink) else "a rule of the access log: "
    return Problem(where, name + what, hint, field=owner.source.field if owner.source is not None else "")
