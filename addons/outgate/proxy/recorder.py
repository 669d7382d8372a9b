"""From what happened to an event, once for each attempt, for every output.

Owns the reading of flows, relays and refusals into events. Bodies are never read.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mitmproxy import http

from outgate.policy.model import Attempt, Code, Decision, Identity
from outgate.proxy.capturing import Capturing
from outgate.proxy.exchange import Exchange, Facts, exchange_of
from outgate.proxy.passage import Refused
from outgate.proxy.tries import Try, error_of, error_type_of, flag_of, reached, told_flags
from outgate.telemetry.event import Event, Trace
from outgate.telemetry.groups import Groups
from outgate.telemetry.ids import Ids
from outgate.telemetry.renderers import Wanted

if TYPE_CHECKING:
    from outgate.proxy.relay import Relay

log = logging.getLogger(__name__)


REFUSED = "UAEX"
"""Envoy's flag for what an authorization service refused: the nearest to a policy."""


class Recorder:
    """Tells the outputs whenever something is over."""

    def __init__(self, *outputs: Callable[[Event], None]) -> None:
        self.outputs = list(outputs)
        self.in_force: Callable[[], str] = lambda: ""
        """The digest of the policy, for what is no HTTP: it is judged again by each new one."""
        self.traced: Callable[[Identity], Trace | None] = lambda caller: None
        """Begins the trace of a caller's attempt that has none: of what is no HTTP, or never was judged."""
        self.wanted: Callable[[], Wanted] = Wanted
        """What the outputs of now show that is found out for them alone."""
        self.capturing: Capturing | None = None
        self.used: dict[str, float] = {}
        """When each destination was last used, in seconds since the epoch, by its key."""
        self.counts: Counter[str] = Counter()
        """Denials, by code."""
        self.groups = Groups(self._outputs_told)
        self._ids = Ids()

    def outgate_exchange(self, flow: http.HTTPFlow) -> None:
        malformed = flow.error.msg if flow.error is not None else ""
        self.exchanged(exchange_of(flow), flow.request, flow.response, malformed)

    def exchanged(
        self, exchange: Exchange, request: http.Request, response: http.Response | None, malformed: str = ""
    ) -> None:
        """A request is over. `malformed`: why, where it never came to a decision."""
        event = _judged(exchange.started, "http", exchange.facts, exchange.attempt, exchange.decision)
        _request(event, request, response, exchange)
        if exchange.decision is None and malformed:
            event.code, event.reason = str(Code.REQUEST_MALFORMED), _printable(malformed)
            event.status = event.status or 400
        _failure(event, response, exchange)
        event.trace = exchange.trace
        if exchange.tries:
            _end(exchange)
            mutual = exchange.target is not None and exchange.target.tls is not None and exchange.target.tls.mutual
            event.reached = tuple(reached(one, exchange.started, mutual=mutual) for one in exchange.tries)
        if exchange.answered_with is not None:
            self.counts[f"kept_{exchange.answered_with.code}"] += 1
        self._tell(event)
        if self.capturing is not None and (exchange.tap is not None or event.verdict == "deny"):
            self.capturing.over(event, exchange, request, response)

    def relayed(self, relay: Relay, tries: Sequence[Try], started: float) -> None:
        """A tunnel or raw TCP is over, whose connection was taken when it `started`."""
        event = _judged(started, str(relay.attempt.kind), relay.facts, relay.attempt, relay.decision)
        event.sent, event.received, event.failure = relay.sent_bytes, relay.received_bytes, relay.failure
        event.error_type, event.flags = error_of(relay.code), flag_of(relay.code)
        tries[-1].fail(relay.code)
        event.reached = tuple(reached(tried, started, mutual=False) for tried in tries)
        self._tell_of_bytes(event)

    def closed(
        self,
        facts: Facts,
        attempt: Attempt,
        decision: Decision,
        started: float,
        tries: Sequence[Try] = (),
        refused: Refused | None = None,
    ) -> None:
        """A connection that was refused, or whose origin could not be reached, before anything passed. `refused`: it
        was the traffic policy that kept it."""
        event = _judged(started, str(attempt.kind), facts, attempt, decision)
        event.reached = tuple(reached(tried, started, mutual=False) for tried in tries)
        if refused is not None:
            self.counts[f"kept_{refused.code}"] += 1
            event.failure, event.error_type = f"{refused.code}: {refused.reason}", error_of(refused.code)
            event.flags = flag_of(refused.code)
        elif tries:
            event.failure, event.error_type = str(tries[-1].error), error_type_of(tries[-1])
            event.flags = flag_of(tries[-1].code)
        self._tell_of_bytes(event)

    def rejected(self, facts: Facts, code: Code, reason: str) -> None:
        """Something that never became an attempt."""
        event = _judged(time.time(), "connection", facts, None, None)
        event.code, event.reason = str(code), _printable(reason)
        self._tell(event)

    def client_refused_leaf(self, facts: Facts, name: str, why: str) -> None:
        """The workload broke off the TLS handshake with the gate."""
        event = _judged(time.time(), "tls", facts, None, None)
        event.code, event.name, event.help = "client_tls_failed", name, why
        self._tell(event)

    def _tell_of_bytes(self, event: Event) -> None:
        self._tell(event)
        if self.capturing is not None:
            self.capturing.relayed(event)

    def _tell(self, event: Event) -> None:
        event.duration = time.time() - event.started
        if event.verdict == "deny":
            self.counts[f"denied_{event.code}"] += 1
            if event.decision is not None:
                event.flags = event.flags or REFUSED
        if event.decision is not None:
            event.generation = event.generation or self.in_force()
            if key := used_key(event.decision):
                self.used[key] = time.time()
        if event.trace is None and event.kind != "connection":
            event.trace = self.traced(event.caller)
        if event.kind == "http" and self.wanted().identifiers:
            event.request_id = self._ids.request_id()
        self.groups.put(event)

    def _outputs_told(self, events: Sequence[Event]) -> None:
        for output in self.outputs:
            for event in events:
                try:
                    output(event)
                except Exception as error:  # the others are told all the same
                    self.counts["outputs_failed"] += 1
                    log.error("an output of telemetry failed: %s\n%s", type(error).__name__, _way(error))


def used_key(decision: Decision) -> str:
    """The key of the destination that is used where a decision is carried out; empty where there is none. Keys are the
    policy's, so that there are no more of them than it has destinations and internal patterns."""
    return decision.destination.key if decision.allowed and decision.destination is not None else ""


def _judged(started: float, kind: str, facts: Facts, attempt: Attempt | None, decision: Decision | None) -> Event:
    verdict, code, reason = "deny", str(Code.POLICY_FAILURE), ""
    if decision is not None:
        verdict, code, reason = str(decision.verdict), str(decision.code), decision.reason
    event = Event(kind, started, 0.0, verdict, code, reason, facts.caller)
    event.caller_port, event.connection_id, event.downstream_tls = facts.caller_port, facts.number, facts.tls
    event.address, event.sni, event.encrypted = facts.address or "", facts.sni or "", facts.encrypted
    event.listener, event.ja3, event.ja4 = facts.listener, facts.ja3, facts.ja4
    event.attempt, event.decision = attempt, decision
    event.port = (facts.port or 0) if attempt is None else attempt.port
    return event


def _request(event: Event, request: http.Request, response: http.Response | None, exchange: Exchange) -> None:
    event.method, event.path = request.method, request.path
    event.protocol, event.request_fields = request.http_version, request.headers.fields
    event.sent, event.received = exchange.sent_bytes, exchange.received_bytes
    if exchange.sent_messages is not None:
        event.sent_messages = exchange.sent_messages.count
    if exchange.received_messages is not None:
        event.received_messages = exchange.received_messages.count
    if request.timestamp_end is not None:
        event.request_end = max(0.0, request.timestamp_end - exchange.started)
    event.generation, event.extra = exchange.policy.generation if exchange.policy else "", exchange.notes
    if response is not None:
        event.status, event.response_fields = response.status_code, response.headers.fields
        event.trailer_fields = response.trailers.fields if response.trailers is not None else ()


def _end(exchange: Exchange) -> None:
    """The last time that an origin was asked ended with the exchange, and as it did."""
    last = exchange.tries[-1]
    last.ended = last.ended or time.time()
    if exchange.failure:
        last.code = last.code or exchange.error_code


def _failure(event: Event, response: http.Response | None, exchange: Exchange) -> None:
    """What went wrong after the decision; where an addon or a stage failed, that was the last word."""
    event.failure = exchange.failure
    if exchange.failure or exchange.flags:
        event.flags = _told(response, exchange)
    if exchange.failure:
        event.error_type = _error_type(exchange)
    if exchange.failure and exchange.error_code:
        event.failure = f"{exchange.error_code}: {exchange.failure}"
    if exchange.refused is not None:
        event.verdict, event.code, event.reason = "deny", exchange.refused.code, _printable(exchange.refused.reason)
        event.failure = ""
    elif exchange.error_code == Code.POLICY_FAILURE:
        event.verdict, event.code = "deny", str(Code.POLICY_FAILURE)


def _error_type(exchange: Exchange) -> str:
    last = exchange.tries[-1] if exchange.tries else None
    if last is not None and last.error is not None and last.error.code == exchange.error_code:
        return error_type_of(last)
    return error_of(exchange.error_code or "failed")


def denied(exchange: Exchange) -> bool:
    """Whether nothing was to leave, or go on: by the policy, by an addon, or because one of them failed."""
    decision = exchange.decision
    refused = exchange.refused is not None or exchange.error_code == Code.POLICY_FAILURE
    return refused or decision is None or not decision.allowed


def flags_of(response: http.Response | None, exchange: Exchange) -> str:
    """Envoy's flags, as the event of the exchange has them."""
    told = _told(response, exchange) if exchange.failure or exchange.flags else ""
    return told or (REFUSED if exchange.decision is not None and denied(exchange) else "")


def _told(response: http.Response | None, exchange: Exchange) -> str:
    told = response.headers.get("x-outgate-flags", "") if response is not None else ""
    return told_flags(exchange.flags, (flag_of(exchange.error_code) or told) if exchange.failure else "")


def _way(error: BaseException) -> str:
    """To where it was raised, without its message, which may quote what was received."""
    return "".join(traceback.format_tb(error.__traceback__)).rstrip()


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)[:500]
