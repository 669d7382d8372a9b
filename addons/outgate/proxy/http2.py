"""HTTP/2 as mitmproxy speaks it, with real flow control: what a peer sends is acknowledged when it has been passed on.

mitmproxy opens every window to 2 GiB and acknowledges at once, so that a slow reader on the other side grows memory
without end. It also ends every stream of a connection where one is too many, or where the peer says goodbye in good
order, and remembers all that there ever were. Owns the windows and the debts; the handler says when a debt may be
settled. Knows no policy. What a peer sent is not repeated into messages and logs.
"""

from __future__ import annotations

import collections
import time
from dataclasses import dataclass
from typing import Any

import h2.connection
import h2.errors
import h2.events
import h2.exceptions
from h2.stream import StreamClosedBy
from hyperframe.frame import Frame, GoAwayFrame, HeadersFrame, RstStreamFrame
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import _http2 as stock
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestHeaders,
    ResponseHeaders,
    ResponseProtocolError,
)
from mitmproxy.proxy.layers.http._http_h2 import BufferedH2Connection

from outgate.policy.model import Code
from outgate.proxy import answers
from outgate.proxy.commands import Rejected
from outgate.proxy.counted import Counted
from outgate.settings import Limits

type Commands = layer.CommandGenerator[None]
type Received = tuple[list[Frame], list[h2.events.Event]]

FRAME = 16384
"""Bytes that a frame may hold whatever the peer's settings, also when they change while it waits."""
REMEMBERED = 256
"""Streams looked after before those that are over are forgotten."""
IN_GOOD_ORDER = int(h2.errors.ErrorCodes.NO_ERROR)
REFUSED = int(h2.errors.ErrorCodes.REFUSED_STREAM)
CALM = int(h2.errors.ErrorCodes.ENHANCE_YOUR_CALM)
SPELL = 10.0
"""Seconds over which resets are counted."""


@dataclass
class Resets:
    """Streams that ended by a reset, by whomever: each was work for an origin, and opening another costs nothing."""

    most: int
    count: int = 0
    since: float = 0.0

    def too_many(self, now: float) -> bool:
        """Note one more, at a moment in seconds."""
        if now - self.since > SPELL:
            self.count, self.since = 0, now
        self.count += 1
        return self.count > self.most


class Unprocessed(ResponseProtocolError):
    """An origin that says that it has not begun with a request: it may be sent again, whatever it does."""


class WindowedConnection(BufferedH2Connection):
    """A connection whose windows bound what may be unacknowledged."""

    def __init__(self, config: Any, limits: Limits) -> None:
        super().__init__(config)
        self.connection_window = limits.connection_window
        self.refused = 0
        """Streams that were one too many."""
        self.last_stream: int | None = None
        """Once a goodbye was said: no later stream is begun."""
        self.local_settings.initial_window_size = limits.stream_window
        self.local_settings.max_concurrent_streams = limits.streams
        self.local_settings.max_header_list_size = self.decoder.max_header_list_size = limits.header_bytes
        # hyper-h2 sends the old values unless they are acknowledged here.
        self.local_settings.acknowledge()

    def initiate_connection(self) -> None:
        super(BufferedH2Connection, self).initiate_connection()
        if (more := self.connection_window - self.inbound_flow_control_window) > 0:  # HTTP/2 begins with 65535
            self.increment_flow_control_window(more)

    def pending(self, stream_id: int) -> int:
        """Bytes of a stream that wait for the peer's window."""
        return sum(len(chunk.data) for chunk in self.stream_buffers.get(stream_id, ()))

    def send_data(self, stream_id: int, data: Any, end_stream: bool = False, pad_length: None = None) -> None:
        for start in range(0, len(data) or 1, FRAME):
            super().send_data(stream_id, data[start : start + FRAME], end_stream and start + FRAME >= len(data))

    def reset_stream(self, stream_id: int, error_code: int = 0) -> None:
        self.stream_trailers.pop(stream_id, None)
        super().reset_stream(stream_id, error_code)

    def _receive_headers_frame(self, frame: HeadersFrame) -> Received:
        """One stream too many, or after our goodbye, is refused, and the others go on (RFC 9113, 5.1.2)."""
        begins = frame.stream_id > self.highest_inbound_stream_id and frame.stream_id % 2
        if self.last_stream is None or not begins:
            try:
                return super()._receive_headers_frame(frame)
            except h2.exceptions.TooManyStreamsError:
                if not begins:
                    raise
        h2.connection._decode_headers(self.decoder, frame.data)  # or the next ones could not be read
        self.refused += 1
        self.highest_inbound_stream_id = frame.stream_id
        self._closed_streams[frame.stream_id] = StreamClosedBy.SEND_RST_STREAM
        return [RstStreamFrame(frame.stream_id, error_code=REFUSED)], []

    def say_goodbye(self) -> None:
        """Serve what was begun and nothing later; hyper-h2's own goodbye is for both at once."""
        if self.last_stream is None:
            self.last_stream = self.highest_inbound_stream_id
            frame = GoAwayFrame(0, last_stream_id=self.last_stream, error_code=IN_GOOD_ORDER)
            self._prepare_for_sending([frame])

    def _receive_goaway_frame(self, frame: GoAwayFrame) -> Received:
        """A peer that closes in good order still serves what it has begun; hyper-h2 would not listen any more."""
        if frame.error_code != IN_GOOD_ORDER:
            return super()._receive_goaway_frame(frame)
        event = h2.events.ConnectionTerminated()
        event.error_code, event.last_stream_id = h2.errors.ErrorCodes.NO_ERROR, frame.last_stream_id
        event.additional_data = None
        return [], [event]


class _FlowControl(stock.Http2Connection):
    """Debts by stream: bytes received and passed on, whose window has not been given back."""

    debts: collections.Counter[int]
    h2_conn: WindowedConnection

    def bound(self, limits: Limits) -> None:
        self.h2_conn = WindowedConnection(self.h2_conf, limits)
        self.debts = collections.Counter()

    def handle_h2_event(self, event: h2.events.Event) -> layer.CommandGenerator[bool]:
        if isinstance(event, h2.events.RequestReceived | h2.events.ResponseReceived):
            self._forget_some()
        if not isinstance(event, h2.events.DataReceived):
            return (yield from super().handle_h2_event(event))
        assert event.stream_id is not None
        state = self.streams.get(event.stream_id)
        if state is stock.StreamState.EXPECTING_HEADERS:
            yield from self.protocol_error("received an HTTP/2 data frame before the headers")
            return True
        self.debts[event.stream_id] += event.flow_controlled_length or 0
        if state is stock.StreamState.HEADERS_RECEIVED and event.data:
            yield ReceiveHttp(self.ReceiveData(event.stream_id, bytes(event.data)))
        return False

    def _forget_some(self) -> None:
        if len(self.streams) > REMEMBERED:
            for stream_id in [number for number in self.streams if self.is_closed(number)]:
                del self.streams[stream_id]

    def settle(self, stream_id: int) -> bytes:
        """Give the window of a stream back. Returns what has to be sent."""
        owed = self.debts.pop(stream_id, 0)
        if owed:
            try:
                self.h2_conn.acknowledge_received_data(owed, stream_id)
            except h2.exceptions.ProtocolError:  # the connection or stream is gone, and the debt with it
                return b""
        return self.h2_conn.data_to_send()


class GateHttp2Server(_FlowControl, stock.Http2Server):
    """The workload's side."""

    def __init__(self, context: Context, limits: Limits) -> None:
        super().__init__(context)
        self.bound(limits)
        self.resets = Resets(limits.stream_resets)
        self.unwanted: dict[int, int] = {}
        """Streams that were answered before their request was whole, and how many bytes they have sent since."""
        self.most_unwanted = limits.connection_window
        self.owed: dict[int, float] = {}
        """Streams whose request is not whole, and since when they may go on with it, by the monotonic clock."""

    def _handle_event(self, event: events.Event) -> Commands:
        yield from self._answer(event)
        if self.h2_conn.refused:
            refused, self.h2_conn.refused = self.h2_conn.refused, 0
            for _ in range(refused):
                yield Counted("streams_refused")

    def _answer(self, event: events.Event) -> Commands:
        if isinstance(event, ResponseHeaders) and event.response.status_code < 200:
            return  # not every HTTP/2 client takes an informational response, and none needs one
        if isinstance(event, ResponseProtocolError) and self._can_answer(event):
            yield from self._send_error(event)
        else:
            yield from super()._handle_event(event)

    def _can_answer(self, event: ResponseProtocolError) -> bool:
        if event.code.http_status_code() is None or not self.is_open_for_us(event.stream_id):
            return False
        return not self.h2_conn.streams[event.stream_id].state_machine.headers_sent

    def _send_error(self, event: ResponseProtocolError) -> Commands:
        status = event.code.http_status_code()
        assert status is not None
        response = answers.broken(status, None, event.message)
        fields = [(name.lower(), value) for name, value in response.headers.fields if name.lower() != b"connection"]
        self.h2_conn.send_headers(event.stream_id, [(b":status", b"%d" % status), *fields])
        self.h2_conn.send_data(event.stream_id, response.raw_content or b"", end_stream=True)
        yield commands.SendData(self.conn, self.h2_conn.data_to_send())

    def handle_h2_event(self, event: h2.events.Event) -> layer.CommandGenerator[bool]:
        self._note(event)
        if isinstance(event, h2.events.ConnectionTerminated) and event.error_code == IN_GOOD_ORDER:
            return False  # the workload asks for nothing more, and waits for what it has asked for
        if isinstance(event, h2.events.DataReceived) and event.stream_id in self.unwanted:
            self._swallow(event)
        elif isinstance(event, h2.events.StreamEnded):
            self.unwanted.pop(event.stream_id or 0, None)
        elif isinstance(event, h2.events.StreamReset) and self._floods(event):
            yield Counted("stream_resets")
            yield from self.protocol_error("", CALM)
            return True
        return (yield from super().handle_h2_event(event))

    def settle(self, stream_id: int) -> bytes:
        if stream_id in self.owed and self.debts[stream_id]:
            self.owed[stream_id] = time.monotonic()  # until now it may have had to wait for us
        return super().settle(stream_id)

    def _note(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            self.owed[event.stream_id or 0] = time.monotonic()
        elif isinstance(event, h2.events.DataReceived) and event.stream_id in self.owed and event.data:
            self.owed[event.stream_id] = time.monotonic()
        elif isinstance(event, h2.events.StreamEnded | h2.events.StreamReset):
            self.owed.pop(event.stream_id or 0, None)

    def _floods(self, event: h2.events.StreamReset) -> bool:
        """Whether this is one reset too many. Who has its answer may well give up what it was still sending."""
        answered = self.unwanted.pop(event.stream_id or 0, None) is not None
        return not answered and self.resets.too_many(time.monotonic())

    def _swallow(self, event: h2.events.DataReceived) -> None:
        assert event.stream_id is not None
        self.unwanted[event.stream_id] += len(event.data or b"")
        if self.unwanted[event.stream_id] > self.most_unwanted and not self.is_closed(event.stream_id):
            del self.unwanted[event.stream_id]
            self.h2_conn.reset_stream(event.stream_id, IN_GOOD_ORDER)

    def protocol_error(self, message: str, error_code: int = h2.errors.ErrorCodes.PROTOCOL_ERROR) -> Commands:
        """What no stream can be told ends the connection. The message quotes headers, so it is not repeated."""
        yield Rejected(Code.REQUEST_MALFORMED, "what was received is not valid HTTP/2")
        yield from super().protocol_error("what was received is not valid HTTP/2", error_code)

    def farewell(self) -> bytes:
        """The gate is stopping. Returns what has to be sent."""
        self.h2_conn.say_goodbye()
        return self.h2_conn.data_to_send()

    @property
    def unfinished(self) -> bool:
        """Whether part of an answer waits for the workload's window."""
        return any(self.h2_conn.stream_buffers.values())

    def refuse(self, stream_id: int) -> Commands:
        """Begin nothing for a stream."""
        if not self.is_closed(stream_id):
            self.h2_conn.reset_stream(stream_id, REFUSED)
        self.streams.pop(stream_id, None)
        yield commands.SendData(self.conn, self.h2_conn.data_to_send())

    def refuse_rest(self, stream_id: int) -> None:
        """The answer is complete and what the client still sends on this stream is not wanted.

        It may be reset for that at once (RFC 9113, 8.1), but then clients lose the answer, curl among them. So some of
        it is swallowed first.
        """
        if not self.is_closed(stream_id):
            self.unwanted[stream_id] = 0

    def target(self, stream_id: int) -> int:
        """The number by which the other layers know a stream."""
        return stream_id

    def pending(self, stream_id: int) -> int:
        return self.h2_conn.pending(stream_id)


class _Numbers(dict[int, int]):
    """Stream numbers of an origin to those of the workload; 0, which is nobody's, for what is forgotten."""

    def __missing__(self, number: int) -> int:
        return 0


class GateHttp2Client(_FlowControl, stock.Http2Client):
    """The origin's side."""

    def __init__(self, context: Context, limits: Limits) -> None:
        super().__init__(context)
        self.bound(limits)
        self.h2_conn.local_settings.enable_push = 0
        self.h2_conn.local_settings.acknowledge()
        self.their_stream_id = _Numbers()
        self.leaving = False
        """Whether the origin takes no further streams on this connection."""

    def _handle_event(self, event: events.Event) -> Commands:
        if self.leaving and isinstance(event, RequestHeaders):
            yield ReceiveHttp(_unprocessed(event.stream_id))
            return
        yield from super()._handle_event(event)
        if self.leaving:
            yield from self._leave()

    def handle_h2_event(self, event: h2.events.Event) -> layer.CommandGenerator[bool]:
        if isinstance(event, h2.events.ConnectionTerminated):
            return (yield from self._goodbye(event))
        if isinstance(event, h2.events.StreamReset) and event.error_code == REFUSED and event.stream_id in self.streams:
            del self.streams[event.stream_id]
            yield ReceiveHttp(_unprocessed(event.stream_id))
            return False
        return (yield from super().handle_h2_event(event))

    def _goodbye(self, event: h2.events.ConnectionTerminated) -> layer.CommandGenerator[bool]:
        if event.error_code != IN_GOOD_ORDER:
            yield from self.close_connection("the origin ended the HTTP/2 connection")
            return True
        self.leaving = True
        last = event.last_stream_id or 0
        for stream_id in [number for number in self.streams if number > last]:
            del self.streams[stream_id]
            yield ReceiveHttp(_unprocessed(stream_id))
        return False

    def _leave(self) -> Commands:
        """What waits for a free stream will not get one; with the last stream the connection ends."""
        while self.stream_queue:
            number, _ = self.stream_queue.popitem()
            yield ReceiveHttp(_unprocessed(number))
        if all(map(self.is_closed, self.streams)):
            self.leaving = False
            self.streams.clear()
            yield from self.close_connection("the origin closed the HTTP/2 connection")

    def protocol_error(self, message: str, error_code: int = h2.errors.ErrorCodes.PROTOCOL_ERROR) -> Commands:
        yield from super().protocol_error("what the origin sent is not valid HTTP/2", error_code)

    def forget(self, stream_id: int) -> None:
        """A stream of the workload's is over, in whatever way."""
        ours = self.our_stream_id.pop(stream_id, None)
        if ours is not None:
            self.their_stream_id.pop(ours, None)

    def target(self, stream_id: int) -> int:
        return self.their_stream_id.get(stream_id, -1)

    def pending(self, stream_id: int) -> int:
        ours = self.our_stream_id.get(stream_id)
        if ours is None:
            return sum(len(event.data) for event in self.stream_queue.get(stream_id, ()) if hasattr(event, "data"))
        return self.h2_conn.pending(ours)


def _unprocessed(stream_id: int) -> Unprocessed:
    return Unprocessed(stream_id, "the origin did not begin with the request", ErrorCode.GENERIC_SERVER_ERROR)
