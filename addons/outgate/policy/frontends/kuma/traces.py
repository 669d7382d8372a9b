"""MeshTrace: where spans go, how many of them, and what they carry.

Owns the conf's shape, its checks, and what it comes to. Zipkin and Datadog are not spoken.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from outgate.policy.frontends.kuma import open_telemetry
from outgate.policy.frontends.kuma.entries import Entry
from outgate.policy.frontends.kuma.resource import Resource
from outgate.policy.frontends.kuma.shapes import Decimal, OneOf
from outgate.policy.frontends.kuma.single import Single
from outgate.policy.model import Fate
from outgate.policy.schema import Boolean, Choice, Field, Fields, Reading, Record, Sequence, Text
from outgate.policy.telemetry_model import CustomTag, SpanSink, TagKind, TelemetryPolicy, TelemetryRule, TraceRule

BLOCKS = {"Zipkin": "zipkin", "Datadog": "datadog", "OpenTelemetry": "openTelemetry"}
SHARE = Field(Decimal(what="must be between 0 and 100", wrong="string is not a number"))
CLIENT = Field(SHARE.shape, fate=Fate.IGNORED, note="a trace that is sampled already stays it")
ALL = 100.0

ZIPKIN = Fields(
    {
        "url": Field(Text()),
        "traceId128bit": Field(Boolean()),
        "apiVersion": Field(Choice(("httpJson", "httpProto"))),
        "sharedSpanContext": Field(Boolean()),
    }
)
BACKEND = Fields(
    {
        "type": Field(OneOf("type", tuple(BLOCKS))),
        "zipkin": Field(ZIPKIN, fate=Fate.IGNORED, note="not spoken"),
        "datadog": Field(
            Fields({"url": Field(Text()), "splitService": Field(Boolean())}), fate=Fate.IGNORED, note="not spoken"
        ),
        "openTelemetry": Field(Fields(open_telemetry.ENDPOINT)),
    }
)
TAG = Fields(
    {
        "name": Field(Text(empty=False), required=True),
        "literal": Field(Text(empty=False)),
        "header": Field(Fields({"name": Field(Text(empty=False), required=True), "default": Field(Text())})),
    }
)
CONF = Fields(
    {
        "backends": Field(Sequence(BACKEND)),
        "sampling": Field(Fields({"overall": SHARE, "client": CLIENT, "random": SHARE})),
        "tags": Field(Sequence(TAG)),
    }
)


def telemetry(entry: Entry, conf: Record) -> TelemetryPolicy:
    """What the conf in force says of every caller. `entry`: the one that has the last word."""
    backends: list[Record] = conf.get("backends", [])
    sink = _sink(backends[0], entry) if backends else None
    rule = TraceRule(
        sink=sink.name if sink is not None else "",
        sampling=_sampling(conf.get("sampling")),
        tags=tuple(_tag(tag) for tag in conf.get("tags", [])),
        disabled=not backends,
        source=entry.source,
    )
    sinks = (sink,) if sink is not None else ()
    return TelemetryPolicy(span_sinks=sinks, rules=(TelemetryRule(traces=(rule,), source=entry.source),))


def _sink(backend: Record, entry: Entry) -> SpanSink | None:
    """None where the gate cannot send anything there."""
    block: Record | None = backend.get("openTelemetry")
    if block is None or "endpoint" not in block:
        return None
    target = open_telemetry.place(block.get("endpoint"))
    return SpanSink(f"kuma/{entry.resource.mesh}/traces", target, source=entry.source)


def _sampling(record: Record | None) -> float | None:
    """Of traces that begin here: both shares have to be drawn."""
    if record is None:
        return None
    return float(record.get("random", ALL) * record.get("overall", ALL)) / (ALL * ALL)


def _tag(record: Record) -> CustomTag:
    header: Record | None = record.get("header")
    if header is not None:
        return CustomTag(record.get("name"), TagKind.HEADER, header.get("name"), header.get("default", ""))
    return CustomTag(record.get("name"), TagKind.LITERAL, record.get("literal"))


def _check(conf: Record, resource: Resource) -> None:
    reading = resource.reading
    backends: list[Record] = conf.get("backends", [])
    if "backends" not in conf.places:
        reading.error(conf.where, conf.under("backends"), "must be defined", "write [] for none")
    if len(backends) > 1:
        reading.error(conf.at("backends"), conf.under("backends"), "must have zero or one backend defined")
    for backend in backends:
        _check_backend(backend, resource)
    for tag in conf.get("tags", []):
        if ("literal" in tag.places) == ("header" in tag.places):
            reading.error(tag.where, tag.path, "must have exactly one defined: header, literal", "keep one")


def _check_backend(backend: Record, resource: Resource) -> None:
    reading = resource.reading
    name = BLOCKS.get(backend.get("type", ""), "") or next(iter(backend.values), "openTelemetry")
    block: Record | None = backend.get(name)
    if block is None:
        reading.error(backend.where, backend.under(name), "must be defined", "add it")
    elif name == "openTelemetry":
        open_telemetry.check(block, resource.dialect, reading)
    else:
        _check_url(block, name, reading)
        if not reading.failed:
            open_telemetry.unsent(backend, f"{name} is not spoken, so that spans would go nowhere", reading)


def _check_url(block: Record, name: str, reading: Reading) -> None:
    url, path = block.get("url", ""), block.under("url")
    if not url:
        reading.error(block.at("url"), path, "must not be empty", "add it")
        return
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        reading.error(block.at("url"), path, "port must be a valid (1-65535)")
        return
    if not parts.scheme or not parts.hostname:
        reading.error(block.at("url"), path, "must be a valid url", 'write "http://host:9411/api/v2/spans"')
    elif name == "datadog" and not port:
        what = "port must be defined" if port is None else "port must be a valid (1-65535)"
        reading.error(block.at("url"), path, what, "add it")


KIND = Single("MeshTrace", CONF, _check)
