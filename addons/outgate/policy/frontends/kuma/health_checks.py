"""MeshHealthCheck: endpoints that are asked how they are.

Owns the conf's shape, its checks, Kuma's defaults, and what it comes to.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from outgate.policy.documents import Node
from outgate.policy.frontends.kuma.circuit_breakers import PANIC
from outgate.policy.frontends.kuma.entries import Kind
from outgate.policy.frontends.kuma.shapes import PERCENT, Count, Span
from outgate.policy.model import Fate, Protocol
from outgate.policy.resilience_model import HealthCheck, Probe
from outgate.policy.schema import Boolean, Field, Fields, Reading, Record, Sequence, Text

PROBES = {
    Protocol.HTTP: (Probe.HTTP, Probe.TCP),
    Protocol.HTTP2: (Probe.HTTP, Probe.TCP),
    Protocol.GRPC: (Probe.GRPC, Probe.TCP),
    Protocol.TCP: (Probe.TCP,),
}
"""By what the destination speaks; the first that is there and not disabled."""
STATUS = Count(100, 599, "must be in inclusive range [100, 599]")
SPAN = Field(Span(positive=True))
THRESHOLD = Field(Count(1, what="must be greater than zero when defined"))


@dataclass(frozen=True, slots=True)
class Bytes:
    """Base64."""

    def read(self, node: Node, path: str, reading: Reading) -> bytes | None:
        try:
            return base64.b64decode(str(node.data), validate=True)
        except binascii.Error:
            reading.error(node.where, path, f"{str(node.data)[:60]!r} is no base64", "encode it")
            return None


HEADER = Fields({"name": Field(Text(empty=False), required=True), "value": Field(Text(), required=True)})
HEADERS = Fields({"set": Field(Sequence(HEADER)), "add": Field(Sequence(HEADER))})
TCP = Fields({"disabled": Field(Boolean()), "send": Field(Bytes()), "receive": Field(Sequence(Bytes()))})
HTTP = Fields(
    {
        "disabled": Field(Boolean()),
        "path": Field(Text()),
        "requestHeadersToAdd": Field(HEADERS),
        "set": Field(Sequence(HEADER), fate=Fate.IGNORED, note="write it under requestHeadersToAdd"),
        "add": Field(Sequence(HEADER), fate=Fate.IGNORED, note="write it under requestHeadersToAdd"),
        "expectedStatuses": Field(Sequence(STATUS)),
    }
)
GRPC = Fields({"disabled": Field(Boolean()), "serviceName": Field(Text()), "authority": Field(Text())})
CONF = Fields(
    {
        **dict.fromkeys(("interval", "timeout", "initialJitter", "intervalJitter", "noTrafficInterval"), SPAN),
        "unhealthyThreshold": THRESHOLD,
        "healthyThreshold": THRESHOLD,
        "intervalJitterPercent": Field(Count(0, 100, "must be in inclusive range [0, 100]")),
        "healthyPanicThreshold": Field(PERCENT),
        "failTrafficOnPanic": Field(Boolean()),
        "reuseConnection": Field(Boolean()),
        "eventLogPath": Field(Text(), fate=Fate.IGNORED, note="ejections are events of the gate's own log"),
        "alwaysLogHealthCheckFailures": Field(Boolean(), fate=Fate.IGNORED, note="each change is logged once"),
        "tcp": Field(TCP),
        "http": Field(HTTP),
        "grpc": Field(GRPC),
    }
)


def health(conf: Record | None, protocol: Protocol) -> tuple[HealthCheck, ...]:
    for probe in PROBES[protocol] if conf is not None else ():
        block: Record | None = conf.get(probe.value) if conf is not None else None
        if conf is not None and block is not None and not block.get("disabled", False):
            return (_check_of(probe, block, conf),)
    return ()


def _check_of(probe: Probe, block: Record, conf: Record) -> HealthCheck:
    usual = HealthCheck(probe)
    added: Record | None = block.get("requestHeadersToAdd")
    headers = [*added.get("set", []), *added.get("add", [])] if added is not None else []
    return HealthCheck(
        probe,
        interval=conf.get("interval", usual.interval),
        timeout=conf.get("timeout", usual.timeout),
        unhealthy_threshold=conf.get("unhealthyThreshold", usual.unhealthy_threshold),
        healthy_threshold=conf.get("healthyThreshold", usual.healthy_threshold),
        initial_jitter=conf.get("initialJitter", 0.0),
        interval_jitter=conf.get("intervalJitter", 0.0),
        interval_jitter_percent=float(conf.get("intervalJitterPercent", 0)),
        no_traffic_interval=conf.get("noTrafficInterval", usual.no_traffic_interval),
        reuse_connection=conf.get("reuseConnection", True),
        path=block.get("path") or usual.path,
        statuses=tuple(block.get("expectedStatuses", usual.statuses)),
        headers=tuple((header.get("name"), header.get("value")) for header in headers),
        send=block.get("send", b""),
        receive=tuple(block.get("receive", [])),
        service=block.get("serviceName", ""),
        authority=block.get("authority", ""),
    )


def panic(conf: Record | None, usual: float = PANIC) -> float:
    """`usual` is what the circuit breaker says."""
    return float(conf.get("healthyPanicThreshold", usual)) if conf is not None else usual


def panic_fails(conf: Record | None) -> bool:
    return conf is not None and bool(conf.get("failTrafficOnPanic", False))


def _check(conf: Record, reading: Reading) -> None:
    if not {"http", "tcp", "grpc"} & conf.places.keys():
        reading.error(conf.where, conf.path, "must have at least one defined: http, tcp, grpc", "add one")
    path = conf.get("eventLogPath", "")
    if path and not path.startswith("/"):
        where = conf.at("eventLogPath")
        reading.error(where, conf.under("eventLogPath"), "must be a valid path when defined", "write /a/path")


KIND = Kind("MeshHealthCheck", CONF, ("to",), _check)
