"""Which exchanges are captured, and what becomes of what was taken down of them when they are over.

Owns the choice: an exchange is chosen once, at its head, and the policy in force at its end says where it goes, so that
no capture that documents do not name any more is given anything. What is captured is redacted and written by
a process of its own. Whatever fails here costs the record and nothing else.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Sequence

from mitmproxy import http

from outgate.capture.keeper import Keeper
from outgate.policy.current import Snapshot
from outgate.policy.keeping import takers
from outgate.policy.model import Attempt
from outgate.policy.redaction_model import CapturePolicy, KeepingPolicy
from outgate.proxy import passed
from outgate.proxy.exchange import Exchange
from outgate.proxy.taps import Room, Tap
from outgate.telemetry.event import Event

log = logging.getLogger(__name__)

UNDER_WAY = 64 * 1024 * 1024
"""Bytes that all exchanges under way may hold together."""


class Capturing:
    """`begin` at the head of what is allowed; `over` at the end of an exchange, and `relayed` at that of bytes."""

    def __init__(self, keeper: Keeper, snapshot: Snapshot, most: int = UNDER_WAY) -> None:
        self.keeper, self.snapshot = keeper, snapshot
        self.room = Room(most)

    def begin(self, exchange: Exchange, keeping: KeepingPolicy, attempt: Attempt) -> None:
        """From now on, what passes is taken down, where a capture may want it."""
        captures, draw = takers(keeping, attempt, denied=False), random.random()
        wanting = [each.max_body for each in _drawn(captures, draw)]
        if wanting:
            exchange.tap = Tap(exchange.started, draw, max(wanting), self.room, captures, keeping)

    def over(self, event: Event, exchange: Exchange, request: http.Request, response: http.Response | None) -> None:
        tap, exchange.tap = exchange.tap, None
        try:
            tap = tap or self._late(exchange)
            if tap is not None and (capture := self._capture(event, tap.draw, tap)) is not None:
                self._hand_over(capture, event, tap, exchange, request, response)
        except Exception as error:  # the traffic has passed, and goes on
            self.keeper.lose(type(error).__name__)
        finally:
            if tap is not None:
                tap.give_back()

    def _late(self, exchange: Exchange) -> Tap | None:
        """For what was denied at its head, so that nothing was chosen there."""
        captures, decision = self.snapshot.policy.keeping.captures, exchange.decision
        if not captures or decision is None or decision.allowed or exchange.judged is not None:
            return None
        return Tap(exchange.started, random.random(), max(each.max_body for each in captures), self.room)

    def relayed(self, event: Event) -> None:
        """A tunnel or raw TCP is over, or was refused. Nothing was taken down of it."""
        try:
            if (capture := self._capture(event, random.random())) is not None:
                self.keeper.put(capture, passed.relayed(event))
        except Exception as error:
            self.keeper.lose(type(error).__name__)

    def _capture(self, event: Event, draw: float, tap: Tap | None = None) -> CapturePolicy | None:
        """The one that takes it. `tap`: where its head was asked about."""
        keeping, denied = self.snapshot.policy.keeping, event.verdict == "deny"
        if not keeping.captures or event.attempt is None:
            return None
        if tap is not None and tap.keeping is keeping and not denied:
            possible = tap.takers
        else:
            possible = takers(keeping, event.attempt, denied=denied)
        asked = event.kind == "http" and any(each.matching.media_types for each in possible)
        kinds = passed.media_types(event) if asked else frozenset()
        chosen = next((each for each in possible if each.matching.has(kinds)), None)
        return chosen if chosen is not None and draw < chosen.sampling else None

    def _hand_over(
        self,
        capture: CapturePolicy,
        event: Event,
        tap: Tap,
        exchange: Exchange,
        request: http.Request,
        response: http.Response | None,
    ) -> None:
        if tap.lost:
            self.keeper.refuse()
            return
        _held(tap, exchange, request, response)
        told = passed.Passed(
            event,
            tap,
            capture.max_body,
            event.error_type or (exchange.error_code if event.failure else ""),
            response.reason if response is not None else "",
            response.http_version if response is not None else "",
            request.trailers.fields if request.trailers is not None else (),
        )
        self.keeper.put(capture, passed.exchanged(told))


def _drawn(captures: Sequence[CapturePolicy], draw: float) -> Iterator[CapturePolicy]:
    """Those that could come to take an exchange: behind one that does not look at media types nobody is asked."""
    for capture in captures:
        if draw < capture.sampling:
            yield capture
        if not capture.matching.media_types:
            return


def _held(tap: Tap, exchange: Exchange, request: http.Request, response: http.Response | None) -> None:
    """Bodies that did not pass in pieces: those that were held to be looked at, and answers of the gate's own."""
    if not tap.request.size and request.raw_content and exchange.sent_bytes:
        tap.request.take(request.raw_content)
    if response is None or not response.raw_content or request.method == "HEAD":
        return
    if exchange.response_limit and tap.response.size:
        tap.forget_response()
    if not tap.response.size:
        tap.response.take(response.raw_content)
        tap.response.ended = True
