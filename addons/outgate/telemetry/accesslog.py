"""One JSON line for everything a workload tried.

Owns the fields of a line, their bounds and their writing: lines are handed to a thread, so that a stalled reader of
standard output never stalls a request, nor does a full disk; what it cannot take is dropped and counted. Knows no flows
and no sockets.
"""

from __future__ import annotations

import collections
import logging
import threading
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import BinaryIO

import orjson

from outgate.policy.model import Decision
from outgate.telemetry.event import Event
from outgate.telemetry.turn import Alone

log = logging.getLogger(__name__)

MAX_TEXT = 1024
GATHER = 0.02
"""Seconds in which lines are gathered into one write: waking the thread for each would cost more than the line."""
MAX_WAITING = 32 * 1024 * 1024
"""Bytes that wait for the writer; what comes on top is dropped."""
TOLD = 10.0
"""Seconds in which it is told once that lines are lost: a disk that is nearly full takes some and others not."""


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


def record_of(event: Event) -> Record:
    """What the line of an event says. Queries and header values are left out."""
    record = Record(event.started, event.kind, event.verdict, event.code, event.reason)
    _caller(record, event)
    _decision(record, event.decision)
    _request(record, event)
    _upstream(record, event)
    record.duration_ms = round(event.duration * 1000, 3)
    record.sent, record.received = event.sent, event.received
    record.failure, record.flags, record.help = event.failure, event.flags, event.help
    record.generation = event.generation
    return record


def _caller(record: Record, event: Event) -> None:
    caller = event.caller
    record.source, record.namespace = caller.address, caller.namespace
    record.service_account = caller.service_account
    record.address, record.sni, record.port, record.host = event.address, event.sni, event.port, event.host


def _decision(record: Record, decision: Decision | None) -> None:
    if decision is None:
        return
    record.rule = str(decision.source) if decision.source else ""
    record.destination = decision.destination.key if decision.destination else ""
    record.traffic = str(decision.traffic)
    record.would = str(decision.would.code) if decision.would else ""
    record.shadow = ", ".join(f"{shadow.verdict} by {shadow.source}" for shadow in decision.shadows)
    record.audited = ", ".join(map(str, decision.audited))


def _request(record: Record, event: Event) -> None:
    if event.kind != "http":
        return
    record.method, record.path, record.status = event.method, event.path.partition("?")[0], event.status
    record.scheme, record.protocol = "https" if event.encrypted else "http", event.protocol


def _upstream(record: Record, event: Event) -> None:
    last = event.last
    if last is None or last.address is None:
        return
    host, port = last.address
    record.upstream = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    record.upstream_tls = last.tls.version if last.tls is not None else ""
    record.upstream_protocol, record.reused = last.protocol, last.reused
    record.client_certificate = last.tls is not None and last.tls.mutual


def render(record: Record) -> bytes:
    """A record as one line of JSON, with its line end."""
    line: dict[str, object] = {}
    for name in NAMES:
        value = getattr(record, name)
        if value or (name in ALWAYS and record.kind == "http"):
            line[name] = _plain(value[:MAX_TEXT]) if isinstance(value, str) else value
    line["time"] = datetime.fromtimestamp(record.time, UTC).isoformat(timespec="milliseconds")
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _plain(text: str) -> str:
    """Without what a terminal would obey or JSON cannot hold: controls, changes of direction, lone surrogates."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


class Cut(Exception):
    """Only part of a line was written, and why."""


class AccessLog:
    """Writes records to a binary stream, in order, from a thread of its own; in `turn` where others write, too.

    The stream is better one without a buffer: it would keep what it could not write, and write it among later lines.
    """

    def __init__(self, stream: BinaryIO | None, turn: AbstractContextManager[bytes] | None = None) -> None:
        self.stream = stream
        self.turn = turn or Alone()
        self.waiting: collections.deque[bytes] = collections.deque()
        self.written = 0
        self.refused = self.failed = 0
        """Lines lost because too many waited, and because they could not be written."""
        self.taken = self.done = 0
        """Bytes handed to the writer and finished by it; each has one thread that counts."""
        self.wake = threading.Event()
        self.closing = False
        self._lost_before: int | None = None
        """What had been lost when it was told that writing fails; None while that is not so, or was not told."""
        self._told = -TOLD
        self.thread: threading.Thread | None = None
        if stream is not None:
            self.thread = threading.Thread(target=self._write_all, name="access-log", daemon=True)
            self.thread.start()

    @property
    def dropped(self) -> int:
        return self.refused + self.failed

    def observe(self, event: Event) -> None:
        """Write the line of an event."""
        if self.stream is not None:
            self.write(record_of(event))

    def write(self, record: Record) -> None:
        if self.stream is None:
            return
        if self.closing or self.taken - self.done >= MAX_WAITING:
            self.refused += 1
            return
        line = render(record)
        self.taken += len(line)
        self.waiting.append(line)
        if not self.wake.is_set():
            self.wake.set()

    def close(self, timeout: float = 2.0) -> None:
        """Write what waits, within a bound."""
        self.closing = True
        self.wake.set()
        if self.thread is not None:
            self.thread.join(timeout)

    def _write_all(self) -> None:
        while not self.closing or self.waiting:
            self.wake.wait()
            if not self.closing:
                time.sleep(GATHER)
            self.wake.clear()
            self._write_waiting()

    def _write_waiting(self) -> None:
        lines = []
        while self.waiting:
            lines.append(self.waiting.popleft())
        if not lines:
            return
        text, before = b"".join(lines), self.written
        error: Exception | None
        try:
            with self.turn as begin:
                error = self._put(begin, text)
        except (OSError, Cut) as cut:  # the disk is full or the reader is gone: the gate goes on
            error = cut
        self.failed += len(lines) - (self.written - before)
        self._tell_of(error)
        self.done += len(text)

    def _put(self, begin: bytes, text: bytes) -> Exception | None:
        """Write all of it, or say why not. Raises `Cut` where the next line needs a line end before it."""
        assert self.stream is not None
        whole, done = begin + text, 0
        try:
            while done < len(whole):
                if (more := self.stream.write(whole[done:])) is None:
                    raise BlockingIOError("standard output does not take anything now")
                done += more
            self.stream.flush()
        except (OSError, ValueError) as error:
            if whole[:done].endswith(b"\n") or not (done or begin):
                return error
            raise Cut(str(error)) from error
        finally:
            self.written += max(0, whole[:done].count(b"\n") - len(begin))
        return None

    def _tell_of(self, error: Exception | None) -> None:
        """When writing begins to fail, and when it does not any more."""
        if error is not None and self._lost_before is None and time.monotonic() - self._told >= TOLD:
            self._lost_before, self._told = self.dropped, time.monotonic()
            log.error("the access log cannot be written, its lines are dropped and counted: %s", error)
        elif error is None and self._lost_before is not None:
            lost, self._lost_before = self.dropped - self._lost_before, None
            log.warning("the access log is written again; %d lines more were lost", lost)
