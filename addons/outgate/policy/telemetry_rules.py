"""What documents say about logs, metrics and traces, for one caller: selection, precedence and merge, as Istio's.

Owns the order of rules: those for everybody, then for a namespace, then for labels; of each the first one. A gate that
stands for sidecar and egress gateway at once has both in one: it logs where either would, and what selects the gateway
has the last word on metrics and traces. Pure; knows no output.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

from outgate.policy.model import Gate, Identity
from outgate.policy.telemetry_model import (
    CallerTelemetry,
    LogRule,
    LogSink,
    LogUse,
    MetricRule,
    TelemetryPolicy,
    TelemetryRule,
    TraceRule,
)

ALL_METRICS = "ALL_METRICS"
METRICS = (
    "REQUEST_COUNT",
    "REQUEST_DURATION",
    "REQUEST_SIZE",
    "RESPONSE_SIZE",
    "TCP_OPENED_CONNECTIONS",
    "TCP_CLOSED_CONNECTIONS",
    "TCP_SENT_BYTES",
    "TCP_RECEIVED_BYTES",
    "GRPC_REQUEST_MESSAGES",
    "GRPC_RESPONSE_MESSAGES",
)
"""By Istio's names."""

type Chain = tuple[TelemetryRule, ...]
"""The rules about one hop, the most general one first."""


def telemetry_of(policy: TelemetryPolicy, gate: Gate, caller: Identity) -> CallerTelemetry:
    """What holds for a caller. One whose namespace is not known counts as of the gate's own."""
    sidecar, gateway = _chains(policy.rules, gate, caller)
    ordered = (*(sidecar or ()), *(rule for rule in gateway if rule not in (sidecar or ())))
    return CallerTelemetry(
        logs=_logs(policy, sidecar, gateway),
        metrics=tuple(_metrics(chain.from_iterable(rule.metrics for rule in ordered))),
        trace=_trace(policy.default_trace, [said for rule in ordered for said in rule.traces]),
    )


def joined(parts: Iterable[TelemetryPolicy]) -> TelemetryPolicy:
    """What several meshes say together. Of defaults for traces the first one's hold."""
    given = [part for part in parts if part != TelemetryPolicy()]
    return TelemetryPolicy(
        sinks=tuple(chain.from_iterable(part.sinks for part in given)),
        default_sinks=tuple(chain.from_iterable(part.default_sinks for part in given)),
        fallback_sinks=tuple(chain.from_iterable(part.fallback_sinks for part in given)),
        span_sinks=tuple(chain.from_iterable(part.span_sinks for part in given)),
        default_trace=next((part.default_trace for part in given if part.default_trace is not None), None),
        rules=tuple(chain.from_iterable(part.rules for part in given)),
        source=next((part.source for part in given if part.source is not None), None),
    )


def _chains(rules: Sequence[TelemetryRule], gate: Gate, caller: Identity) -> tuple[Chain | None, Chain]:
    """The rules for the caller's own hop, and for the gateway's. Where the gate is only one of the two, it has all."""
    namespace, labels = caller.namespace or gate.namespace, set(caller.labels)
    fits = [rule.namespace in ("", namespace) and set(rule.labels) <= labels for rule in rules]
    if not gate.collapses:
        return None, _firsts(rule for rule, fitting in zip(rules, fits, strict=True) if fitting or rule.gate)
    sidecar = _firsts(rule for rule, fitting in zip(rules, fits, strict=True) if fitting)
    return sidecar, _firsts(rule for rule in rules if rule.gate or _level(rule) == 0)


def _firsts(rules: Iterable[TelemetryRule]) -> Chain:
    """One rule of each mesh a level."""
    chosen: dict[tuple[int, str], TelemetryRule] = {}
    for rule in rules:
        chosen.setdefault((_level(rule), rule.source.kind if rule.source is not None else ""), rule)
    return tuple(sorted(chosen.values(), key=_level))


def _level(rule: TelemetryRule) -> int:
    return 2 if rule.labels else 1 if rule.namespace else 0


def _logs(policy: TelemetryPolicy, sidecar: Chain | None, gateway: Chain) -> tuple[LogUse, ...] | None:
    """The gateway's hop counts where it says something of its own: what all rules share is the sidecar's already, and
    a namespace may take that back."""
    own = any(rule.logs for rule in gateway if rule not in (sidecar or ()))
    hops = [hop for hop in (sidecar, gateway if own or sidecar is None else None) if hop is not None]
    said = [[rule.logs for rule in hop if rule.logs] for hop in hops]
    if not any(said) and not policy.default_sinks and not policy.fallback_sinks:
        return None
    return _uses(policy.sinks, (pair for logs in said for pair in _merged(logs, policy).items()))


def _merged(logs: Sequence[tuple[LogRule, ...]], policy: TelemetryPolicy) -> dict[str, str]:
    """Sink -> filter. The last document that names sinks says which; each has the filter it was last named with."""
    if not logs:
        return dict.fromkeys(policy.default_sinks or policy.fallback_sinks, "")
    scope: Iterable[str] = policy.default_sinks
    filters: dict[str, str] = {}
    for rules in logs:
        filters |= {name: rule.filter for rule in rules for name in rule.sinks}
        scope = [name for rule in rules for name in rule.sinks] or scope
    used: dict[str, str] = {}
    names: Sequence[str] = policy.default_sinks
    for rule in chain.from_iterable(logs):
        names = rule.sinks or names
        for name in names:
            if rule.disabled:
                used.pop(name, None)
            elif name in scope:
                used[name] = filters.get(name, "")
    return used


def _uses(sinks: Iterable[LogSink], used: Iterable[tuple[str, str]]) -> tuple[LogUse, ...]:
    """Sinks that write the same to the same place are one, so that no attempt is told of twice."""
    known = {sink.name: sink for sink in sinks}
    made: dict[str, LogUse] = {}
    for name, said in used:
        if (sink := known.get(name)) is None:
            continue
        alike = repr(replace(sink, name="", source=None))
        earlier = made.get(alike)
        if earlier is None:
            made[alike] = LogUse(sink, (said,) if said else ())
        elif earlier.filters:
            made[alike] = replace(earlier, filters=tuple(dict.fromkeys((*earlier.filters, said))) if said else ())
    return tuple(made.values())


def _metrics(rules: Iterable[MetricRule]) -> Iterator[MetricRule]:
    made: dict[str, MetricRule] = {}
    for said in rules:
        for name in METRICS if said.metric == ALL_METRICS else (said.metric,):
            before = made.get(name, MetricRule(name))
            tags = {tag.tag: tag for tag in (*before.tags, *said.tags)}
            disabled = before.disabled if said.disabled is None else said.disabled
            made[name] = MetricRule(name, disabled, tuple(tags.values()), said.source)
    yield from (made[name] for name in sorted(made))


def _trace(default: TraceRule | None, rules: Sequence[TraceRule]) -> TraceRule:
    made = default or TraceRule()
    if rules:
        made = replace(made, disabled=None)
    for rule in rules:
        made = TraceRule(
            sink=rule.sink or made.sink,
            sampling=made.sampling if rule.sampling is None else rule.sampling,
            tags=rule.tags or made.tags,
            disabled=made.disabled if rule.disabled is None else rule.disabled,
            propagates=made.propagates if rule.propagates is None else rule.propagates,
            source=rule.source,
        )
    return made
