"""From a sink of the policy to what renders its lines.

Owns which format is meant where none is written, what may be wrong with a sink, and which headers its lines need.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from outgate.policy.telemetry_model import Encoding, LogSink, SinkKind, TelemetryPolicy
from outgate.telemetry import defaults, filters, formats, native
from outgate.telemetry.event import Event
from outgate.telemetry.formats import FormatError, Text
from outgate.telemetry.showing import Showing

REQUEST = re.compile(r"%(?:REQ|REQUEST_HEADER)\(([^)]*)\)")
RESPONSE = re.compile(r"%(?:RESP|RESPONSE_HEADER)\(([^)]*)\)")
WHOLE = re.compile(r"%(?:\w*TRAILER\w*|\w*HEADERS?_BYTES\w*|\w*WIRE_BYTES\w*|GRPC_STATUS\w*|COALESCE)\b")
"""Operators that read more than headers by name."""
RECEIVER = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:\[\]/]+)):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The headers that lines need, by lower-case name. `everything`: all of them, and trailers."""

    request: frozenset[str] = frozenset()
    response: frozenset[str] = frozenset()
    everything: bool = False

    def __bool__(self) -> bool:
        return self.everything or bool(self.request or self.response)

    def __or__(self, other: Wanted) -> Wanted:
        return Wanted(self.request | other.request, self.response | other.response, self.everything or other.everything)


def renderer(sink: LogSink, showing: Showing) -> Text:
    """Renders a line of a sink, without its end. Raises `FormatError`."""
    match sink.encoding:
        case Encoding.NATIVE:
            return lambda event: native.render(event, showing.redaction)[:-1].decode()
        case Encoding.TEXT:
            return formats.text(sink.text or defaults.ISTIO, showing, sink.omit_empty)
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


def wanted(policy: TelemetryPolicy) -> Wanted:
    """The headers that the lines and filters of a policy need."""
    found = Wanted()
    for sink in policy.sinks:
        for text in _texts(sink):
            found |= Wanted(_names(REQUEST, text), _names(RESPONSE, text), everything=WHOLE.search(text) is not None)
    sources = {log.filter for rule in policy.rules for log in rule.logs if log.filter}
    return found | Wanted(everything=any(filters.compiled(source).reads_fields for source in sources))


def _names(pattern: re.Pattern[str], text: str) -> frozenset[str]:
    """Headers by name; what stands before the headers is in every event, but for the host as it was written."""
    both = {name for found in pattern.finditer(text) for name in found[1].lower().split("?")}
    if ":authority" in both:
        both.add("host")
    return frozenset(name for name in both if name and name[0] != ":")


def _texts(sink: LogSink) -> list[str]:
    if sink.encoding is Encoding.NATIVE:
        return [form for _, form in sink.labels]
    if sink.encoding is Encoding.TEXT:
        body: list[str] = [sink.text or defaults.ISTIO]
    else:
        body = _leaves(sink.fields or defaults.ISTIO_JSON)
    return body + [form for _, form in sink.labels]


def _leaves(value: object) -> list[str]:
    match value:
        case str():
            return [value]
        case Mapping():
            return [text for each in value.values() for text in _leaves(each)]
        case list() | tuple():
            return [text for each in value for text in _leaves(each)]
    return []
