"""MeshAccessLog: where lines about what leaves go, and how they are written.

Owns the conf's shape, its checks, Kuma's default line, and what they come to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from outgate.policy.documents import Node
from outgate.policy.frontends.kuma import open_telemetry
from outgate.policy.frontends.kuma.entries import Entry, Kind
from outgate.policy.frontends.kuma.external_service import ExternalService
from outgate.policy.frontends.kuma.merging import merged
from outgate.policy.frontends.kuma.policies import Policies, Said
from outgate.policy.frontends.kuma.shapes import OneOf
from outgate.policy.frontends.line_formats import LineFields, LineText, Written
from outgate.policy.model import Source
from outgate.policy.schema import Boolean, Field, Fields, Reading, Record, Text
from outgate.policy.schema import Sequence as List
from outgate.policy.telemetry_model import (
    EVERY_SINK,
    Encoding,
    LogRule,
    LogSink,
    SinkKind,
    TelemetryPolicy,
    TelemetryRule,
)

NAME = "MeshAccessLog"
STDOUT = "/dev/stdout"
PATH = re.compile(r"/[^\0]*[^/\0]")
BLOCKS = {"Tcp": "tcp", "File": "file", "OpenTelemetry": "openTelemetry"}
LINE = (
    '[%START_TIME%] %KUMA_MESH% "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% '
    "%RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "
    '"%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%KUMA_SOURCE_SERVICE%" '
    '"%KUMA_DESTINATION_SERVICE%" "%KUMA_SOURCE_ADDRESS_WITHOUT_PORT%" "%UPSTREAM_HOST%"'
)
"""Kuma's own, without the ids of other tracers."""
OPERATORS = {
    "%KUMA_SOURCE_ADDRESS_WITHOUT_PORT%": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "%KUMA_SOURCE_ADDRESS%": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "%KUMA_SOURCE_SERVICE%": "%DYNAMIC_METADATA(outgate:service_account)%",
    "%KUMA_TRAFFIC_DIRECTION%": "OUTBOUND",
}


@dataclass(frozen=True, slots=True)
class Body:
    """A text with operators, or an object of these, which is written as JSON."""

    def read(self, node: Node, path: str, reading: Reading) -> Written | None:
        if not isinstance(node.data, dict):
            return LineText().read(node, path, reading)
        found = LineFields().read(node, path, reading)
        return None if found is None else Written(json.dumps(found.value), node.where, path)


PAIR = Fields({"key": Field(Text()), "value": Field(LineText())})
FORMAT = Fields(
    {
        "type": Field(OneOf("type", ("Plain", "Json"))),
        "plain": Field(LineText()),
        "json": Field(List(PAIR)),
        "omitEmptyValues": Field(Boolean()),
    }
)
OTEL = Fields({**open_telemetry.ENDPOINT, "attributes": Field(List(PAIR)), "body": Field(Body())})
BACKEND = Fields(
    {
        "type": Field(OneOf("type", tuple(BLOCKS))),
        "tcp": Field(Fields({"address": Field(Text()), "format": Field(FORMAT)})),
        "file": Field(Fields({"path": Field(Text()), "format": Field(FORMAT)})),
        "openTelemetry": Field(OTEL),
    }
)
CONF = Fields({"backends": Field(List(BACKEND))})


def telemetry(policies: Policies, services: Sequence[ExternalService]) -> TelemetryPolicy:
    """What is logged of each destination, and of everything else. Nothing where no policy says anything."""
    entries = policies.entries.get(NAME, [])
    if not entries:
        return TelemetryPolicy()
    everything = policies.use(entry for entry in entries if entry.target is None or entry.target.get("kind") == "Mesh")
    usual = Said(merged(entry.conf for entry in everything), tuple(entry.source for entry in reversed(everything)))
    special = [(service, said) for service in services if (said := policies.said(NAME, service.resource)) != usual]
    sinks: list[LogSink] = []
    rules: list[LogRule] = []
    keys = [service.key for service, _ in special]
    for name, said, filtered in _groups(usual, special, keys):
        found = list(_sinks(name, said, entries[0]))
        sinks += found
        if found:
            rules.append(LogRule(tuple(sink.name for sink in found), filtered, source=_source(said, entries)))
    if not rules:
        rules.append(LogRule((EVERY_SINK,), disabled=True, source=_source(usual, entries)))
    rule = TelemetryRule(logs=tuple(rules), source=_source(usual, entries))
    return TelemetryPolicy(sinks=tuple(sinks), rules=(rule,))


def _groups(
    usual: Said, special: Sequence[tuple[ExternalService, Said]], keys: Sequence[str]
) -> Iterator[tuple[str, Said, str]]:
    """What is logged alike: the name of it, who says so, and which attempts."""
    others = f"!has(xds.route_name) || !(xds.route_name in {json.dumps(keys)})" if keys else ""
    yield "", usual, others
    for service, said in special:
        yield service.resource.name, said, f"xds.route_name == {json.dumps(service.key)}"


def _source(said: Said, entries: Sequence[Entry]) -> Source:
    return said.sources[0] if said.sources else entries[-1].source


def _sinks(name: str, said: Said, entry: Entry) -> Iterator[LogSink]:
    backends: list[Record] = said.conf.get("backends", []) if said.conf is not None else []
    for number, backend in enumerate(backends):
        if _kind(backend) == "openTelemetry" and "endpoint" not in backend.get("openTelemetry"):
            continue
        called = f"kuma/{entry.resource.mesh}/{name or '*'}/{number}"
        yield _sink(called, backend, name, entry.resource.mesh, said.sources[0])


def _kind(backend: Record) -> str:
    """The block that it is about; where its type is not said, the only one."""
    return BLOCKS.get(backend.get("type", ""), "") or next(iter(backend.values), "file")


def _is_json(form: Record) -> bool:
    return bool(form.get("type", "Json" if "json" in form else "Plain") == "Json")


def _sink(called: str, backend: Record, destination: str, mesh: str, source: Source) -> LogSink:
    def shown(text: str) -> str:
        """With Kuma's own operators in words that the gate has."""
        text = text.replace("%KUMA_MESH%", mesh).replace("%KUMA_ZONE%", "")
        there = destination or "%DYNAMIC_METADATA(outgate:host)%"
        for operator, instead in ({"%KUMA_DESTINATION_SERVICE%": there} | OPERATORS).items():
            text = text.replace(operator, instead)
        return text

    block: Record = backend.get(_kind(backend))
    if _kind(backend) == "openTelemetry":
        body: Written | None = block.get("body")
        labels = tuple((pair.get("key"), shown(pair.get("value").value)) for pair in block.get("attributes", []))
        target = open_telemetry.place(block.get("endpoint"))
        return LogSink(
            called, SinkKind.OTLP, target, text=shown(body.value if body else LINE), labels=labels, source=source
        )
    to_file = _kind(backend) == "file"
    target = block.get("path" if to_file else "address")
    kind = SinkKind.TCP if not to_file else SinkKind.STDOUT if target == STDOUT else SinkKind.FILE
    target = "" if kind is SinkKind.STDOUT else target
    form: Record | None = block.get("format")
    omits = form.get("omitEmptyValues", False) if form is not None else False
    if form is not None and _is_json(form):
        fields = {pair.get("key"): shown(pair.get("value").value) for pair in form.get("json")}
        return LogSink(called, kind, target, Encoding.JSON, fields=fields, omit_empty=omits, source=source)
    text = form.get("plain").value if form is not None else LINE
    return LogSink(called, kind, target, text=shown(text), omit_empty=omits, source=source)


def _check(conf: Record, reading: Reading) -> None:
    if "backends" not in conf.places:
        reading.error(conf.where, conf.under("backends"), "must be defined", "write [] for none")


def _check_item(entry: Entry) -> None:
    for backend in entry.conf.get("backends", []):
        name = _kind(backend)
        reading = entry.resource.reading
        block: Record | None = backend.get(name)
        if block is None:
            reading.error(backend.where, backend.under(name), "must be defined", "add it")
        elif name == "openTelemetry":
            open_telemetry.check(block, entry.resource.dialect, reading, used=entry.side == "to")
            _check_pairs(block, "attributes", reading)
        else:
            _check_place(block, name, reading)
            _check_format(block.get("format"), reading)


def _check_place(block: Record, name: str, reading: Reading) -> None:
    if name == "file" and not PATH.fullmatch(block.get("path", "")):
        reading.error(block.at("path"), block.under("path"), "file backend requires a valid path", "write /a/path")
    found = open_telemetry.PLACE.fullmatch(block.get("address", "")) if name == "tcp" else None
    if name == "tcp" and (found is None or not found["port"]):
        what = "tcp backend requires valid address"
        reading.error(block.at("address"), block.under("address"), what, 'write "host:5000"')


def _check_format(form: Record | None, reading: Reading) -> None:
    if form is None:
        return
    name = "json" if _is_json(form) else "plain"
    if name not in form.places:
        reading.error(form.where, form.under(name), "must be defined", "add it")
    elif name == "json" and not form.get("json"):
        reading.error(form.at("json"), form.under("json"), "must not be empty", "add one")
    elif name == "plain" and not form.get("plain").value:
        reading.error(form.at("plain"), form.under("plain"), "must not be empty", "write a line")
    _check_pairs(form, "json", reading)


def _check_pairs(record: Record, name: str, reading: Reading) -> None:
    for pair in record.get(name, []):
        value: Written | None = pair.get("value")
        if not pair.get("key"):
            reading.error(pair.at("key"), pair.under("key"), "key cannot be empty", "name it")
        elif '"' in pair.get("key") and name == "json":
            reading.error(pair.where, pair.path, "is not a valid JSON object", "leave the quotes out")
        if value is None or not value.value:
            reading.error(pair.at("value"), pair.under("value"), "value cannot be empty", "add it")


KIND = Kind(NAME, CONF, ("to", "from", "rules"), _check, _check_item, apart=True)
