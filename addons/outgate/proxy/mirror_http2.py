"""One copy of a request over a connection of HTTP/2 that is its own.

Owns what is said on it. That it is opened, how long it may take and what comes of it is `mirroring`'s.
"""

from __future__ import annotations

import h2.config
import h2.connection
import h2.events
from mitmproxy import http

from outgate.policy.headers import HOP_BY_HOP
from outgate.upstream.connection import Connection

STREAM = 1
READ = 64 * 1024
APART = HOP_BY_HOP | {"host", "content-length", "transfer-encoding"}


async def send(request: http.Request, origin: Connection, *, tls: bool) -> None:
    """Send it and hear the answer to its end. Raises `ConnectionError` where there is none, `H2Error` where what comes
    is no HTTP/2."""
    wire = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding=False))
    wire.initiate_connection()
    body = memoryview(request.raw_content or b"")
    wire.send_headers(STREAM, _head(request, tls=tls), end_stream=not body)
    sent = _pushed(wire, body) if body else 0
    while True:
        origin.writer.write(wire.data_to_send())
        await origin.writer.drain()
        if not (data := await origin.reader.read(READ)):
            raise ConnectionError("the mirror closed the connection")
        if _over(wire, wire.receive_data(data)):
            return
        if sent < len(body):
            sent += _pushed(wire, body[sent:])


def _head(request: http.Request, *, tls: bool) -> list[tuple[bytes, bytes]]:
    fields = [
        (b":method", request.data.method),
        (b":scheme", b"https" if tls else b"http"),
        (b":authority", request.headers["host"].encode()),
        (b":path", request.data.path),
    ]
    kept = [(name.lower(), value) for name, value in request.headers.fields]
    grpc = request.headers.get("content-type", "").startswith("application/grpc")
    return [
        *fields,
        *(field for field in kept if field[0].decode("latin-1") not in APART),
        *([(b"te", b"trailers")] if grpc else []),
    ]


def _pushed(wire: h2.connection.H2Connection, body: memoryview) -> int:
    """As much of the body as there is room for; how much that was."""
    sent = 0
    while sent < len(body) and (room := min(wire.local_flow_control_window(STREAM), wire.max_outbound_frame_size)) > 0:
        piece = body[sent : sent + room]
        sent += len(piece)
        wire.send_data(STREAM, bytes(piece), end_stream=sent == len(body))
    return sent


def _over(wire: h2.connection.H2Connection, came: list[h2.events.Event]) -> bool:
    for event in came:
        match event:
            case h2.events.DataReceived():
                wire.acknowledge_received_data(event.flow_controlled_length or 0, STREAM)
            case h2.events.StreamEnded():
                return True
            case h2.events.StreamReset() | h2.events.ConnectionTerminated():
                raise ConnectionError("the mirror broke off")
    return False
