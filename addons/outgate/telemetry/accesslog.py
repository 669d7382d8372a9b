"""One JSON line for everything a workload tried.

Owns the fields of a line and their bounds. Knows no flows and no sockets.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime

import orjson

from outgate.telemetry.escaping import MAX_TEXT, plain
from outgate.telemetry.sinks import StreamSink


@dataclass(slots=True)
class Record:
    """One line. Empty and zero values are left out, but `status`, `sent` and `received` for HTTP."""

    time: float
    """Start, seconds since the epoch; written in RFC 3339, UTC."""
    kind: str
    verdict: str
    code: str
    reason: str = ""
    rule: str = ""
    destination: str = ""
    traffic: str = ""
    method: str = ""
    scheme: str = ""
    host: str = ""
    port: int = 0
    path: str = ""
    """Without the query, which may hold credentials."""
    status: int = 0
    protocol: str = ""
    source: str = ""
    namespace: str = ""
    service_account: str = ""
    address: str = ""
    """The address the workload dialled."""
    sni: str = ""
    upstream: str = ""
    """Address and port the gate dialled."""
    upstream_tls: str = ""
    upstream_protocol: str = ""
    client_certificate: bool = False
    reused: bool = False
    duration_ms: float = 0.0
    sent: int = 0
    received: int = 0
    flags: str = ""
    failure: str = ""
    would: str = ""
    """Under OBSERVE: the code of the denial that would have been."""
    shadow: str = ""
    audited: str = ""
    generation: str = ""
    help: str = ""


NAMES = tuple(entry.name for entry in fields(Record))
ALWAYS = frozenset({"status", "sent", "received"})


def render(record: Record) -> bytes:
    """A record as one line of JSON, with its line end."""
    line: dict[str, object] = {}
    for name in NAMES:
        value = getattr(record, name)
        if value or (name in ALWAYS and record.kind == "http"):
            line[name] = plain(value[:MAX_TEXT]) if isinstance(value, str) else value
    line["time"] = datetime.fromtimestamp(record.time, UTC).isoformat(timespec="milliseconds")
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


class AccessLog(StreamSink):
    """Writes records to a binary stream."""

    def write(self, record: Record) -> None:
        if self.stream is not None:
            self.put(render(record))
