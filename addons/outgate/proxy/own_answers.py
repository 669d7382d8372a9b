"""What the workload is told where it is the gate that ends an exchange, in any state of it.

Owns that there is an answer as long as none has begun, and that what cannot be finished does not look finished. Texts
are `answers`'s.
"""

from __future__ import annotations

from mitmproxy import flow, http
from mitmproxy.proxy import layer
from mitmproxy.proxy.layers import http as stock
from mitmproxy.proxy.layers.http import SendHttp
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
)
from mitmproxy.proxy.layers.http._hooks import HttpErrorHook

from outgate.addon import Denied
from outgate.policy.model import Decision
from outgate.proxy import answers
from outgate.proxy.timed import TimedStream
from outgate.proxy.tries import flag_of, told_flags

type Commands = layer.CommandGenerator[None]


class AnsweringStream(TimedStream):
    """See the module."""

    def answer(self, response: http.Response) -> Commands:
        """Answer now, in any state before the response began; the body is not waited for."""
        self.flow.response = response
        self.flow.live = False
        self.response_begun = True
        content = b"" if self.flow.request.method.upper() == "HEAD" else (response.raw_content or b"")
        unread = not self.request_ended and self.client_state != self.state_done
        self.client_state = self.server_state = self.state_errored
        if unread or self.exchange.close:
            self.parent.close_after_answer(response, unread)
        yield SendHttp(ResponseHeaders(self.stream_id, response, not content), self.context.client)
        if content:
            yield SendHttp(ResponseData(self.stream_id, content), self.context.client)
        yield SendHttp(ResponseEndOfMessage(self.stream_id), self.context.client)
        yield from self.parent.end_answer(self.stream_id, unread)
        yield from self.drop_origin()
        yield stock.DropStream(self.stream_id)

    def stop(self, status: int, code: str, reason: str) -> Commands:
        """End the exchange: an answer where none has begun, else the connection breaks off visibly."""
        self.exchange.failure = self.exchange.failure or reason
        self.exchange.error_code = code
        host, grpc = self._asked()
        flags = told_flags(self.exchange.flags, flag_of(code))
        yield from self._end(reason, answers.failure(status, code, reason, host, flags, grpc=grpc))

    def refuse(self, denied: Denied) -> Commands:
        """As `stop`, because an addon denied it."""
        self.exchange.refused, self.exchange.error_code = denied, denied.code
        host, grpc = self._asked()
        yield from self._end(denied.reason, answers.refused(denied, host, grpc=grpc))

    def deny(self, decision: Decision) -> Commands:
        """As `stop`, because the policy denies what has become of the request."""
        self.exchange.decision = decision
        host, grpc = self._asked()
        yield from self._end(decision.reason, answers.denial(decision, host, grpc=grpc))

    def _asked(self) -> tuple[str, bool]:
        attempt = self.exchange.attempt
        return (attempt.host or "", attempt.grpc) if attempt else ("", False)

    def _end(self, reason: str, response: http.Response) -> Commands:
        self.flow.error = flow.Error(reason)
        hook = HttpErrorHook(self.flow)
        hook.blocking = False
        yield hook
        if self.response_begun or self._handle_event == self.passthrough:
            yield from self.break_off(reason)
        else:
            yield from self.answer(response)

    def fail(self) -> Commands:
        """Stop for what is noted in the exchange."""
        if self.exchange.answered_with is not None:
            host, grpc = self._asked()
            flags = told_flags(self.exchange.flags, flag_of(self.exchange.error_code))
            made = answers.limited(self.exchange.answered_with, host, flags, grpc=grpc)
            yield from self._end(self.exchange.failure, made)
            return
        status, code = self.exchange.status, self.exchange.error_code
        yield from self.stop(status or 500, code if status else "policy_failure", self.exchange.failure)

    def break_off(self, reason: str) -> Commands:
        """The response cannot be finished and must not look finished."""
        self.client_state = self.server_state = self.state_errored
        self.flow.live = False
        yield SendHttp(ResponseProtocolError(self.stream_id, reason, ErrorCode.KILL), self.context.client)
        yield from self.drop_origin()
        yield stock.DropStream(self.stream_id)
