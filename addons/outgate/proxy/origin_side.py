"""The half of an exchange that faces its origin: a connection for it, and what becomes of it when that breaks.

Owns when an exchange is sent again, and the last look at whether it is still the one that was judged. What the workload
is told is the other half's, in `stream`.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mitmproxy import flow
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.layers import http as stock
from mitmproxy.proxy.layers.http import GetHttpConnection, SendHttp
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    HttpEvent,
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
    RequestTrailers,
    ResponseProtocolError,
)
from mitmproxy.proxy.layers.http._hooks import HttpErrorHook

from outgate.addon import Denied
from outgate.policy.model import Code, Decision
from outgate.proxy import departure, soundness, tracing
from outgate.proxy.commands import Copied, Limited, OutgatePlaceHook, Within
from outgate.proxy.exchange import ApprovedServer, Exchange
from outgate.proxy.http2 import Unprocessed
from outgate.proxy.passage import overflow
from outgate.proxy.tries import Try
from outgate.traffic.outcome import Broken, Outcome

if TYPE_CHECKING:
    from outgate.proxy.layers import GateHttpLayer

type Commands = layer.CommandGenerator[None]

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})


@dataclass
class GetApprovedConnection(GetHttpConnection):
    """A connection to the target of an exchange, new or (unless `fresh`) idle or shared."""

    exchange: Exchange | None = None
    fresh: bool = False

    __hash__ = GetHttpConnection.__hash__


class OriginSide(stock.HttpStream):
    """See the module. `stop`, `deny` and `refuse` are the other half's, and so is what looks at a request."""

    exchange: Exchange
    parent: GateHttpLayer
    request_ended: bool
    response_begun: bool
    delivered = 0
    """Bytes of the answer's body that went on to the workload."""
    answered = False
    """Whether the response was over before the request."""
    retried = False
    """Whether it was sent again because an idle connection was not there any more; that is no retry of the policy's."""
    linked = False
    """Whether an origin connection serves it now."""
    all_here = False
    """Whether all of the request has come, as far as that is timed."""
    told = False
    """Whether its origin's state knows how the present try ended."""

    def stop(self, status: int, code: str, reason: str) -> Commands:
        raise NotImplementedError

    def deny(self, decision: Decision) -> Commands:
        raise NotImplementedError

    def refuse(self, denied: Denied) -> Commands:
        raise NotImplementedError

    def fail(self) -> Commands:
        raise NotImplementedError

    def inspected(self, *, sending: bool, whole: bool | None = None) -> Generator[commands.Command, Any, bool]:
        raise NotImplementedError

    def handle_event(self, event: events.Event) -> Commands:
        for command in super().handle_event(event):
            if isinstance(command, SendHttp):
                yield from self._copied(command.event)
                if isinstance(command.event, RequestHeaders):
                    leaving = departure.leaving(command.event.request, self.exchange)
                    command.event = replace(command.event, request=leaving)
                elif isinstance(command.event, RequestTrailers):  # addons had their turn after these were read
                    command.event = replace(command.event, trailers=soundness.trailing(command.event.trailers))
            yield command

    def _copied(self, sent: HttpEvent) -> Commands:
        """The request has left for the first time: now its mirrors have their copies."""
        passage = self.exchange.passage
        if passage is None or passage.copied or not isinstance(sent, RequestEndOfMessage):
            return
        passage.copied = True
        if passage.route.mirrors and (body := self._whole_body()) is not None:
            yield Copied(self.flow, body)

    def make_server_connection(self) -> Generator[commands.Command, Any, bool]:
        return (yield from self.connect(fresh=False))

    def connect(self, *, fresh: bool) -> Generator[commands.Command, Any, bool]:
        """Obtain a connection, if need be at the next place. Not to be had, the exchange is ended."""
        while True:
            if (yield from self.inspected(sending=True)) or (yield from self._refused()):
                return False
            if not (yield from self._placed()):
                return False
            opened, error = yield from self._obtain(fresh)
            if self.client_state == self.state_errored:
                return False
            if not error:
                break
            if not self._dialled_again(str(error)):
                yield from self.connect_failed(str(error))
                return False
        self.context.server = self.flow.server_conn = opened
        self.linked = True
        if self.exchange.failure:  # found out while it was dialled
            yield from self.fail()
            return False
        # Addons had their turn while it was dialled.
        if (yield from self.inspected(sending=True)) or (yield from self._refused()):
            return False
        if self.all_here:
            yield from self.time_try()
        return True

    def _obtain(self, fresh: bool) -> Generator[commands.Command, Any, Any]:
        target = self.exchange.target
        assert target is not None
        tried, self.told = Try(), False
        self.exchange.tries.append(tried)
        opened, error = yield GetApprovedConnection(
            (target.host, target.port), False, None, "tcp", self.exchange, fresh
        )
        tried.note(opened)
        return opened, error

    def _placed(self) -> Generator[commands.Command, Any, bool]:
        """Where to, as far as the traffic policy has a say in that."""
        passage = self.exchange.passage
        if passage is None or (passage.origin is None and not passage.pause):
            return True
        yield OutgatePlaceHook(self.flow)
        if self.exchange.failure:
            yield from self.fail()
        return not self.exchange.failure

    def _dialled_again(self, error: str) -> bool:
        """No connection: whether it is tried at another place, or once more."""
        if self.parent.explain_error(error)[1] == "overflow":
            return False
        outcome = Outcome(broken=Broken.CONNECT_FAILED)
        self.tell(outcome)
        passage = self.exchange.passage
        if passage is None or not passage.again(self.flow.request.method, outcome):
            return False
        tracing.ask_again(self.exchange)
        return True

    def time_try(self) -> Commands:
        """An origin has the whole request, or is about to."""
        passage = self.exchange.passage
        if passage is not None and passage.route.retry is not None and passage.route.retry.per_try_timeout:
            yield Within(self.stream_id, Limited.TRY, passage.route.retry.per_try_timeout)

    def _refused(self) -> Generator[commands.Command, Any, bool]:
        """Whether the request may not leave as it is now, so that the exchange was ended."""
        why = departure.refusal(self.flow.request, self.exchange)
        if isinstance(why, str):
            yield from self.stop(502, str(Code.POLICY_FAILURE), why)
        elif why is not None:
            yield from self.deny(why)
        return why is not None

    def connect_failed(self, error: str) -> Commands:
        status, code, reason = self.parent.explain_error(error)
        if code == "overflow":
            self.exchange.refuse(overflow(reason))
            yield from self.fail()
        else:
            yield from self.stop(status, code, reason)

    def handle_protocol_error(self, event: RequestProtocolError | ResponseProtocolError) -> Commands:
        if isinstance(event, ResponseProtocolError) and self.client_state != self.state_errored:
            if self._may_retry(event):
                yield from self.retry(fresh=not isinstance(event, Unprocessed))
            elif (yield from self._broken_off(event)):
                return
            elif self.server_state not in (self.state_done, self.state_errored):
                yield from self.stop(*self._origin_failure(event))
            return
        yield from self._client_left(event)

    def _client_left(self, event: RequestProtocolError | ResponseProtocolError) -> Commands:
        """Nothing can be told to the workload any more; the origin is, unless it is done with this exchange already."""
        if not self.exchange.failure and not self.whole():
            self.exchange.failure = "the client went away"
            self.exchange.error_code = "client_disconnected"
        over = self.client_state == self.state_errored or self.server_state in (self.state_done, self.state_errored)
        waiting = self.answered and not self.request_ended
        self.client_state = self.server_state = self.state_errored
        if waiting or not over:  # it waits for a body that will not come, or still answers
            yield from self.drop_origin()
        if not over:
            self.flow.error = flow.Error(event.message)
            yield HttpErrorHook(self.flow)
        self.flow.live = False
        yield stock.DropStream(self.stream_id)

    def whole(self) -> bool:
        """Whether the workload has said all and has all: the end that is still to come is none of it."""
        begun = self.response_begun and self.request_ended and not self.parent.withheld(self.stream_id)
        return begun and soundness.complete(self.flow, self.delivered)

    def drop_origin(self) -> Commands:
        """Nothing more goes to the origin for this exchange, and nothing more comes from it."""
        server, linked = self.context.server, self.linked
        self.linked = False
        if linked and server in self.parent.connections:
            yield SendHttp(RequestProtocolError(self.stream_id, "stopped", ErrorCode.CANCEL), server)

    @staticmethod
    def _origin_failure(event: ResponseProtocolError) -> tuple[int, str, str]:
        status = 502 if event.code is ErrorCode.RESPONSE_VALIDATION_FAILED else 503
        return status, "upstream_reset", event.message

    def _may_retry(self, event: ResponseProtocolError) -> bool:
        """Once, where nothing would be done twice and nothing has to be sent that is not here any more."""
        request = self.flow.request
        empty = not (self.exchange.sent_bytes or request.raw_content or request.trailers)  # an addon may set these two
        whole = self.flow.response is None and self.request_ended and empty
        return not self.retried and whole and (isinstance(event, Unprocessed) or self._stale(event))

    def _stale(self, event: ResponseProtocolError) -> bool:
        """An idle connection may have been closed by the origin just as it was used."""
        server = self.flow.server_conn
        return (
            event.code is ErrorCode.GENERIC_SERVER_ERROR
            and isinstance(server, ApprovedServer)
            and server.reused
            and self.flow.request.method.upper() in IDEMPOTENT
        )

    def retry(self, *, fresh: bool) -> Commands:
        """Once more at the same place, at once."""
        self.retried = True
        yield from self._leave_origin("upstream_reset")
        yield from self._send_again(fresh=fresh)

    # Tries that the route's policy wants.

    def tell(self, outcome: Outcome) -> None:
        """How the present try ended, to whom it matters; once."""
        passage = self.exchange.passage
        if passage is not None and not self.told:
            self.told = True
            passage.tell(outcome)

    def tried_again(self, outcome: Outcome, code: str) -> Generator[commands.Command, Any, bool]:
        """Whether the policy wants it tried once more after this, and it can be; then that is under way, or over."""
        passage = self.exchange.passage
        if passage is None or not self._can_resend():
            return False
        self.tell(outcome)
        if not passage.again(self.flow.request.method, outcome):
            return False
        yield from self.drop_origin()
        yield from self._leave_origin(code)
        yield from self._send_again(fresh=False)
        return True

    def _broken_off(self, event: ResponseProtocolError) -> Generator[commands.Command, Any, bool]:
        """The origin broke off. Whether that was the beginning of another try."""
        kind = Broken.REFUSED if isinstance(event, Unprocessed) else Broken.RESET
        outcome = Outcome(broken=kind)
        again = self.flow.response is None and (yield from self.tried_again(outcome, "upstream_reset"))
        if not again:
            self.tell(outcome)
        return again

    def _can_resend(self) -> bool:
        """Whether all of the request is here, and nothing of an answer has gone to the workload."""
        if self.response_begun or self.client_state != self.state_done:
            return False
        return self._whole_body() is not None

    def _whole_body(self) -> bytes | None:
        """As it was sent; None where it was too long to be kept."""
        if self.exchange.resent is not None and self.exchange.resent.size:
            return self.exchange.resent.whole
        content = self.flow.request.raw_content or b""
        return content if len(content) >= self.exchange.sent_bytes else None

    def _leave_origin(self, code: str) -> Commands:
        """The try is over; what still comes of it is nobody's."""
        yield Within(self.stream_id, Limited.TRY, None)
        self.exchange.tries[-1].fail(code)
        tracing.ask_again(self.exchange)
        self.parent.forget(self)
        self.linked = False

    def _send_again(self, *, fresh: bool) -> Commands:
        if not (yield from self.connect(fresh=fresh)):
            return
        body, trailing = self._whole_body() or b"", self.flow.request.trailers
        number, server = self.stream_id, self.context.server
        yield SendHttp(RequestHeaders(number, self.flow.request, not (body or trailing)), server)
        if body:
            yield SendHttp(RequestData(number, body), server)
        if trailing:
            yield SendHttp(RequestTrailers(number, trailing), server)
        yield SendHttp(RequestEndOfMessage(number), server)
