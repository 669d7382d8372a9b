"""HTTP/1 as mitmproxy speaks it, with what it lacks: trailers, informational responses, a bound on heads, clean closes.

Owns the two subclasses of mitmproxy's HTTP/1 connections. Policy is not known here; answers to broken requests are
rendered by `answers`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import h11
from h11._receivebuffer import ReceiveBuffer
from mitmproxy import http
from mitmproxy.connection import ConnectionState
from mitmproxy.net.http import http1
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import _http1 as stock
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    HttpEvent,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
    RequestTrailers,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
    ResponseTrailers,
)

from outgate.policy.model import Code
from outgate.proxy import answers
from outgate.proxy.commands import Abort, LingeringClose, Rejected, Release
from outgate.proxy.counted import Counted
from outgate.proxy.exchange import GateClient
from outgate.proxy.soundness import MOST, REQUEST_LINE, STATUS_LINE, unfold, well_formed

type Commands = layer.CommandGenerator[None]

VERSIONS = (b"HTTP/1.0", b"HTTP/1.1")


class _Trailers:
    """Reading and writing of trailers, for either side."""

    trailers_out: http.Headers | None = None

    def read_body(self: Any, event: events.Event) -> Commands:
        for message in self.messages(event):
            if isinstance(message, h11.Data):
                if message.data:
                    yield ReceiveHttp(self.ReceiveData(self.stream_id, bytes(message.data)))
                continue
            if message.headers:
                received = http.Headers([(bytes(name), bytes(value)) for name, value in message.headers])
                yield ReceiveHttp(self.receive_trailers(self.stream_id, received))
            if isinstance(self, GateHttp1Client):
                # The origin's connection is released first: what follows may need one.
                yield from self.mark_done(response=True, ending=True)
            else:
                yield ReceiveHttp(self.ReceiveEndOfMessage(self.stream_id))
                yield from self.mark_done(request=True)
            return
        if self.broken_body:
            yield commands.CloseConnection(self.conn)
            error = self.ReceiveProtocolError(self.stream_id, self.broken_body, code=self.ReceiveProtocolError.code)
            yield ReceiveHttp(error)

    broken_body = ""

    def messages(self: Any, event: events.Event) -> Any:
        closed = isinstance(event, events.ConnectionClosed)
        if closed and getattr(self.conn, "broken", False):
            self.broken_body = "the body breaks off"
            return
        while True:
            try:
                message = self.body_reader.read_eof() if closed else self.body_reader(self.buf)
            except h11.ProtocolError:
                # What could not be read is not repeated into messages and logs.
                self.broken_body = "the body ends early" if closed else "the body is not valid HTTP/1"
                return
            if message is None:
                self.broken_body = overlong(self.body_reader, self.buf, self.header_bytes)
                return
            yield message

    def end_with_trailers(self: Any) -> bytes:
        trailers, self.trailers_out = self.trailers_out, None
        return b"0\r\n" + bytes(trailers) + b"\r\n" if trailers else b"0\r\n\r\n"


def overlong(body_reader: object, buffer: ReceiveBuffer, most: int) -> str:
    """What is longer than it may be in a body that is being read; empty where nothing is. Bytes of a body are taken as
    they come, so what lies in the buffer begins a chunk or is a trailer."""
    if getattr(body_reader, "_bytes_in_chunk", 0) > MOST:
        return "a chunk is announced of a length that cannot be"
    if len(buffer) > most:
        return f"a chunk's head or the trailers are longer than {most} bytes"
    return ""


def response_head(lines: list[bytes]) -> http.Response:
    """Raises `ValueError`."""
    if not well_formed(lines, STATUS_LINE):
        raise ValueError("not HTTP/1")
    response = http1.read_response_head(lines)
    if response.data.http_version not in VERSIONS:
        raise ValueError("not HTTP/1")
    response.headers = unfold(response.headers)
    return response


def authenticates_connection(message: http.Message) -> bool:
    """NTLM and Negotiate make the connection itself somebody's, so that it cannot be anybody else's."""
    said = message.headers.get("authorization", "") + message.headers.get("www-authenticate", "")
    return "ntlm" in said.lower() or "negotiate" in said.lower()


def _chunked(message: http.Message | None) -> bool:
    return message is not None and "chunked" in message.headers.get("transfer-encoding", "").lower()


def _framed[M: http.Message](message: M) -> M:
    """HTTP/2 ends a body unannounced. Without a frame in HTTP/1, a body would be read as the next message."""
    if not message.is_http2 or "content-length" in message.headers:
        return message
    framed = message.copy()
    framed.headers["transfer-encoding"] = "chunked"
    return framed


def _unchunked(response: http.Response) -> http.Response:
    plain = response.copy()
    plain.headers.pop("transfer-encoding", None)
    return plain


class GateHttp1Server(_Trailers, stock.Http1Server):
    """The workload's side."""

    receive_trailers = RequestTrailers

    def __init__(self, context: Context, header_bytes: int) -> None:
        super().__init__(context)
        self.header_bytes = header_bytes
        self.close_after = False
        """Set by the stream when the workload asked to close; the header itself is not forwarded."""
        self.ended = False
        """The workload has said all, and waits for its answer."""

    @property
    def pipelined(self) -> int:
        """Bytes that came in while an earlier request is still being answered."""
        return len(self.buf) if self.request_done else 0

    @property
    def unfinished(self) -> bool:
        """Whether something was received that has not become a request."""
        return len(self.buf) > 0

    @property
    def heading(self) -> bool:
        """Whether part of a request's head has come, and not all of it."""
        return self.state == self.read_headers and len(self.buf) > 0

    def send(self, event: HttpEvent) -> Commands:
        if isinstance(event, ResponseTrailers):
            self.trailers_out = event.trailers if _chunked(self.response) else None
        elif isinstance(event, ResponseEndOfMessage):
            if self.response is not None and _chunked(self.response) and not self._bodiless(self.response):
                yield commands.SendData(self.conn, self.end_with_trailers())
            yield from self.mark_done(response=True)
        elif isinstance(event, ResponseData) and self.response is not None and self._bodiless(self.response):
            return  # the workload would read it as its next answer
        elif isinstance(event, ResponseHeaders) and event.response.status_code < 200:
            yield from self._send_informational(event)
        elif isinstance(event, ResponseHeaders):
            yield from super().send(replace(event, response=self._delimited(event.response)))
        elif isinstance(event, ResponseProtocolError):
            yield from self._send_error(event)
        else:
            yield from super().send(event)

    def _bodiless(self, response: http.Response) -> bool:
        """Whether an answer ends with its head in HTTP/1, whatever the origin sends after it."""
        asked = self.request is not None and self.request.method.upper() == "HEAD"
        return asked or response.status_code in (204, 304)

    def _delimited(self, response: http.Response) -> http.Response:
        """As this client can be told where it ends: HTTP/1.0 knows no chunks, and reads until the close."""
        if self.request is not None and self.request.http_version != "HTTP/1.1":
            return _unchunked(response)
        return response if self.request is None or self._bodiless(response) else _framed(response)

    def _send_informational(self, event: ResponseHeaders) -> Commands:
        if event.response.status_code == 101:
            yield from super().send(event)
        else:
            yield commands.SendData(self.conn, http1.assemble_response_head(event.response))

    def _send_error(self, event: ResponseProtocolError) -> Commands:
        if not self.conn.state & ConnectionState.CAN_WRITE:
            return
        status = event.code.http_status_code()
        if not self.response and status is not None:
            code = Code.REQUEST_MALFORMED if status < 500 else None
            yield commands.SendData(self.conn, http1.assemble_response(answers.broken(status, code, event.message)))
            yield LingeringClose(self.conn)
        else:
            yield Abort(self.conn)

    def read_headers(self, event: events.ConnectionEvent) -> Commands:
        if not isinstance(event, events.DataReceived):
            yield commands.CloseConnection(self.conn)
            return
        head: list[bytearray] | None = []
        while head == []:  # empty lines before a request mean nothing (RFC 9112, 2.2)
            head = self.buf.maybe_extract_lines()
        if head is None:
            if len(self.buf) > self.header_bytes:
                yield from self._refuse(431, f"the request head is longer than {self.header_bytes} bytes")
            return
        lines = [bytes(line) for line in head]
        if sum(map(len, lines)) > self.header_bytes:
            yield from self._refuse(431, f"the request head is longer than {self.header_bytes} bytes")
            return
        yield from self._begin(lines, event)

    def _begin(self, lines: list[bytes], event: events.DataReceived) -> Commands:
        try:
            if not well_formed(lines, REQUEST_LINE):
                raise ValueError("the request head is not written as RFC 9112 has it")
            self.request = http1.read_request_head(lines)
            size = http1.expected_http_body_size(self.request)
        except (ValueError, IndexError) as error:
            # The parser quotes what it could not read: for whoever sent it, and not for the log.
            yield from self._refuse(400, "the request head is not valid HTTP/1", str(error))
            return
        if self.request.data.http_version not in VERSIONS:
            yield from self._refuse(505, "the request is neither HTTP/1.0 nor HTTP/1.1")
            return
        yield ReceiveHttp(RequestHeaders(self.stream_id, self.request, size == 0))
        self.body_reader = stock.make_body_reader(size)
        self.state = self.read_body
        yield from self.state(event)

    def _refuse(self, status: int, reason: str, detail: str = "") -> Commands:
        self.state = self.done
        if status == 431:
            yield Counted("header_bytes")
        yield Rejected(Code.REQUEST_MALFORMED, reason)
        answer = answers.broken(status, Code.REQUEST_MALFORMED, detail or reason)
        yield commands.SendData(self.conn, http1.assemble_response(answer))
        yield LingeringClose(self.conn)

    def mark_done(self, *, request: bool = False, response: bool = False) -> Commands:
        ending = (self.response_done or response) and (self.request_done or request)
        if ending and self.close_after and self.response is not None and self.response.status_code != 101:
            self.state = self.done
            yield commands.CloseConnection(self.conn)
            return
        yield from super().mark_done(request=request, response=response)
        if ending and self.ended:
            yield from self.state(events.ConnectionClosed(self.conn))

    def wait(self, event: events.Event) -> Commands:
        """Who has ended its own side only is answered all the same."""
        client = self.context.client
        if isinstance(event, events.ConnectionClosed) and isinstance(client, GateClient) and client.listens():
            self.ended = True
        else:
            yield from super().wait(event)

    def done(self, event: events.ConnectionEvent) -> Commands:
        yield from ()


class GateHttp1Client(_Trailers, stock.Http1Client):
    """The origin's side. Says when its connection can serve the next exchange."""

    receive_trailers = ResponseTrailers

    def __init__(self, context: Context, header_bytes: int, on_informational: Callable[[http.Response], bool]) -> None:
        super().__init__(context)
        self.header_bytes = header_bytes
        self.on_informational = on_informational
        self.closing = False
        """The origin said that it closes; the field itself is not passed on."""

    def send(self, event: HttpEvent) -> Commands:
        if isinstance(event, RequestProtocolError):
            self.state = self.done
            yield commands.CloseConnection(self.conn)
        elif isinstance(event, RequestHeaders) and not event.end_stream:
            yield from super().send(replace(event, request=_framed(event.request)))
        elif isinstance(event, RequestTrailers):
            self.trailers_out = event.trailers if _chunked(self.request) else None
        elif isinstance(event, RequestEndOfMessage) and _chunked(self.request):
            yield commands.SendData(self.conn, self.end_with_trailers())
            yield from self.mark_done(request=True)
        else:
            yield from super().send(event)

    def read_headers(self, event: events.ConnectionEvent) -> Commands:
        if self.request is None or not isinstance(event, events.DataReceived):
            # What an origin sent is not repeated into messages and logs.
            self.buf = ReceiveBuffer()
            yield from super().read_headers(event)
            return
        while self.state == self.read_headers:
            head = self.buf.maybe_extract_lines()
            if (len(self.buf) if head is None else sum(map(len, head))) > self.header_bytes:
                yield Counted("header_bytes")
                yield from self._broken(f"the response head is longer than {self.header_bytes} bytes")
            elif head is None:
                return
            else:
                yield from self._begin([bytes(line) for line in head], event)

    def _begin(self, lines: list[bytes], event: events.DataReceived) -> Commands:
        """Of the answers before the final one, pass 103 on and swallow the others; mitmproxy would take each for it."""
        assert self.stream_id is not None
        assert self.request is not None
        try:
            response = response_head(lines)
            size = http1.expected_http_body_size(self.request, response)
        except (ValueError, IndexError):
            yield from self._broken("the response head is not valid HTTP/1")
            return
        if 100 <= response.status_code < 200 and response.status_code != 101:
            if response.status_code == 103 and self.on_informational(response):
                yield ReceiveHttp(Informational(self.stream_id, response))
            return
        self.response = response
        self.closing = http1.connection_close(response.http_version, response.headers)
        self.body_reader = stock.make_body_reader(size)
        self.state = self.read_body
        yield ReceiveHttp(ResponseHeaders(self.stream_id, response, size == 0))
        yield from self.state(event)

    def _broken(self, reason: str) -> Commands:
        assert self.stream_id is not None
        self.state = self.done
        yield commands.CloseConnection(self.conn)
        yield ReceiveHttp(ResponseProtocolError(self.stream_id, reason, ErrorCode.GENERIC_SERVER_ERROR))

    def mark_done(self, *, request: bool = False, response: bool = False, ending: bool = False) -> Commands:
        self.request_done = self.request_done or request
        self.response_done = self.response_done or response
        complete = self.request_done and self.response_done
        switching = self.response is not None and self.response.status_code == 101
        if complete and not switching:
            yield from self._finish()
        elif self.response_done and not switching:
            self.state = self.done  # answered before the request was whole; only its rest is still written
        if ending:
            assert self.stream_id is not None
            yield ReceiveHttp(ResponseEndOfMessage(self.stream_id))
        if complete and switching and self.state != self.done:
            # Only now is there something that understands what the origin sent behind its answer.
            yield from self.make_pipe()

    def _finish(self) -> Commands:
        assert self.request
        assert self.response
        if not self.closing and not self.buf and self._reusable(self.request, self.response):
            yield Release(self.conn)
        else:
            yield commands.CloseConnection(self.conn)
        self.state = self.done

    def done(self, event: events.ConnectionEvent) -> Commands:
        """What an origin sends behind its answer belongs to nobody."""
        if isinstance(event, events.DataReceived):
            self.closing, self.buf = True, ReceiveBuffer()
        yield from ()

    @staticmethod
    def _reusable(request: http.Request, response: http.Response) -> bool:
        try:
            until_close = http1.expected_http_body_size(request, response) == -1
        except ValueError:
            return False
        if authenticates_connection(request) or authenticates_connection(response):
            return False
        return not until_close and request.http_version != "HTTP/1.0"


class Informational(ResponseHeaders):
    """A 103 on its way to the workload; it ends nothing."""
