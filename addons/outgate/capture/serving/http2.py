"""HTTP/2 of a replay, on one connection: streams side by side, trailers, flow control.

Owns the framing, by h2. WebSockets are HTTP/1.1's here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
    WindowUpdated,
)
from h2.exceptions import H2Error

from outgate.capture.serving.answer import Answer
from outgate.capture.serving.desk import Desk
from outgate.capture.serving.places import Arrival, split
from outgate.redact.exchange import Body, Fields, Request

PIECE = 64 * 1024
MOST_BODY = 256 * 1024 * 1024
WINDOW = 16 * 1024 * 1024


@dataclass(slots=True)
class Stream:
    """A request that comes, and the task that answers it."""

    headers: Fields
    body: bytearray = field(default_factory=bytearray)
    trailers: Fields = ()
    task: asyncio.Task[None] | None = None


class Http2:
    """One connection."""

    def __init__(
        self, desk: Desk, arrival: Arrival, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._desk, self._arrival = desk, arrival
        self._reader, self._writer = reader, writer
        self._connection = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self._streams: dict[int, Stream] = {}
        self._room = asyncio.Event()
        """Set when more may be sent than before."""

    async def run(self) -> None:
        """Until the client has enough."""
        self._connection.initiate_connection()
        self._connection.increment_flow_control_window(WINDOW)
        await self._flush()
        try:
            while data := await self._reader.read(PIECE):
                if not self._take(self._connection.receive_data(data)):
                    break
                await self._flush()
        except H2Error:
            await self._flush()
        finally:
            await self._end()

    def _take(self, events: Sequence[Event]) -> bool:
        """False: the connection is over."""
        for event in events:
            match event:
                case RequestReceived():
                    self._streams[event.stream_id] = Stream(_pairs(event.headers))
                case DataReceived():
                    self._received(event)
                case TrailersReceived():
                    if stream := self._streams.get(event.stream_id):
                        stream.trailers = _pairs(event.headers)
                case StreamEnded():
                    self._begin(event.stream_id)
                case StreamReset():
                    self._forget(event.stream_id)
                case WindowUpdated() | RemoteSettingsChanged():
                    self._room.set()
                case ConnectionTerminated():
                    return False
        return True

    def _received(self, event: DataReceived) -> None:
        self._connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        if (stream := self._streams.get(event.stream_id)) is None:
            return
        stream.body += event.data
        if len(stream.body) > MOST_BODY:
            self._connection.reset_stream(event.stream_id, ErrorCodes.ENHANCE_YOUR_CALM)
            self._forget(event.stream_id)

    def _begin(self, number: int) -> None:
        if (stream := self._streams.get(number)) is not None:
            stream.task = asyncio.create_task(self._serve(number, stream))

    def _forget(self, number: int) -> None:
        if (stream := self._streams.pop(number, None)) is not None and stream.task is not None:
            stream.task.cancel()

    async def _serve(self, number: int, stream: Stream) -> None:
        request = request_of(stream, self._arrival.scheme)
        _, answer = await self._desk.find(request, self._arrival)
        try:
            if answer.broken:
                self._connection.reset_stream(number, ErrorCodes.INTERNAL_ERROR)
                await self._flush()
            else:
                await self._send(number, answer)
        except (H2Error, ConnectionError):  # the client has reset the stream, or left
            return
        finally:
            self._streams.pop(number, None)

    async def _send(self, number: int, answer: Answer) -> None:
        head = [(b":status", b"%d" % answer.status), *((name.lower(), value) for name, value in answer.fields)]
        if answer.length is not None or (answer.sized and answer.pieces and not answer.trailers):
            head.append((b"content-length", answer.length or b"%d" % len(answer.content)))
        self._connection.send_headers(number, head, end_stream=not answer.pieces and not answer.trailers)
        await self._flush()
        if answer.pieces:
            async for piece in self._desk.paced(answer):
                await self._data(number, piece)
        if answer.trailers:
            self._connection.send_headers(
                number, [(name.lower(), value) for name, value in answer.trailers], end_stream=True
            )
        elif answer.pieces:
            self._connection.end_stream(number)
        await self._flush()

    async def _data(self, number: int, content: bytes) -> None:
        """As much at a time as the client takes."""
        while content:
            most = min(self._connection.local_flow_control_window(number), self._connection.max_outbound_frame_size)
            if most <= 0:
                self._room.clear()
                await self._room.wait()
                continue
            self._connection.send_data(number, content[:most])
            content = content[most:]
            await self._flush()

    async def _flush(self) -> None:
        if data := self._connection.data_to_send():
            self._writer.write(data)
            await self._writer.drain()

    async def _end(self) -> None:
        tasks = [stream.task for stream in self._streams.values() if stream.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _pairs(headers: Sequence[tuple[bytes | str, bytes | str]]) -> Fields:
    return tuple((_bytes(name), _bytes(value)) for name, value in headers)


def _bytes(said: bytes | str) -> bytes:
    return said if isinstance(said, bytes) else said.encode()


def request_of(stream: Stream, scheme: str) -> Request:
    """As data. Names with a colon are the request's line."""
    pseudo = {name: value.decode("utf-8", "surrogateescape") for name, value in stream.headers if name.startswith(b":")}
    fields = tuple(pair for pair in stream.headers if not pair[0].startswith(b":"))
    said = next((value.decode("latin-1") for name, value in fields if name == b"host"), "")
    host, port = split(pseudo.get(b":authority") or said)
    body = Body(bytes(stream.body), size=len(stream.body))
    target = pseudo.get(b":path", "/")
    return Request(pseudo.get(b":method", ""), scheme, host, port, target, "HTTP/2.0", fields, body, stream.trailers)
