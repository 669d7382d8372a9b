"""A trace for every attempt: begun when its head is read, told to the origin, kept or left out when it is over.

Owns when a trace begins and which are kept. Knows no flows: it reads header fields and says what is to be changed in
them. Spans are drawn by who takes an attempt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from outgate.policy.telemetry_model import TraceRule
from outgate.telemetry.event import Event, Fields, Trace
from outgate.telemetry.ids import Ids
from outgate.telemetry.propagation import NOBODY, Changes, Propagation, changes, extract, w3c
from outgate.telemetry.sampling import LOW, Sampler, bound
from outgate.telemetry.span_errors import noteworthy
from outgate.telemetry.spans import Shape
from outgate.telemetry.urls import Query


@dataclass(frozen=True, slots=True)
class Tracing:
    """What may be set. None: what the standard variables say, else the default that is named."""

    trace_sampling: float | None = None
    """0 to 1, of traces that begin at the gate; else `OTEL_TRACES_SAMPLER`, else 1."""
    trace_parent_rate: float = 10.0
    """Traces a second that workloads may have kept beyond that."""
    trace_spans: Shape = Shape.PAIR
    trace_propagation: Propagation | None = None
    """What origins are told where no document says; else `OTEL_PROPAGATORS`, else w3c."""
    url_query: Query = Query.REDACT
    url_secrets: tuple[str, ...] = ()
    """More names of query parameters whose values are not shown."""


FRESH = 32
"""Traces that are made at once."""

type Put = Callable[[Event], object]
"""Takes an attempt whose spans are to be exported. Never waits."""


class Tracer:
    """One for each process. `route` says who takes the traces of callers with this rule; None: nobody does."""

    def __init__(
        self,
        route: Callable[[TraceRule | None], Put | None],
        sampler: Sampler,
        propagation: Propagation = Propagation.W3C,
        ids: Ids | None = None,
    ) -> None:
        self.left_out = 0
        """Attempts that went well and whose traces were not to be kept."""
        self._route, self._sampler, self._propagation = route, sampler, propagation
        self._ids = ids or Ids()
        self._fresh: list[Trace] = []
        self._epoch = 0

    def begin(self, fields: Fields = (), rule: TraceRule | None = None) -> Trace | None:
        """The trace of an attempt, from the request's header fields as they were received. None: traces go nowhere."""
        if self._route(rule) is None:
            return None
        context = extract(fields)
        ratio = rule.sampling if rule is not None else None
        if context is NOBODY and ratio is None:
            if self._epoch != self._ids.epoch:
                self._fresh.clear()
            if not self._fresh:
                self._prepare()
            trace = self._fresh.pop()
            trace.rule = rule
            return trace
        trace_id, server_id, client_id = self._ids.trace()
        trace_id = context.trace_id or trace_id
        sampled = self._sampler.sampled(trace_id, context.sampled, ratio)
        return Trace(trace_id, server_id, (client_id,), context.parent_id, sampled, context.state, rule)

    def _prepare(self) -> None:
        """Most traces begin here and are alike: some are made at once, for one by one they would take twice as long."""
        self._epoch = self._ids.epoch
        most, tells = bound(self._sampler.ratio), self._propagation is Propagation.W3C
        for _ in range(FRESH):
            trace_id, server_id, client_id = self._ids.trace()
            sampled = trace_id & LOW < most
            told = w3c(trace_id, client_id, sampled) if tells else ()
            self._fresh.append(Trace(trace_id, server_id, (client_id,), 0, sampled, "", None, told))

    def again(self, trace: Trace) -> Trace:
        """The same when an origin is asked once more."""
        return replace(trace, client_ids=(*trace.client_ids, self._ids.span_id()), told=())

    def outgoing(self, trace: Trace | None, mode: Propagation | None = None, internal: bool = False) -> Changes:
        """What changes in a request's headers before it leaves. None: what is set. `internal`: for the same mesh."""
        if trace is not None and trace.rule is not None and trace.rule.propagates is False:
            return changes(trace, Propagation.NONE)
        return changes(trace, mode or self._propagation, internal)

    def observe(self, event: Event) -> None:
        """An attempt is over. Never waits."""
        trace = event.trace
        if trace is None or (trace.rule is not None and trace.rule.disabled):
            return
        put = self._route(trace.rule)
        if put is None:
            return
        if trace.sampled or noteworthy(event):
            put(event)
        else:
            self.left_out += 1
