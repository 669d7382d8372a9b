"""MeshRateLimit: how often, counted where traffic leaves.

Owns the conf's shape, its checks, and what it comes to.
"""

from __future__ import annotations

from collections.abc import Iterator

from outgate.policy.frontends.kuma import inbound
from outgate.policy.frontends.kuma.entries import Kind
from outgate.policy.frontends.kuma.external_service import ExternalService
from outgate.policy.frontends.kuma.shapes import Count, Span
from outgate.policy.route_model import Bucket, HeaderChange, RateLimit
from outgate.policy.schema import Boolean, Field, Fields, Reading, Record, Sequence, Text

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
            for caller in each.callers:
                answer: Record | None = block.get("onRateLimit")
                yield RateLimit(
                    key=f"{service.key}/{kind}/{number}",
                    bucket=Bucket(rate.get("num"), rate.get("num"), rate.get("interval")),
                    connections=kind == "tcp",
                    caller=caller,
                    status=answer.get("status", TOO_MANY) if answer is not None else TOO_MANY,
                    response_headers=_headers(answer.get("headers") if answer is not None else None),
                    source=each.sources[0],
                )


def _headers(record: Record | None) -> HeaderChange:
    def pairs(name: str) -> tuple[tuple[str, str], ...]:
        given = record.get(name, []) if record is not None else []
        return tuple((header.get("name"), header.get("value")) for header in given)

    return HeaderChange(pairs("set"), pairs("add"))


def _check(conf: Record, reading: Reading) -> None:
    local: Record | None = conf.get("local")
    if local is None:
        reading.error(conf.where, conf.under("local"), "must be defined", "add it")
    elif not local.places:
        reading.error(local.where, local.path, "must have at least one defined: tcp, http", "add one")
    for kind, (_, names) in LIMITS.items():
        block: Record | None = local.get(kind) if local is not None else None
        if block is not None and not block.places:
            what = f"must have at least one defined: {', '.join(names)}"
            reading.error(block.where, block.path, what, "add one")


KIND = Kind("MeshRateLimit", CONF, ("to", "from", "rules"), _check, needs_some=False, scoped=True)
