"""The short way of plain requests: judged by the same gate, sent on an idle connection, without layers and events.

Owns one exchange at a time of one HTTP/1 client. Takes a request only where nobody else has to see it and all of it is
here; refuses nothing and dials nothing: what is denied, or unusual, or finds no idle connection, is left untouched for
the layers, which know all of HTTP and tell the workload why.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from mitmproxy import http
from mitmproxy.proxy import commands

from outgate.proxy import answers, changes, departure, heads, soundness, view
from outgate.proxy.answering import RESET, Answering
from outgate.proxy.answering import Broken as Lost
from outgate.proxy.commands import Limited
from outgate.proxy.connections import Reader
from outgate.proxy.exchange import Exchange
from outgate.proxy.gate import Gate
from outgate.proxy.http1 import authenticates_connection
from outgate.proxy.lane_clock import LaneClock
from outgate.proxy.origin_side import IDEMPOTENT
from outgate.proxy.passage import Passage, Refused, outcome_of, plain_outcome
from outgate.proxy.timed import told_late
from outgate.proxy.tries import Try, flag_of, told_flags
from outgate.traffic.faults import NO_TROUBLE
from outgate.traffic.outcome import Broken, Outcome
from outgate.upstream import connect as upstream
from outgate.upstream.connection import Connection
from outgate.upstream.errors import UpstreamError

if TYPE_CHECKING:
    from outgate.proxy.handler import Handler

GONE, LEFT = "the client went away", "client_disconnected"
BROKEN = {RESET: Broken.RESET, "try_timeout": Broken.TIMEOUT}
"""How a try failed without an answer, by the codes of those failures after which there may be another one."""
HELD = 1.0
"""Seconds between two looks whether a client that has ended its side is still there for the answer."""


class Unwanted(Lost):
    """An answer instead of which the policy would rather have another one. Nothing of it was passed on."""


class Lane:
    """See the module. `exchange` is what is under way; whoever ends it from outside calls `end`."""

    def __init__(self, handler: Handler, gate: Gate, reader: Reader) -> None:
        self.handler, self.gate, self.plane, self.limits = handler, gate, handler.plane, handler.limits
        self.client, self.transport = handler.client, handler.transports[handler.client]
        self.asked: heads.Asked | None = None
        self.exchange: Exchange | None = None
        self.origin: Connection | None = None
        self.clock = LaneClock(self._late)
        self.late: Lost | None = None
        self.begun = False
        """Whether any of the answer has gone to the workload."""
        reader.ended = self._client_ended

    async def carried(self, data: bytes) -> bool:
        """Whether what came is one whole request, and was carried to its end. If not, it is still to be served."""
        handler = self.handler
        if not handler.http.resting or not await self._carry(data):
            return False
        if self.transport.congested:  # whoever has not taken this answer is not heard with another request
            await self.transport.drain()
        if self.plane.draining:
            handler.drain()
        return True

    async def _carry(self, data: bytes) -> bool:
        limits = self.limits
        asked = heads.request(data, most_bytes=limits.header_bytes, most_fields=limits.header_fields)
        if asked is None:
            return False
        self.handler.head_came()
        self.client.forget_begun()
        exchange = self.exchange = Exchange(self.client.facts)
        self.asked = asked
        carried = False
        try:
            self.origin = origin = await self._obtain(asked.request, exchange)
            carried = origin is not None and await self._exchange(asked, exchange, origin)
            return carried
        finally:
            if carried and exchange.passage is not None:
                exchange.passage.leave()
            self.client.begun = None if carried else exchange
            self.exchange = self.origin = self.asked = None

    async def _obtain(self, request: http.Request, exchange: Exchange) -> Connection | None:
        """An idle connection, for a request that may leave, where neither it nor its answer has to be looked at."""
        try:
            allowed = self.gate.judge(request, exchange)
        except Exception:
            return None  # the layers meet it again, where it is a denial
        if not allowed or exchange.injected is not None or exchange.inline is not None:
            return None
        if exchange.prior_knowledge or exchange.target is None:
            return None
        passage, governor, environment = exchange.passage, self.gate.governor, self.plane.environment
        try:
            if passage is not None:
                if not self._goes_on(exchange, passage):
                    return None
                if not governor.placed(exchange, environment, passage.began):
                    await governor.place(exchange, environment)
            key = await upstream.key_of(exchange.target, environment)
        except (UpstreamError, Refused):
            return None
        revoked = exchange.failure or self.handler.closed.is_set()
        return None if revoked else self.plane.pool.acquire(key)

    def _goes_on(self, exchange: Exchange, passage: Passage) -> bool:
        """Whether the traffic policy lets it go on at once. Raises as the governor."""
        plan, slots = passage.plan, self.plane.slots
        if plan.answers or plan.remote or (passage.trouble is not NO_TROUBLE and passage.lasts):
            return False
        if passage.origin is not None and slots.queued(passage.origin):
            return False
        self.gate.governor.admit_now(exchange, passage.began)  # nothing was waited for since it began
        return True

    async def _exchange(self, asked: heads.Asked, exchange: Exchange, origin: Connection) -> bool:
        """Whether it is over. Otherwise the connection was stale, and nothing was done by it."""
        tap = exchange.tap
        passing = tap.response if tap is not None else None
        answering = Answering(origin.reader, asked.request, self.limits, self._count, passing)
        self.begun = stale = False
        exchange.tries.append(Try(origin=origin, reused=True))
        passage = exchange.passage
        self.late = None
        try:
            if passage is not None and passage.plan.timed:
                self.clock.begin(passage)
            origin.writer.write(departure.head(asked.request, exchange) + asked.body)
            exchange.sent_bytes = len(asked.body)
            if passage is not None and passage.plan.route.mirrors and not passage.copied:
                passage.copied = True
                self.plane.mirrors.copy(asked.request, asked.body, exchange)
            if tap is not None and asked.body:
                tap.request.take(asked.body)
            await self._answer(answering, asked, exchange)
        except Lost as broken:
            broken = self._why(broken)
            stale = self._stale(asked, answering, exchange, broken) or self._again(asked, exchange, broken)
            if stale:
                exchange.tries[-1].fail(broken.code)
            else:
                self._fail(asked, answering, exchange, broken)
        except Exception as error:
            exchange.failure = exchange.failure or f"internal failure: {type(error).__name__}"
            self.handler.crash(error)
        except BaseException:
            self.handler.abort("the gate is stopping")
            raise
        finally:
            self.clock.over()
            exchange.received_bytes = answering.received
            if passing is not None:
                passing.ended = answering.done
            self._give_back(origin, asked.request, answering)
            if not stale:
                self.plane.log.exchanged(exchange, asked.request, answering.response)
        if not stale and (asked.close or (self.begun and answering.last)) and not self.handler.closed.is_set():
            self.handler.execute(commands.CloseConnection(self.client))
        return not stale

    # The answer.

    async def _answer(self, answering: Answering, asked: heads.Asked, exchange: Exchange) -> None:
        """Pass it on as it comes; what came at once goes out at once. Raises `Broken`."""
        response = await answering.head(self._hint)
        exchange.answered(response.http_version)
        passage = exchange.passage
        if passage is not None:
            self._tell(passage, exchange, asked, response)
        view.clean_response(response)
        if passage is not None:
            changes.incoming(response, exchange)
        self.clock.answered()
        text, self.begun = heads.written_response(response) + answering.take(), True
        while True:
            if answering.done:  # told of before anything else can happen: whoever has all of it is in the capture
                self._send(text)
                return
            if text:
                await self._write(text)
            await answering.more()
            text = answering.take()

    async def _write(self, text: bytes) -> None:
        """To the workload; an origin that sends more than it takes is made to wait."""
        self._send(text)
        if self.transport.congested:
            await self.transport.drain()

    def _send(self, text: bytes) -> None:
        if text:
            self.transport.write(text)
            self.handler.active = self.clock.moved = time.monotonic()

    async def _hint(self, response: http.Response) -> None:
        """Hints are a kindness: left out where anything is wrong with them."""
        view.clean_response(response)
        asked = self.asked
        if asked is not None and not soundness.unsound(response, asked.request, ended=False, final=False):
            response.headers.pop("content-length", None)
            await self._write(heads.written_response(response))

    # What the traffic policy has to say.

    def _late(self, what: Limited) -> None:
        """A limit ran out. What is told stands ready for whoever finds the origin's connection gone."""
        status, code, reason = told_late(what, heard=True)
        self.late = Lost(reason, status, code)
        if self.origin is not None:
            self.origin.abort()

    def _why(self, broken: Lost) -> Lost:
        """Why the origin's connection broke off: perhaps it was the gate that did it."""
        return self.late or broken

    def _again(self, asked: heads.Asked, exchange: Exchange, broken: Lost) -> bool:
        """Whether the layers are to try it again, as its route has it. Where not, its origin's state knows of it."""
        passage = exchange.passage
        if passage is None or exchange.failure or isinstance(broken, Unwanted):
            return isinstance(broken, Unwanted) and not exchange.failure
        if self.begun or broken.code not in BROKEN:
            return False
        outcome = Outcome(broken=BROKEN[broken.code])
        passage.tell(outcome)
        kept = len(asked.body) <= self.limits.retry_body
        return kept and passage.again(asked.request.method, outcome)

    def _tell(self, passage: Passage, exchange: Exchange, asked: heads.Asked, response: http.Response) -> None:
        """The head of an answer has come. Raises `Broken` where the policy would rather have another one."""
        attempt = exchange.attempt
        assert attempt is not None
        status, plan = response.data.status_code, passage.plan
        outcome = outcome_of(status, response.headers, ended=False) if plan.reads_answers else plain_outcome(status)
        passage.tell(outcome)
        if not plan.retries or plan.worth.get((attempt.method, status)) is False:  # as of most
            return
        if len(asked.body) <= self.limits.retry_body and passage.again(attempt.method, outcome):
            raise Unwanted("the policy has it tried again", code=str(response.status_code))

    @staticmethod
    def _stale(asked: heads.Asked, answering: Answering, exchange: Exchange, broken: Lost) -> bool:
        """Whether the origin may have closed the connection just as it was used, and a second time harms nobody."""
        lost = answering.response is None and broken.code == RESET
        return lost and asked.request.method in IDEMPOTENT and not asked.body and not exchange.failure

    def _fail(self, asked: heads.Asked, answering: Answering, exchange: Exchange, broken: Lost) -> None:
        """An answer of our own where none has begun, else the connection breaks off visibly."""
        ended = bool(exchange.failure)  # from outside: nobody waits for an answer
        if not ended:
            exchange.failure, exchange.error_code = broken.reason, broken.code
        if self.begun:
            self.handler.abort(exchange.failure)
        elif not ended and not self.transport.gone:
            attempt = exchange.attempt
            host, grpc = (attempt.host or "", attempt.grpc) if attempt is not None else ("", False)
            flags = told_flags(exchange.flags, flag_of(broken.code))
            made = answers.failure(broken.status, broken.code, broken.reason, host, flags, grpc=grpc)
            if asked.close:
                made.headers["connection"] = "close"
            content = b"" if asked.request.method == "HEAD" else (made.raw_content or b"")
            self.transport.write(heads.written_response(made) + content)
            answering.response = made

    # Ends.

    def _give_back(self, origin: Connection, request: http.Request, answering: Answering) -> None:
        response = answering.response
        if not answering.reusable or response is None:
            origin.abort()
        elif self.plane.draining or authenticates_connection(request) or authenticates_connection(response):
            origin.close()
        else:
            self.plane.pool.release(origin)

    def _count(self, name: str) -> None:
        self.plane.counts[name] += 1

    def end(self, reason: str, code: str = "") -> None:
        """Break off what is under way, if anything is."""
        if self.exchange is None:
            return
        if not self.exchange.failure:
            self.exchange.failure, self.exchange.error_code = reason, code
        if self.origin is not None:
            self.origin.abort()

    def _client_ended(self) -> None:
        """The workload has said all. One of this machine may still listen; that it does not any more nothing tells."""
        if self.exchange is None:
            return
        if self.transport.gone or self.client.tls or not self.client.held():
            self.end(GONE, LEFT)
        else:
            asyncio.get_running_loop().call_later(HELD, self._client_ended)


def lane_of(handler: Handler, reader: asyncio.StreamReader) -> Lane | None:
    """A lane for a connection, where nobody but the gate has to see its requests."""
    gate = handler.plane.direct
    return Lane(handler, gate, reader) if gate is not None and isinstance(reader, Reader) else None
