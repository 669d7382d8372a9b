"""From a sink of the policy to what renders its lines.

Owns which format is meant where none is written, what may be wrong with formats, and what of an attempt has to be found
out for them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from outgate.policy.telemetry_model import Encoding, LogSink, SinkKind, TagKind, TelemetryPolicy, TraceRule
from outgate.telemetry import defaults, filters, formats, istio_line, native
from outgate.telemetry.event import Event
from outgate.telemetry.formats import FormatError, Text
from outgate.telemetry.showing import Showing

FINGERPRINTS = re.compile(r"TLS_JA[34]_FINGERPRINT")
IDENTIFIERS = re.compile(r"\bX-REQUEST-ID\b|\bSTREAM_ID\b", re.IGNORECASE)
RECEIVER = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:\[\]/]+)):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is found out for those alone who show it."""

    fingerprints: bool = False
    """JA3 and JA4 of the workload's hello."""
    identifiers: bool = False
    """A number for each request."""


def renderer(sink: LogSink, showing: Showing) -> Text:
    """Renders a line of a sink, without its end. Raises `FormatError`."""
    match sink.encoding:
        case Encoding.NATIVE:
            return lambda event: native.render(event, showing.redaction)[:-1].decode()
        case Encoding.TEXT:
            form = sink.text or defaults.ISTIO
            usual = form == defaults.ISTIO and not sink.omit_empty
            return istio_line.renderer(showing) if usual else formats.text(form, showing, sink.omit_empty)
    fields = sink.fields or defaults.ISTIO_JSON
    return formats.json(fields, showing, typed=sink.encoding is Encoding.TYPED_JSON, omit_empty=sink.omit_empty)


def attributes(sink: LogSink, showing: Showing) -> Callable[[Event], dict[str, str]]:
    """What an OTLP line carries beside its text. Raises `FormatError`."""
    made = [(name, formats.text(form, showing, sink.omit_empty)) for name, form in sink.labels]

    def render(event: Event) -> dict[str, str]:
        shown = {name: text(event) for name, text in made}
        return {name: text for name, text in shown.items() if text} if sink.omit_empty else shown

    return render


def receiver(sink: LogSink) -> tuple[str, int]:
    """Host and port. Raises `FormatError`."""
    found = RECEIVER.fullmatch(sink.target)
    if found is None or not 0 < int(found["port"]) < 65536:
        raise FormatError(f'"{sink.target}" is no receiver; write host:port')
    return found["six"] or found["host"], int(found["port"])


def faults(sink: LogSink, showing: Showing) -> list[str]:
    """What is wrong with a sink."""
    found = []
    checks: list[Callable[[], object]] = [lambda: renderer(sink, showing)]
    checks += [lambda pair=pair: formats.text(pair[1], showing) for pair in sink.labels]  # type: ignore[misc]
    if sink.kind is SinkKind.TCP:
        checks.append(lambda: receiver(sink))
    if sink.kind is SinkKind.FILE and not sink.target.startswith("/"):
        found.append(f'"{sink.target}" is no absolute path; write one that begins with /')
    for check in checks:
        try:
            check()
        except FormatError as error:
            found.append(str(error))
    return found


def tag_faults(rule: TraceRule, showing: Showing) -> list[str]:
    """What is wrong with the tags of spans that are written as formats."""
    found = []
    for tag in rule.tags:
        try:
            if tag.kind is TagKind.FORMAT:
                formats.text(tag.value, showing)
        except FormatError as error:
            found.append(f'the tag "{tag.name}": {error}')
    return found


def trace_rules(policy: TelemetryPolicy) -> list[TraceRule]:
    default = [policy.default_trace] if policy.default_trace is not None else []
    return [*default, *(trace for rule in policy.rules for trace in rule.traces)]


def wanted(policy: TelemetryPolicy) -> Wanted:
    """What the lines, filters and tags of a policy show."""
    texts = list(_texts(policy))
    sources = {log.filter for rule in policy.rules for log in rule.logs if log.filter}
    asked = any("id" in filters.compiled(source).shown.get("request", ()) for source in sources)
    return Wanted(any(map(FINGERPRINTS.search, texts)), asked or any(map(IDENTIFIERS.search, texts)))


def _texts(policy: TelemetryPolicy) -> Iterator[str]:
    for sink in policy.sinks:
        yield from (form for _, form in sink.labels)
        if sink.encoding is Encoding.TEXT:
            yield sink.text or defaults.ISTIO
        elif sink.encoding is not Encoding.NATIVE:
            yield from _leaves(sink.fields or defaults.ISTIO_JSON)
    yield from (tag.value for rule in trace_rules(policy) for tag in rule.tags if tag.kind is TagKind.FORMAT)


def _leaves(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for each in value.values():
                yield from _leaves(each)
        case list() | tuple():
            for each in value:
                yield from _leaves(each)
