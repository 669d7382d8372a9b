"""MeshFaultInjection: trouble on purpose, made where traffic leaves.

Owns the conf's shape, its checks, and what it comes to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from outgate.policy.documents import Node
from outgate.policy.frontends.kuma import inbound
from outgate.policy.frontends.kuma.entries import Kind
from outgate.policy.frontends.kuma.shapes import PERCENT, Count, Span
from outgate.policy.route_model import Abort, Bandwidth, Delay, Fault
from outgate.policy.schema import Field, Fields, Reading, Record, Sequence

BITS = {"kbps": 1e3, "Mbps": 1e6, "Gbps": 1e9}
SPEED = re.compile(r"(\d{1,9})\s?(kbps|Mbps|Gbps)", re.ASCII)
BYTE = 8


@dataclass(frozen=True, slots=True)
class Speed:
    """Bits a second, as bytes a second."""

    def read(self, node: Node, path: str, reading: Reading) -> float | None:
        found = SPEED.fullmatch(node.data) if isinstance(node.data, str) else None
        if found is None:
            reading.error(node.where, path, "must be in kbps/Mbps/Gbps units", 'write "50 Mbps"')
            return None
        return int(found[1]) * BITS[found[2]] / BYTE


SHARE = Field(PERCENT)
ABORT = Fields({"httpStatus": Field(Count(100, 599, "must be in inclusive range [100, 599]")), "percentage": SHARE})
DELAY = Fields({"value": Field(Span()), "percentage": SHARE})
BANDWIDTH = Fields({"limit": Field(Speed()), "percentage": SHARE})
FAULT = Fields({"abort": Field(ABORT), "delay": Field(DELAY), "responseBandwidth": Field(BANDWIDTH)})
CONF = Fields({"http": Field(Sequence(FAULT))})


def faults(found: list[inbound.Said]) -> Iterator[Fault]:
    """In the order in which they are written; each is drawn for itself."""
    for each in found:
        for caller in each.callers:
            for record in each.conf.get("http", []):
                yield Fault(
                    _delay(record.get("delay")),
                    _abort(record.get("abort")),
                    _bandwidth(record.get("responseBandwidth")),
                    caller=caller,
                    source=each.sources[0],
                )


def _delay(record: Record | None) -> Delay | None:
    return Delay(record.get("value"), record.get("percentage", 0.0)) if record is not None else None


def _abort(record: Record | None) -> Abort | None:
    return Abort(record.get("httpStatus"), percent=record.get("percentage", 0.0)) if record is not None else None


def _bandwidth(record: Record | None) -> Bandwidth | None:
    return Bandwidth(record.get("limit"), record.get("percentage", 0.0)) if record is not None else None


NEEDED = {
    "abort": ("httpStatus", "must be in inclusive range [100, 599]"),
    "delay": ("value", "must be defined"),
    "responseBandwidth": ("limit", "must be in kbps/Mbps/Gbps units"),
}


def _check(conf: Record, reading: Reading) -> None:
    for record in conf.get("http", []):
        for name, (needed, what) in NEEDED.items():
            block: Record | None = record.get(name)
            if block is not None and needed not in block.places:
                reading.error(block.where, block.under(needed), what, "add it")


KIND = Kind("MeshFaultInjection", CONF, ("to", "from", "rules"), _check, needs_some=False, scoped=True)
