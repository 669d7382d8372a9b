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
from outgate.proxy.exchange import ApprovedServer, Exchange
from outgate.proxy.http2 import Unprocessed
from outgate.proxy.tries import Try

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

    def stop(self, status: int, code: str, reason: str, flag: str = "") -> Commands:
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
                if isinstance(command.event, RequestHeaders):
                    leaving = departure.leaving(command.event.request, self.exchange)
                    command.event = replace(command.event, request=leaving)
                elif isinstance(command.event, RequestTrailers):  # addons had their turn after these were read
                    command.event = replace(command.event, trailers=soundness.trailing(command.event.trailers))
            yield command

    def make_server_connection(self) -> Generator[commands.Command, Any, bool]:
        return (yield from self.connect(fresh=False))

    def connect(self, *, fresh: bool) -> Generator[commands.Command, Any, bool]:
        if (yield from self.inspected(sending=True)) or (yield from self._refused()):
            return False
        target = self.exchange.target
        assert target is not None
        command = GetApprovedConnection((target.host, target.port), False, None, "tcp", self.exchange, fresh)
        tried = Try()
        self.exchange.tries.append(tried)
        opened, error = yield command
        tried.note(opened)
        if self.client_state == self.state_errored:
            return False
        if error:
            yield from self.connect_failed(str(error))
            return False
        self.context.server = self.flow.server_conn = opened
        if self.exchange.failure:  # found out while it was dialled
            yield from self.fail()
            return False
        # Addons had their turn while it was dialled.
        return not ((yield from self.inspected(sending=True)) or (yield from self._refused()))

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
        flag = "UF" if status == 503 else ""
        yield from self.stop(status, code, reason, flag)

    def handle_protocol_error(self, event: RequestProtocolError | ResponseProtocolError) -> Commands:
        if isinstance(event, ResponseProtocolError) and self.client_state != self.state_errored:
            if self._may_retry(event):
                yield from self.retry(fresh=not isinstance(event, Unprocessed))
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
        server = self.context.server
        if isinstance(server, ApprovedServer) and server in self.parent.connections:
            yield SendHttp(RequestProtocolError(self.stream_id, "stopped", ErrorCode.CANCEL), server)

    @staticmethod
    def _origin_failure(event: ResponseProtocolError) -> tuple[int, str, str, str]:
        status = 502 if event.code is ErrorCode.RESPONSE_VALIDATION_FAILED else 503
        return status, "upstream_reset", event.message, "UC"

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
        self.retried = True
        self.exchange.tries[-1].fail("upstream_reset")
        tracing.ask_again(self.exchange)
        self.parent.forget(self)
        if not (yield from self.connect(fresh=fresh)):
            return
        yield SendHttp(RequestHeaders(self.stream_id, self.flow.request, True), self.context.server)
        yield SendHttp(RequestEndOfMessage(self.stream_id), self.context.server)
