"""MeshRateLimit and MeshGlobalRateLimit: how often, counted where traffic leaves.

Owns the confs' shapes, their checks, and what they come to.
"""

from __future__ import annotations

from collections.abc import Iterator

from outgate.policy.frontends.kuma import inbound
from outgate.policy.frontends.kuma.entries import Kind
from outgate.policy.frontends.kuma.external_service import ExternalService
from outgate.policy.frontends.kuma.shapes import Count, OneOf, Span
from outgate.policy.header_formats import literal_fault
from outgate.policy.model import Fate
from outgate.policy.route_model import Bucket, HeaderChange, LimitScope, RateLimit
from outgate.policy.schema import Anything, Boolean, Field, Fields, Reading, Record, Sequence, Text

SHORTEST = 0.05
"""Seconds; intervals are longer."""
TOO_MANY = 429

RATE = Fields(
    {"num": Field(Count(), required=True), "interval": Field(Span(positive=True, above=SHORTEST), required=True)}
)
HEADER = Fields({"name": Field(Text(empty=False), required=True), "value": Field(Text(), required=True)})
HEADERS = Fields({"set": Field(Sequence(HEADER)), "add": Field(Sequence(HEADER))})
ANSWER = Fields({"status": Field(Count(100, 599)), "headers": Field(HEADERS)})
HTTP = Fields({"disabled": Field(Boolean()), "requestRate": Field(RATE), "onRateLimit": Field(ANSWER)})
TCP = Fields({"disabled": Field(Boolean()), "connectionRate": Field(RATE)})
CONF = Fields({"local": Field(Fields({"http": Field(HTTP), "tcp": Field(TCP)}))})
REDIS = "the gate counts in the Redis of its own setting"
SERVICE = Fields(
    {
        "url": Field(Text(), fate=Fate.IGNORED, note=REDIS),
        "timeout": Field(Span(), fate=Fate.IGNORED, note=REDIS),
        "limitOnServiceFail": Field(Boolean()),
    }
)
GLOBAL_HTTP = Fields(
    {
        "disabled": Field(Boolean()),
        "requestRate": Field(RATE),
        "onRateLimit": Field(ANSWER),
        "ratelimitOnRequest": Field(
            Anything(), fate=Fate.LATER, guards=True, note="write an EgressTraffic with a global limit by header"
        ),
    }
)
GLOBAL = Fields(
    {
        "mode": Field(OneOf("mode", ("Limit", "Shadow"))),
        "http": Field(GLOBAL_HTTP),
        "backend": Field(Fields({"rateLimitService": Field(SERVICE)})),
    }
)
LIMITS = {
    "http": ("requestRate", ("disabled", "requestRate", "onRateLimit")),
    "tcp": ("connectionRate", ("disabled", "connectionRate")),
}


def limits(found: list[inbound.Said], service: ExternalService) -> Iterator[RateLimit]:
    """Of requests where the gate sees them, else of connections."""
    for number, each in enumerate(found):
        local: Record | None = each.conf.get("local")
        for kind in ("http", "tcp") if service.speaks_http else ("tcp",):
            block: Record | None = local.get(kind) if local is not None else None
            rate: Record | None = block.get(LIMITS[kind][0]) if block is not None else None
            if block is None or rate is None or block.get("disabled", False):
                continue
            status, headers = _answer(block)
            for caller in each.callers:
                yield RateLimit(
                    key=f"{service.key}/{kind}/{number}",
                    bucket=Bucket(rate.get("num"), rate.get("num"), rate.get("interval")),
                    connections=kind == "tcp",
                    caller=caller,
                    status=status,
                    response_headers=headers,
                    source=each.sources[0],
                )


def _answer(block: Record) -> tuple[int, HeaderChange]:
    answer: Record | None = block.get("onRateLimit")
    if answer is None:
        return TOO_MANY, HeaderChange()
    return answer.get("status", TOO_MANY), _headers(answer.get("headers"))


def global_limits(found: list[inbound.Said], service: ExternalService) -> Iterator[RateLimit]:
    """Counted for all gates together."""
    for number, each in enumerate(found):
        block: Record | None = each.conf.get("http")
        rate: Record | None = block.get("requestRate") if block is not None else None
        if block is None or rate is None or block.get("disabled", False):
            continue
        backend: Record | None = each.conf.get("backend")
        asked: Record | None = backend.get("rateLimitService") if backend is not None else None
        status, headers = _answer(block)
        for caller in each.callers:
            yield RateLimit(
                key=f"{service.key}/global/{number}",
                bucket=Bucket(rate.get("num"), rate.get("num"), rate.get("interval")),
                scope=LimitScope.GLOBAL,
                caller=caller,
                enforced_percent=0.0 if each.conf.get("mode") == "Shadow" else 100.0,
                status=status,
                response_headers=headers,
                allow_on_failure=asked is None or not asked.get("limitOnServiceFail", False),
                source=each.sources[0],
            )


def _headers(record: Record | None) -> HeaderChange:
    def pairs(name: str) -> tuple[tuple[str, str], ...]:
        given = record.get(name, []) if record is not None else []
        return tuple((header.get("name"), header.get("value").replace("%%", "%")) for header in given)

    return HeaderChange(pairs("set"), pairs("add"))


def _check(conf: Record, reading: Reading) -> None:
    local: Record | None = conf.get("local")
    if local is None:
        reading.error(conf.where, conf.under("local"), "must be defined", "add it")
    elif not local.places:
        reading.error(local.where, local.path, "must have at least one defined: tcp, http", "add one")
    http: Record | None = local.get("http") if local is not None else None
    _check_answer(http, reading)
    for kind, (_, names) in LIMITS.items():
        block: Record | None = local.get(kind) if local is not None else None
        if block is not None and not block.places:
            what = f"must have at least one defined: {', '.join(names)}"
            reading.error(block.where, block.path, what, "add one")


KIND = Kind("MeshRateLimit", CONF, ("to", "from", "rules"), _check, needs_some=False, scoped=True)


def _check_global(conf: Record, reading: Reading) -> None:
    if not conf.places:
        reading.error(conf.where, conf.path, "must have at least one defined: http, backend, mode", "add one")
    _check_answer(conf.get("http"), reading)


def _check_answer(http: Record | None, reading: Reading) -> None:
    """What a refused request is told is the same for all."""
    answer: Record | None = http.get("onRateLimit") if http is not None else None
    headers: Record | None = answer.get("headers") if answer is not None else None
    for verb in ("set", "add") if headers is not None else ():
        for header in headers.get(verb, []) if headers is not None else ():
            if fault := literal_fault(header.get("value", "")):
                reading.error(header.at("value"), header.under("value"), fault)


ACROSS = Kind("MeshGlobalRateLimit", GLOBAL, ("to", "from"), _check_global, needs_some=False, scoped=True)
