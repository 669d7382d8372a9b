"""One HTTP request and its response.

Owns what mitmproxy's stream lacks: an answer before the body is read, a stop at the first failing addon, and one report
when it is over. Decisions come from `gate`; how bodies pass is `body_side`'s.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from mitmproxy import http
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import http as stock
from mitmproxy.proxy.layers.http import SendHttp
from mitmproxy.proxy.layers.http._events import (
    HttpEvent,
    RequestHeaders,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
)
from mitmproxy.proxy.layers.websocket import WebsocketLayer

from outgate.policy.decide import denial
from outgate.policy.model import Code, Defaults
from outgate.proxy import answers, changes, soundness, view, websockets
from outgate.proxy.body_side import BodySide
from outgate.proxy.commands import Ended, Limited, OutgateAdmitHook, OutgateExchangeHook, Within
from outgate.proxy.counted import Counted
from outgate.proxy.exchange import GateClient, attach
from outgate.proxy.http1 import Informational
from outgate.proxy.own_answers import AnsweringStream
from outgate.proxy.passage import outcome_of
from outgate.proxy.stages import Kept, Slowed

if TYPE_CHECKING:
    from outgate.proxy.layers import GateHttpLayer

type Commands = layer.CommandGenerator[None]


class GateStream(BodySide, AnsweringStream):
    """See the module."""

    def __init__(self, context: Context, stream_id: int, parent: GateHttpLayer) -> None:
        super().__init__(context, stream_id)
        self.parent = parent
        self.response_begun = False
        self.response_ended = False
        self.bounded = False
        self.slowed: Slowed | None = None
        """What slows the answer down, where something is to."""

    # Entry: every event comes through here.

    def handle_event(self, event: events.Event) -> Commands:
        yield from super().handle_event(event)
        if self._settled() and (self._paused is None or self.cut_off):
            yield from self.report()

    def over(self) -> bool:
        return self._settled()

    def _settled(self) -> bool:
        if self.client_state == self.state_errored or self.server_state == self.state_errored:
            return True
        return self.client_state == self.state_done and self.server_state == self.state_done and not self._upgraded()

    def _upgraded(self) -> bool:
        return bool(self._handle_event == self.passthrough)

    def report(self) -> Commands:
        """Say that the exchange is over; the layer above calls it too, for what the client left unfinished."""
        exchange = getattr(self, "exchange", None)
        if exchange is not None and not exchange.reported:
            exchange.reported = True
            if exchange.inline is not None:
                exchange.inline.give_back()
            self.parent.forget(self)
            if exchange.passage is not None:
                exchange.passage.leave()
                yield Ended(self.stream_id)
            yield OutgateExchangeHook(self.flow)

    def leave(self) -> Commands:
        """The client is gone."""
        exchange = getattr(self, "exchange", None)
        if exchange is not None and not (exchange.failure or self._upgraded() or self.whole()):
            exchange.failure, exchange.error_code = "the client went away", "client_disconnected"
        yield from self.report()

    # The request's head.

    def state_wait_for_request_headers(self, event: HttpEvent) -> Commands:
        assert isinstance(event, RequestHeaders)
        client = self.context.client
        assert isinstance(client, GateClient)
        self.exchange = client.exchange()
        self.request_ended = event.end_stream
        self._prepare(event)
        yield from super().state_wait_for_request_headers(event)

    def _prepare(self, event: RequestHeaders) -> None:
        """The flow exists before mitmproxy's own code runs, so that no hook ever sees one without an exchange."""
        if event.request.authority and not event.request.is_http2:
            self.exchange.absolute_scheme = event.request.scheme
        client = self.context.client
        replayed = client.replayed if isinstance(client, GateClient) else None
        made = replayed or http.HTTPFlow(client, self.context.server)
        attach(made, self.exchange)
        event.replay_flow = made

    def check_invalid(self, request: bool) -> Generator[commands.Command, Any, bool]:
        if not request:
            return (yield from self._check_response())
        if self.flow.request.method == "CONNECT":
            # A proxy client's first request, which was read before there was HTTP; it comes too late here.
            yield from self._refuse(
                Code.CONNECT_REFUSED, "CONNECT is for the gate's regular mode, at the beginning of a connection"
            )
            return True
        if stock.validate_request(self.mode, self.flow.request, True) is not None:
            # The reason quotes what was received, and advises to switch the check off.
            yield from self._refuse(Code.REQUEST_MALFORMED, "the request is not valid HTTP")
            return True
        if soundness.immense(self.flow.request):
            yield from self._refuse(Code.REQUEST_MALFORMED, "a body is announced of a length that cannot be")
            return True
        if len(self.flow.request.headers.fields) > (most := self.parent.limits.header_fields):
            yield Counted("header_fields")
            yield from self._refuse(Code.REQUEST_MALFORMED, f"the request has more than {most} header fields", 431)
            return True
        if self.request_ended and soundness.misses(self.flow.request, 0):
            yield from self._refuse(Code.REQUEST_MALFORMED, "a body is announced, and none is sent")
            return True
        return False

    def _refuse(self, code: Code, reason: str, status: int = 0) -> Commands:
        """Answer what is not asked of the policy. Where its message ends is not to be relied on, so nothing follows."""
        self.exchange.close = True
        decision = denial(Defaults(), code, reason)
        self.exchange.decision = replace(decision, status=status or decision.status)
        yield from self.answer(answers.denial(self.exchange.decision, ""))

    def _check_response(self) -> Generator[commands.Command, Any, bool]:
        assert self.flow.response is not None
        response = self.flow.response
        why = soundness.unsound(response, self.flow.request, ended=self.response_ended)
        if not why and response.status_code == 101 and self.client_state != self.state_done:
            why = "the origin switches protocols before it has the whole request"
        if len(response.headers.fields) > (most := self.parent.limits.header_fields):
            yield Counted("header_fields")
            why = f"the origin's answer has more than {most} header fields"
        if why:
            yield from self.stop(502, "upstream_failed", why)
        else:
            self.exchange.answered(response.http_version)
        return bool(why)

    def check_killed(self, emit_error_hook: bool) -> Generator[commands.Command, Any, bool]:
        """Asked after every hook: has anything been decided that ends this exchange?"""
        killed = yield from super().check_killed(emit_error_hook)
        if killed:
            return True
        if self.exchange.refused is not None:
            yield from self.refuse(self.exchange.refused)
            return True
        if self.exchange.failure:
            yield from self.fail()
            return True
        if self.client_state == self.state_wait_for_request_headers:
            if self.flow.response is not None:
                yield from self.answer(self.flow.response)
                return True
            if self.exchange.decision is None or not self.exchange.decision.allowed:
                yield from self.stop(500, "policy_failure", "no decision was made")
                return True
            if (yield from self._stays()):
                return True
            self.parent.note_close(self.exchange.close)
            return (yield from self.begin_body(sending=True))
        if self.flow.response is not None and not self.response_begun:
            return (yield from self.begin_body(sending=False))
        return False

    def _stays(self) -> Generator[commands.Command, Any, bool]:
        """Whether the traffic policy keeps it here: it is answered by the gate, or not at all."""
        passage, attempt = self.exchange.passage, self.exchange.attempt
        if passage is None or attempt is None:
            return False
        yield from self.start_timers()
        yield OutgateAdmitHook(self.flow)
        if self.exchange.failure:
            yield from self.fail()
            return True
        if passage.plan.answers:
            yield from self.answer(changes.answer(self.exchange))
            return True
        if passage.plan.keeps:
            self.exchange.resent = Kept(self.parent.limits.retry_body)
        if passage.trouble.bytes_per_second:
            self.slowed = Slowed(passage.trouble.bytes_per_second)
            self.exchange.response_stages.append(self.slowed)
        return False

    def state_stream_response_body(self, event: events.Event) -> Commands:
        """A response that is slowed down goes on in pieces."""
        if self.slowed is None or not isinstance(event, ResponseData):
            yield from super().state_stream_response_body(event)
            return
        for start in range(0, len(event.data), self.slowed.step):
            piece = event.data[start : start + self.slowed.step]
            yield from super().state_stream_response_body(ResponseData(self.stream_id, piece))
            if self.server_state == self.state_errored:
                return

    # The response's head.

    def state_wait_for_response_headers(self, event: HttpEvent) -> Commands:
        if isinstance(event, Informational):
            yield from self._inform(event)
            return
        if isinstance(event, ResponseHeaders) and (yield from self._another_try(event)):
            return
        self.response_ended = isinstance(event, ResponseHeaders) and event.end_stream
        yield from super().state_wait_for_response_headers(event)

    def _another_try(self, event: ResponseHeaders) -> Generator[commands.Command, Any, bool]:
        """The head of an answer has come. Whether the policy would rather have another one."""
        if self.exchange.passage is None:
            return False
        self.exchange.answered(event.response.http_version)
        outcome = outcome_of(event.response.status_code, event.response.headers, ended=event.end_stream)
        if (yield from self.tried_again(outcome, str(event.response.status_code))):
            return True
        self.tell(outcome)
        yield Within(self.stream_id, Limited.TRY, None)
        return False

    def _inform(self, event: Informational) -> Commands:
        """Hints are a kindness: left out where anything is wrong with them or could come to light by them."""
        view.clean_response(event.response)
        sound = not soundness.unsound(event.response, self.flow.request, ended=False, final=False)
        unwatched = self.exchange.hidden is None and self.exchange.inline is None
        if sound and unwatched and self.flow.request.http_version == "HTTP/1.1":
            event.response.headers.pop("content-length", None)
            yield SendHttp(event, self.context.client)

    def start_response_stream(self) -> Commands:
        if (yield from self.inspected(sending=False, whole=False)):
            return
        if self.exchange.inline is not None and self.flow.response is not None:
            self.exchange.inline.answering(self.flow.response)
        self.response_begun = True
        yield from super().start_response_stream()

    def send_response(self, already_streamed: bool = False) -> Commands:
        if not already_streamed and (yield from self.inspected(sending=False, whole=True)):
            return
        content = self.flow.response.raw_content if self.flow.response else None
        if not already_streamed and content and not self.exchange.response_limit:
            self.exchange.receives(content)
        yield from super().send_response(already_streamed)
        if self.server_state == self.state_done and self.client_state == self.state_stream_request_body:
            # The workload may be waiting for this end before it comes to its own.
            self.answered = True
            yield SendHttp(ResponseEndOfMessage(self.stream_id), self.context.client)

    def passthrough(self, event: events.Event) -> Commands:
        """What passes after the switch to WebSocket."""
        assert isinstance(self.child_layer, WebsocketLayer)
        most = self.parent.limits.websocket_message
        if not self.bounded:
            websockets.bound(self.child_layer, most)
            self._mask_frames(self.child_layer)
            self.bounded = True
        yield from super().passthrough(event)
        if (inline := self.exchange.inline) is not None and inline.stopped is not None:
            self.exchange.decision = inline.stopped
            self.exchange.failure = self.exchange.failure or inline.stopped.reason
            yield from self.break_off(self.exchange.failure)
            return
        if websockets.overflows(self.child_layer, most):
            yield Counted("websocket_message")
            self.exchange.failure = self.exchange.failure or f"a WebSocket message is longer than {most} bytes"
            yield from self.break_off(self.exchange.failure)

    def _mask_frames(self, layer: WebsocketLayer) -> None:
        """Of what no hook is called for: pings, pongs, and why it is closed."""
        hidden, inline = self.exchange.hidden, self.exchange.inline
        if hidden is not None:
            websockets.mask(layer.client_ws, hidden.mask_cut)
        if inline is not None:
            websockets.mask(layer.client_ws, partial(inline.control, sending=False))
            websockets.mask(layer.server_ws, partial(inline.control, sending=True))

    def flow_done(self) -> Commands:
        if not self.answered:
            yield from super().flow_done()
            return
        self.flow.live = False
        yield stock.DropStream(self.stream_id)
