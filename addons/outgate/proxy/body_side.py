"""Both bodies of an exchange on their way: through awaitable stages, or held back until somebody has looked at them.

Owns how each body passes, that it has the length it announced, and where rules about live messages are asked. Answers,
and what ends an exchange, are the other half's, in `stream`.
"""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from typing import Any

from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.layers.http._events import (
    HttpEvent,
    RequestData,
    RequestEndOfMessage,
    RequestTrailers,
    ResponseData,
    ResponseEndOfMessage,
    ResponseTrailers,
)

from outgate.addon import Denied
from outgate.policy.model import Code
from outgate.proxy import soundness, trailers
from outgate.proxy.origin_side import OriginSide
from outgate.proxy.pipe import Chunk, Inspection, OutgateBodyHook, OutgateInspectHook
from outgate.proxy.stages import Stage

type Commands = layer.CommandGenerator[None]
type Asked = Generator[commands.Command, Any, bool]


class BodySide(OriginSide):
    """See the module."""

    def begin_body(self, *, sending: bool) -> Asked:
        """How a body passes is decided at its head. Whether the exchange was stopped there."""
        exchange, message = self.exchange, self.flow.request if sending else self.flow.response
        assert message is not None
        limit = exchange.body_limit if sending else exchange.response_limit
        if (inline := exchange.inline) is not None:
            stage = inline.begin(self.flow, sending=sending, whole=limit > 0)
            if (yield from self._stopped()):
                return True
            if stage is not None:
                self._stages(sending=sending).append(stage)
            elif inline.holds(sending=sending):
                limit = limit or inline.most(sending=sending)
        if not sending:
            exchange.response_limit = limit
        message.stream = not limit and (message.stream or True)
        # Of a request, what no rule lets go on is known before it has all come; nothing else is ever told of it.
        return sending and (yield from self.inspected(sending=True, whole=False))

    def _stages(self, *, sending: bool) -> list[Stage]:
        return self.exchange.request_stages if sending else self.exchange.response_stages

    def inspected(self, *, sending: bool, whole: bool | None = None) -> Asked:
        """Whether rules about live messages stop one; if not, it has become what may go on. `whole`: its body is here,
        too; by itself that of a request is, unless it is looked at as it passes."""
        inline = self.exchange.inline
        if inline is None or not inline.wants(self.flow, sending=sending):
            return False
        all_of_it = inline.holds(sending=sending) if whole is None else whole
        yield OutgateInspectHook(Inspection(self.flow, partial(inline.at, self.flow, sending=sending, whole=all_of_it)))
        return (yield from self._stopped())

    def _stopped(self) -> Asked:
        """Whether what was looked at may not go on, so that the exchange was ended."""
        inline = self.exchange.inline
        if inline is not None and inline.stopped is not None:
            yield from self.deny(inline.stopped)
            return True
        return False

    def state_stream_request_body(self, event: HttpEvent) -> Commands:
        if isinstance(event, RequestEndOfMessage):
            self.request_ended = True
        yield from self._through(event, self.exchange.request_stages, RequestData, super().state_stream_request_body)

    def state_consume_request_body(self, event: events.Event) -> Commands:
        """A request without a body, or one whose body somebody waits for."""
        if isinstance(event, RequestData):
            self.exchange.sends(event.data)
            if not (yield from self._request_held(event)):
                return
        elif isinstance(event, RequestTrailers):
            event.trailers = trailers.cleaned(event, self.exchange)
        elif isinstance(event, RequestEndOfMessage):
            self.request_ended = True
            if (yield from self._check_length(event)):
                return
        yield from super().state_consume_request_body(event)

    def _request_held(self, event: RequestData) -> Asked:
        """Whether a piece is held back with those before it. If not, it has gone another way, or nothing does."""
        exchange, inline = self.exchange, self.exchange.inline
        if exchange.body_limit and exchange.sent_bytes > exchange.body_limit:
            reason = f"the body is longer than the {exchange.body_limit} bytes that addons look at"
            yield from self.refuse(Denied("body_too_long", reason, 413))
            return False
        if inline is None or not inline.holds(sending=True):
            return True
        if exchange.body_limit or exchange.sent_bytes <= inline.most(sending=True):
            inline.hold(len(event.data))
            return not (yield from self._stopped())
        stage = inline.overflow(self.flow, sending=True)
        if stage is None:
            yield from self._stopped()
            return False
        held = RequestData(self.stream_id, bytes(self.request_body_buf) + event.data)
        self.request_body_buf.clear()
        yield from self.start_request_stream()
        if self.client_state == self.state_stream_request_body:
            exchange.request_stages.append(stage)
            yield from self._staged(held, [stage], RequestData, super().state_stream_request_body, last=False)
        return False

    def _response_held(self, event: ResponseData) -> Asked:
        """The same of an answer, which has passed the other stages by then."""
        exchange, inline = self.exchange, self.exchange.inline
        fits = exchange.received_bytes + len(event.data) <= exchange.response_limit
        if inline is None or not inline.holds(sending=False):
            if not fits:
                yield from self.stop(502, "upstream_failed", "the body is longer than what can be held")
            return fits
        if fits:
            inline.hold(len(event.data))
            return not (yield from self._stopped())
        stage = inline.overflow(self.flow, sending=False)
        if stage is None:
            yield from self._stopped()
            return False
        exchange.response_limit = self.delivered = 0
        if exchange.tap is not None:
            exchange.tap.forget_response()
        held = ResponseData(self.stream_id, bytes(self.response_body_buf))
        self.response_body_buf.clear()
        yield from self.start_response_stream()
        if self.server_state == self.state_stream_response_body:
            yield from self._staged(held, [stage], ResponseData, super().state_stream_response_body, last=False)
            exchange.response_stages.append(stage)
            if self.server_state == self.state_stream_response_body:
                yield from self.state_stream_response_body(event)
        return False

    def state_consume_response_body(self, event: events.Event) -> Commands:
        """An answer without a body, or one that is held back to be looked at."""
        if isinstance(event, ResponseData) and not (yield from self._response_held(event)):
            return
        onward = super().state_consume_response_body
        yield from self._through(event, self.exchange.response_stages, ResponseData, onward)

    def state_stream_response_body(self, event: events.Event) -> Commands:
        yield from self._through(event, self.exchange.response_stages, ResponseData, super().state_stream_response_body)

    def _through(self, event: Any, stages: list[Stage], data: type[Any], onward: Any) -> Commands:
        size = len(event.data) if isinstance(event, data) else 0
        if size and data is RequestData:
            self.exchange.sends(event.data)
        elif size:
            self.exchange.receives(event.data)
        if isinstance(event, (RequestTrailers, ResponseTrailers)):
            event.trailers = trailers.cleaned(event, self.exchange)
            if (yield from self._stopped()):
                return
        last = isinstance(event, (RequestEndOfMessage, ResponseEndOfMessage))
        if last and (yield from self._check_length(event)):
            return
        yield from self._staged(event, stages, data, onward, last=last)

    def _staged(self, event: Any, stages: list[Stage], data: type[Any], onward: Any, *, last: bool) -> Commands:
        size = len(event.data) if isinstance(event, data) else 0
        if stages and (size or last):
            chunk = Chunk(self.flow, stages, event.data if size else b"", last)
            yield OutgateBodyHook(chunk)
            if (yield from self._stopped()):
                return
            if self.exchange.failure:
                stopped = self.stop(502, "body_stage_failed", self.exchange.failure)
                yield from self.fail() if self.exchange.status else stopped
                return
            if chunk.data:
                self._passes(data, chunk.data)
                yield from onward(data(self.stream_id, chunk.data))
            if not last:
                return
        elif size:
            self._passes(data, event.data)
        if last:
            self._passed(data)
        yield from onward(event)

    def _passes(self, data: type[Any], piece: bytes) -> None:
        if data is ResponseData:
            self.delivered += len(piece)
        self.exchange.passes(piece, sending=data is RequestData)

    def _passed(self, data: type[Any]) -> None:
        """The body has passed: whoever wanted it kept may look at it."""
        if data is ResponseData and self.exchange.tap is not None:
            self.exchange.tap.response.ended = True
        if data is RequestData and self.exchange.request_kept is not None:
            self.flow.request.data.content = self.exchange.request_kept.whole
        elif data is ResponseData and self.exchange.response_kept is not None and self.flow.response is not None:
            self.flow.response.data.content = self.exchange.response_kept.whole

    def _check_length(self, event: HttpEvent) -> Generator[commands.Command, Any, bool]:
        """Whether a body had another length than it announced, so that the exchange was stopped."""
        request, response = self.flow.request, self.flow.response
        if isinstance(event, RequestEndOfMessage):
            if missed := soundness.misses(request, self.exchange.sent_bytes):
                yield from self.stop(400, str(Code.REQUEST_MALFORMED), "the body is not as long as it announced")
            return missed
        if response is None or soundness.ends_with_head(response, request):
            return False
        if missed := soundness.misses(response, self.exchange.received_bytes):
            yield from self.stop(502, "upstream_failed", "the origin's body is not as long as it announced")
        return missed
