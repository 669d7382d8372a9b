"""From what happened to a line of the access log, once for each attempt.

Owns the reading of flows, relays and refusals into records. Queries, bodies and header values are never read.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mitmproxy import http

from outgate.policy.model import Attempt, Code, Decision, Identity
from outgate.proxy.exchange import Exchange, Facts, exchange_of
from outgate.telemetry.accesslog import AccessLog, Record
from outgate.upstream.connection import Connection

if TYPE_CHECKING:
    from outgate.proxy.relay import Relay


@dataclass(frozen=True, slots=True)
class Reached:
    """The origin's connection that served a request."""

    peername: tuple[object, ...] | None
    """None where there was none."""
    tls: str
    """Its version, empty without."""
    reused: bool


class Recorder:
    """Writes a record whenever something is over."""

    def __init__(self, log: AccessLog) -> None:
        self.log = log
        self.used: dict[str, float] = {}
        """When each destination was last used, in seconds since the epoch, by its key."""
        self.counts: Counter[str] = Counter()
        """Denials, by code."""

    def outgate_exchange(self, flow: http.HTTPFlow) -> None:
        server, malformed = flow.server_conn, flow.error.msg if flow.error is not None else ""
        reached = Reached(server.peername, server.tls_version or "", reused=bool(getattr(server, "reused", False)))
        self.exchanged(exchange_of(flow), flow.request, flow.response, reached, malformed)

    def exchanged(
        self,
        exchange: Exchange,
        request: http.Request,
        response: http.Response | None,
        reached: Reached,
        malformed: str = "",
    ) -> None:
        """A request is over. `malformed`: why, where it never came to a decision."""
        record = _judged(exchange.started, "http", exchange.facts, exchange.attempt, exchange.decision)
        _request(record, request, response, exchange)
        if exchange.decision is None and malformed:
            record.code, record.reason = str(Code.REQUEST_MALFORMED), _printable(malformed)
            record.status = record.status or 400
        _origin(record, response, exchange, reached)
        _failure(record, response, exchange)
        record.duration_ms = _since(exchange.started)
        self._write(record, exchange.decision)

    def relayed(self, relay: Relay, origin: Connection) -> None:
        record = _judged(relay.started, str(relay.attempt.kind), relay.facts, relay.attempt, relay.decision)
        record.upstream = _address(origin.peername)
        record.upstream_tls = origin.tls.version if origin.tls is not None else ""
        record.sent, record.received = relay.sent_bytes, relay.received_bytes
        record.failure, record.duration_ms = relay.failure, _since(relay.started)
        self._write(record, relay.decision)

    def closed(self, facts: Facts, attempt: Attempt, decision: Decision, failure: str, started: float) -> None:
        """A connection that was refused, or whose origin could not be reached, before anything passed."""
        record = _judged(started, str(attempt.kind), facts, attempt, decision)
        record.failure, record.duration_ms = failure, _since(started)
        self._write(record, decision)

    def rejected(self, facts: Facts, code: Code, reason: str) -> None:
        """Something that never became an attempt."""
        record = _judged(time.time(), "connection", facts, None, None)
        record.verdict, record.code, record.reason = "deny", str(code), _printable(reason)
        self._write(record)

    def client_refused_leaf(self, facts: Facts, name: str, why: str) -> None:
        """The workload broke off the TLS handshake with the gate."""
        record = _judged(time.time(), "tls", facts, None, None)
        record.verdict, record.code, record.host, record.help = "deny", "client_tls_failed", name, why
        self._write(record)

    def _write(self, record: Record, decision: Decision | None = None) -> None:
        if record.verdict == "deny":
            self.counts[f"denied_{record.code}"] += 1
        if decision is not None and (key := used_key(decision)):
            self.used[key] = time.time()
        self.log.write(record)


def used_key(decision: Decision) -> str:
    """The key of the destination that is used where a decision is carried out; empty where there is none. Keys are the
    policy's, so that there are no more of them than it has destinations and internal patterns."""
    return decision.destination.key if decision.allowed and decision.destination is not None else ""


def _judged(started: float, kind: str, facts: Facts, attempt: Attempt | None, decision: Decision | None) -> Record:
    record = Record(started, kind, "deny", str(Code.POLICY_FAILURE))
    _caller(record, facts.caller)
    record.address, record.sni, record.port = facts.address or "", facts.sni or "", facts.port or 0
    if attempt is not None:
        record.host, record.port = attempt.host or "", attempt.port
    if decision is not None:
        _decision(record, decision)
    return record


def _decision(record: Record, decision: Decision) -> None:
    record.verdict, record.code, record.reason = str(decision.verdict), str(decision.code), decision.reason
    record.rule = str(decision.source) if decision.source else ""
    record.destination = decision.destination.key if decision.destination else ""
    record.traffic = str(decision.traffic)
    record.would = str(decision.would.code) if decision.would else ""
    record.shadow = ", ".join(f"{shadow.verdict} by {shadow.source}" for shadow in decision.shadows)
    record.audited = ", ".join(map(str, decision.audited))


def _caller(record: Record, caller: Identity) -> None:
    record.source, record.namespace = caller.address, caller.namespace
    record.service_account = caller.service_account


def _request(record: Record, request: http.Request, response: http.Response | None, exchange: Exchange) -> None:
    record.method, record.path = request.method, request.path.partition("?")[0]
    record.scheme = "https" if exchange.facts.encrypted else "http"
    record.protocol = request.http_version
    record.status = response.status_code if response else 0
    record.sent, record.received = exchange.sent_bytes, exchange.received_bytes
    record.generation = exchange.policy.generation if exchange.policy else ""


def _origin(record: Record, response: http.Response | None, exchange: Exchange, reached: Reached) -> None:
    if exchange.target is None or reached.peername is None:
        return
    record.upstream = _address(reached.peername)
    record.upstream_tls = reached.tls
    record.upstream_protocol = response.http_version if response else ""
    record.client_certificate = exchange.target.tls is not None and exchange.target.tls.mutual
    record.reused = reached.reused


def _failure(record: Record, response: http.Response | None, exchange: Exchange) -> None:
    """What went wrong after the decision; where an addon or a stage failed, that was the last word."""
    record.failure, record.flags = exchange.failure, _flags(response, exchange)
    if exchange.failure and exchange.error_code:
        record.failure = f"{exchange.error_code}: {exchange.failure}"
    if exchange.refused is not None:
        record.verdict, record.code, record.reason = "deny", exchange.refused.code, _printable(exchange.refused.reason)
        record.failure = ""
    elif exchange.error_code == Code.POLICY_FAILURE:
        record.verdict, record.code = "deny", str(Code.POLICY_FAILURE)


def _flags(response: http.Response | None, exchange: Exchange) -> str:
    if exchange.error_code == "client_disconnected":
        return "DC"
    return response.headers.get("x-outgate-flags", "") if response and exchange.failure else ""


def _address(peername: tuple[object, ...] | None) -> str:
    if not peername:
        return ""
    host, port = str(peername[0]), peername[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _since(started: float) -> float:
    return round((time.time() - started) * 1000, 3)


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)[:500]
