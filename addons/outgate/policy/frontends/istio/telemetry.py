"""Telemetry: which callers a document is about, and what it says of their logs, metrics and traces.

Owns selection and translation, and that of documents about the same callers the first one counts. How documents of
several levels are merged is `telemetry_rules.py`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from outgate.policy.frontends.istio.authorization import GATEWAY_LABEL, is_gate
from outgate.policy.frontends.istio.authorization_checks import labels, references
from outgate.policy.frontends.istio.common import is_egress, selects, unapplied
from outgate.policy.frontends.istio.mesh_telemetry import Mesh
from outgate.policy.frontends.istio.providers import Provider
from outgate.policy.frontends.istio.resource import Kind, Resource
from outgate.policy.frontends.istio.span_tags import tags
from outgate.policy.frontends.istio.telemetry_fields import SHAPE, check, is_value
from outgate.policy.model import Gate
from outgate.policy.schema import Record
from outgate.policy.telemetry_model import LogRule, MetricRule, TagOverride, TelemetryPolicy, TelemetryRule, TraceRule

GROUP = "telemetry.istio.io"
type Whom = tuple[str, tuple[tuple[str, str], ...], bool]
"""A namespace, labels, and whether the gate itself is meant, as `TelemetryRule` has them."""


def translate(resources: Iterable[Resource], mesh: Mesh, gate: Gate, beside: Collection[str]) -> TelemetryPolicy:
    """What the documents say on top of the mesh. `beside`: the namespaces of the egress gateways that the gate stands
    for."""
    rules: dict[Whom, TelemetryRule] = {}
    for resource in resources:
        whom = _whom(resource, gate, beside)
        if whom is None:
            continue
        rule = TelemetryRule(
            *whom,
            logs=tuple(_logs(resource, mesh)),
            metrics=tuple(_metrics(resource, mesh)),
            traces=tuple(_traces(resource, mesh)),
            source=resource.source(),
        )
        first = rules.setdefault(whom, rule)
        if first is not rule:
            what = f"{resource} is not applied: {first.source} is about the same callers"
            resource.reading.warn(resource.document.where, "spec", what, "say it in one document")
    return _in_use(replace(mesh.policy, rules=tuple(rules.values())))


def _in_use(policy: TelemetryPolicy) -> TelemetryPolicy:
    """Without the places that nothing goes to: what is only defined is not opened."""
    logs = {*policy.default_sinks, *policy.fallback_sinks}
    logs |= {name for rule in policy.rules for said in rule.logs for name in said.sinks}
    spans = {said.sink for rule in policy.rules for said in rule.traces}
    spans |= {policy.default_trace.sink} if policy.default_trace is not None else set()
    return replace(
        policy,
        sinks=tuple(sink for sink in policy.sinks if sink.name in logs),
        span_sinks=tuple(sink for sink in policy.span_sinks if sink.name in spans),
    )


def _whom(resource: Resource, gate: Gate, beside: Collection[str]) -> Whom | None:
    """None where nothing of this gate is selected, after saying so."""
    spec, namespace, wanted = resource.spec, resource.namespace, labels(resource.spec)
    if targets := references(spec):
        for target in targets:
            if is_gate(target, resource, gate):
                return namespace, ((GATEWAY_LABEL, target.get("name")),), True
        name = "targetRef" if "targetRef" in spec else "targetRefs"
        unapplied(resource.reading, spec.at(name), spec.under(name), f"{resource} is about none of this gate's callers")
        return None
    egress = gate.collapses and any(is_egress(value) for value in wanted.values())
    own = namespace in (gate.namespace, *beside) if not wanted else _own(namespace, wanted, gate)
    if not wanted and resource.in_root:
        return "", (), False
    if not gate.collapses and not own and namespace != gate.namespace:
        what = f"{resource} is about other proxies than this gate, and is not applied"
        hint = f"the gate is {gate.namespace}/{gate.name}, and stands for nothing else"
        resource.reading.warn(resource.document.where, "metadata.namespace", what, hint)
        return None
    return namespace, tuple(sorted(wanted.items())), egress or own


def _own(namespace: str, wanted: dict[str, str], gate: Gate) -> bool:
    return namespace == gate.namespace and selects(wanted, gate.labels)


def _of_clients(record: Record) -> bool:
    """Whether it is about what leaves."""
    match: Record | None = record.get("match")
    return match is None or match.get("mode") != "SERVER"


def _providers(record: Record, signal: str, resource: Resource, mesh: Mesh) -> list[Provider] | None:
    """Those that are named and serve; None where all that are named do not. Nobody named is an empty list."""
    named = record.get("providers", [])
    found = [mesh.find(each.get("name"), signal, resource.reading) for each in named]
    serving = [provider for provider in found if provider is not None]
    return serving if serving or not named else None


def _logs(resource: Resource, mesh: Mesh) -> Iterator[LogRule]:
    """A block of which no provider is there is left out: lines go on where they went, more rather than fewer."""
    for record in resource.spec.get("accessLogging", []):
        if not _of_clients(record):
            continue
        providers = _providers(record, "logs", resource, mesh)
        chosen: Record | None = record.get("filter")
        expression = chosen.get("expression", "") if chosen is not None else ""
        if expression and providers == []:
            what = "a filter is of the providers beside it, and there are none: it is not applied, as in Istio"
            resource.reading.warn(record.at("filter"), record.under("filter"), what, "name the providers")
        if providers is None:
            continue
        source = resource.source(record.path, record.where)
        if chosen is not None and expression:
            source = resource.source(chosen.under("expression"), chosen.at("expression"))
        sinks = tuple(provider.log.name for provider in providers if provider.log is not None)
        yield LogRule(sinks, expression if sinks else "", record.get("disabled", False), source)


def _metrics(resource: Resource, mesh: Mesh) -> Iterator[MetricRule]:
    for record in resource.spec.get("metrics", []):
        if _providers(record, "metrics", resource, mesh) is None:
            continue
        for override in record.get("overrides", []):
            match: Record | None = override.get("match")
            if not _of_clients(override) or (match is not None and "customMetric" in match):
                continue
            yield MetricRule(
                metric=match.get("metric", "ALL_METRICS") if match is not None else "ALL_METRICS",
                disabled=override.get("disabled"),
                tags=tuple(_tags(override.get("tagOverrides", {}), resource)),
                source=resource.source(override.path, override.where),
            )


def _tags(given: dict[str, Record], resource: Resource) -> Iterator[TagOverride]:
    for tag, record in given.items():
        value = None if record.get("operation") == "REMOVE" else record.get("value").strip()
        if value is None or is_value(value):
            yield TagOverride(tag, value, resource.source(record.path, record.where))


def _traces(resource: Resource, mesh: Mesh) -> Iterator[TraceRule]:
    for record in resource.spec.get("tracing", []):
        if not _of_clients(record):
            continue
        providers = _providers(record, "spans", resource, mesh) or []
        share = record.get("randomSamplingPercentage")
        passed_on = record.get("disableContextPropagation")
        yield TraceRule(
            sink=next((provider.span.name for provider in providers if provider.span is not None), ""),
            sampling=None if share is None else share / 100,
            tags=tags(record.get("customTags", {})),
            disabled=record.get("disableSpanReporting"),
            propagates=None if passed_on is None else not passed_on,
            source=resource.source(record.path, record.where),
        )


KIND = Kind("Telemetry", GROUP, ("v1", "v1alpha1"), SHAPE, check)
