"""HTTP/2 as mitmproxy speaks it, with real flow control: what a peer sends is acknowledged when it has been passed on.

mitmproxy opens every window to 2 GiB and acknowledges at once, so that a slow reader on the other side grows memory
without end. Owns the windows and the debts; the handler says when a debt may be settled. Knows no policy.
"""

from __future__ import annotations

import collections
from typing import Any

import h2.errors
import h2.events
import h2.exceptions
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import _http2 as stock
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import ResponseHeaders, ResponseProtocolError
from mitmproxy.proxy.layers.http._http_h2 import BufferedH2Connection

from outgate.policy.model import Code
from outgate.proxy import answers
from outgate.proxy.http1 import Rejected

type Commands = layer.CommandGenerator[None]


class WindowedConnection(BufferedH2Connection):
    """A connection whose windows bound what may be unacknowledged."""

    def __init__(self, config: Any, stream_window: int, connection_window: int) -> None:
        super().__init__(config)
        self.connection_window = connection_window
        self.local_settings.initial_window_size = stream_window
        # hyper-h2 sends the old values unless they are acknowledged here.
        self.local_settings.acknowledge()

    def initiate_connection(self) -> None:
        super(BufferedH2Connection, self).initiate_connection()
        self.increment_flow_control_window(self.connection_window - self.inbound_flow_control_window)

    def pending(self, stream_id: int) -> int:
        """Bytes of a stream that wait for the peer's window."""
        return sum(len(chunk.data) for chunk in self.stream_buffers.get(stream_id, ()))


class _FlowControl(stock.Http2Connection):
    """Debts by stream: bytes received and passed on, whose window has not been given back."""

    debts: collections.Counter[int]
    h2_conn: WindowedConnection

    def bound(self, stream_window: int, connection_window: int) -> None:
        self.h2_conn = WindowedConnection(self.h2_conf, stream_window, connection_window)
        self.debts = collections.Counter()

    def handle_h2_event(self, event: h2.events.Event) -> layer.CommandGenerator[bool]:
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

    def __init__(self, context: Context, stream_window: int, connection_window: int) -> None:
        super().__init__(context)
        self.bound(stream_window, connection_window)

    def _handle_event(self, event: events.Event) -> Commands:
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

    def protocol_error(self, message: str, error_code: int = h2.errors.ErrorCodes.PROTOCOL_ERROR) -> Commands:
        """What no stream can be told ends the connection. The message quotes headers, so it is not repeated."""
        yield Rejected(Code.REQUEST_MALFORMED, "what was received is not valid HTTP/2")
        yield from super().protocol_error(message, error_code)

    def refuse_rest(self, stream_id: int) -> None:
        """The answer is complete and what the client still sends on this stream is not wanted (RFC 9113, 8.1)."""
        if not self.is_closed(stream_id):
            self.h2_conn.reset_stream(stream_id, int(h2.errors.ErrorCodes.NO_ERROR))
        self.streams.pop(stream_id, None)

    def target(self, stream_id: int) -> int:
        """The number by which the other layers know a stream."""
        return stream_id

    def pending(self, stream_id: int) -> int:
        return self.h2_conn.pending(stream_id)


class GateHttp2Client(_FlowControl, stock.Http2Client):
    """The origin's side."""

    def __init__(self, context: Context, stream_window: int, connection_window: int) -> None:
        super().__init__(context)
        self.bound(stream_window, connection_window)
        self.h2_conn.local_settings.enable_push = 0
        self.h2_conn.local_settings.acknowledge()

    def target(self, stream_id: int) -> int:
        return self.their_stream_id.get(stream_id, -1)

    def pending(self, stream_id: int) -> int:
        ours = self.our_stream_id.get(stream_id)
        if ours is None:
            return sum(len(event.data) for event in self.stream_queue.get(stream_id, ()) if hasattr(event, "data"))
        return self.h2_conn.pending(ours)
