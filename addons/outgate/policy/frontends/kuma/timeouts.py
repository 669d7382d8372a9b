"""MeshTimeout: how long connecting, waiting and answering may take.

Owns the conf's shape, its checks, Kuma's defaults, and what they come to.
"""

from __future__ import annotations

from dataclasses import dataclass

from outgate.policy.frontends.kuma.entries import Entry, Kind
from outgate.policy.frontends.kuma.policies import Said
from outgate.policy.frontends.kuma.shapes import Span
from outgate.policy.model import Fate
from outgate.policy.schema import Field, Fields, Reading, Record

SPAN = Field(Span())
CONNECT, IDLE, REQUEST, STREAM_IDLE = 5.0, 3600.0, 15.0, 1800.0
"""Seconds, where no policy says more."""

HTTP = Fields(
    {
        "requestTimeout": SPAN,
        "streamIdleTimeout": SPAN,
        "maxStreamDuration": SPAN,
        "maxConnectionDuration": SPAN,
        "requestHeadersTimeout": Field(Span(), fate=Fate.IGNORED, note="the setting head_timeout says it"),
    }
)
CONF = Fields({"connectionTimeout": Field(Span(positive=True)), "idleTimeout": SPAN, "http": Field(HTTP)})
OF_CONNECTIONS = ("connectionTimeout", "idleTimeout")
OF_HTTP_CONNECTIONS = ("requestHeadersTimeout", "maxStreamDuration", "maxConnectionDuration")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """In seconds; None is unlimited."""

    connect: float
    idle: float | None
    request: float | None
    stream_idle: float | None
    stream: float | None
    connection: float | None


def timeouts(said: Said) -> Timeouts:
    conf = said.conf
    http: Record | None = conf.get("http") if conf is not None else None

    def limit(record: Record | None, name: str, usual: float | None) -> float | None:
        """0 is off."""
        return (record.get(name, usual) if record is not None else usual) or None

    return Timeouts(
        limit(conf, "connectionTimeout", CONNECT) or CONNECT,
        limit(conf, "idleTimeout", IDLE),
        limit(http, "requestTimeout", REQUEST),
        limit(http, "streamIdleTimeout", STREAM_IDLE),
        limit(http, "maxStreamDuration", None),
        limit(http, "maxConnectionDuration", None),
    )


def _check(conf: Record, reading: Reading) -> None:
    http: Record | None = conf.get("http")
    if not conf.values or (list(conf.values) == ["http"] and http is not None and not http.values):
        reading.error(conf.where, conf.path, "at least one timeout should be configured", "add one")


def _check_item(entry: Entry) -> None:
    """What holds for a connection cannot depend on who is at its other end."""
    if not any("spiffeID" in match for match in entry.record.get("matches", [])):
        return
    http: Record | None = entry.conf.get("http")
    what = (
        "can't be specified when matches contain spiffeID because this field cannot be conditioned on source identity"
    )
    for record, names in ((entry.conf, OF_CONNECTIONS), (http, OF_HTTP_CONNECTIONS)):
        for name in names if record is not None else ():
            if record is not None and name in record:
                entry.resource.reading.error(record.at(name), record.under(name), what, "remove it")


KIND = Kind("MeshTimeout", CONF, ("to", "from", "rules"), _check, _check_item)
