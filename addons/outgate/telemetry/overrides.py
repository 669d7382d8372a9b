"""What documents change about Istio's metrics: none of one, a label less, a label that says something else.

Owns the compilation of these rules, once for each kind of caller, and their application to labels; which hold for whom
is the policy's. What depends on the event is a value apart, so that it can be part of what a series is looked up by; of
such values there are only so many.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from outgate.policy.model import Identity
from outgate.policy.telemetry_model import METRIC_ATTRIBUTES, MetricRule, Say, TagOverride
from outgate.telemetry import native
from outgate.telemetry.aggregate import Labels
from outgate.telemetry.event import Event, Tls
from outgate.telemetry.hosts import Some
from outgate.telemetry.istio_labels import grpc_status, status_of
from outgate.telemetry.names import OTHER, OVERRIDABLE, UNKNOWN

log = logging.getLogger(__name__)

CALLERS = 1024
"""Kinds of caller whose rules are remembered."""
LABEL = re.compile(r"(?!__)[A-Za-z_][A-Za-z0-9_]*")
LITERAL = re.compile(r"""(['"])(.*)\1""", re.DOTALL)

type Attribute = Callable[[Event], str]


@dataclass(frozen=True, slots=True)
class Step:
    """One label set to a text, or to the value of this number among those that depend on the event, or taken away."""

    tag: str
    text: str | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of the metrics of a kind of caller."""

    attributes: tuple[Attribute, ...] = ()
    steps: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)
    disabled: frozenset[str] = frozenset()
    """Metrics, by Prometheus' name."""

    def labels(self, metric: str, labels: Labels, values: tuple[str, ...]) -> Labels:
        """The labels after the rules. `values` are those of the attributes."""
        if not (steps := self.steps.get(metric)):
            return labels
        found = dict(zip(*labels, strict=True))
        for step in steps:
            text = values[step.number] if step.number is not None else step.text
            if text is None:
                found.pop(step.tag, None)
            else:
                found[step.tag] = text
        # What was added comes in one order whatever rule added it: the same labels are one series.
        before = set(labels[0])
        names = (*(name for name in labels[0] if name in found), *sorted(found.keys() - before))
        return names, tuple(found[name] for name in names)


NONE = Plan()


class Overrides:
    """The rules in force. `most` and `full` are as for hosts."""

    def __init__(self, most: int, full: Callable[[str], None]) -> None:
        self._say: Say | None = None
        self._most, self._full = most, full
        self._plans: dict[tuple[str, tuple[tuple[str, str], ...]], Plan] = {}
        self._values: dict[str, Some] = {}

    def follow(self, say: Say | None) -> None:
        """Documents say this now; None: nothing."""
        self._say = say
        self._plans.clear()

    def plan(self, caller: Identity) -> Plan:
        if (say := self._say) is None:
            return NONE
        key = (caller.namespace, caller.labels)
        if (found := self._plans.get(key)) is None:
            if len(self._plans) >= CALLERS:
                self._plans.clear()
            found = self._plans[key] = self._compiled(say(caller).metrics)
        return found

    def _compiled(self, said: Iterable[MetricRule]) -> Plan:
        attributes: list[Attribute] = []
        steps: dict[str, tuple[Step, ...]] = {}
        rules = {OVERRIDABLE[rule.metric].name: rule for rule in said}
        for metric, rule in rules.items():
            made = (_step(tag, attributes, self._bounded) for tag in rule.tags if LABEL.fullmatch(tag.tag))
            steps[metric] = tuple(made)
        return Plan(tuple(attributes), steps, frozenset(metric for metric, rule in rules.items() if rule.disabled))

    def _bounded(self, name: str) -> Attribute:
        """An attribute that has only so many values: most are the workload's to choose."""
        read, full = ATTRIBUTES[name], self._full
        some = self._values.setdefault(name, Some(self._most, lambda: full(name)))

        def bounded(event: Event) -> str:
            value = read(event) or UNKNOWN
            return value if some.has(value) else OTHER

        return bounded


def _step(tag: TagOverride, attributes: list[Attribute], bounded: Callable[[str], Attribute]) -> Step:
    if tag.value is None:
        return Step(tag.tag)
    if literal := LITERAL.fullmatch(tag.value.strip()):
        return Step(tag.tag, literal[2])
    if (name := tag.value.strip()) not in ATTRIBUTES:
        log.warning('the label "%s" is %s: "%s" is neither a text in quotes nor known', tag.tag, UNKNOWN, name)
        return Step(tag.tag, UNKNOWN)
    attributes.append(bounded(name))
    return Step(tag.tag, number=len(attributes) - 1)


def _tls(event: Event) -> Tls:
    return event.downstream_tls or Tls()


ATTRIBUTES: Mapping[str, Attribute] = {
    "request.host": lambda event: event.named,
    "request.method": lambda event: event.method,
    "request.protocol": lambda event: event.protocol,
    "request.scheme": lambda event: ("https" if event.encrypted else "http") if event.kind == "http" else "",
    "response.code": lambda event: status_of(event.status),
    "response.flags": lambda event: event.flags,
    "response.grpc_status": grpc_status,
    "source.namespace": lambda event: event.caller.namespace,
    "source.principal": lambda event: event.caller.principal,
    "destination.address": lambda event: event.address,
    "destination.port": lambda event: str(event.port),
    "connection.mtls": lambda event: str(_tls(event).mutual).lower(),
    "connection.requested_server_name": lambda event: event.sni,
    "connection.tls_version": lambda event: _tls(event).version,
    "outgate.code": lambda event: event.code,
    "outgate.destination": lambda event: (
        event.decision.destination.key if event.decision is not None and event.decision.destination is not None else ""
    ),
    "outgate.endpoint": native.endpoint,
    "outgate.endpoint_labels": native.endpoint_labels,
    "outgate.region": lambda event: event.region,
    "outgate.verdict": lambda event: event.verdict,
}
assert ATTRIBUTES.keys() == METRIC_ATTRIBUTES
