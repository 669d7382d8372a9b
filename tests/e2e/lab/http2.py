"""HTTP/2 as origins speak it, on TLS and with prior knowledge. The protocol is h2's; streams and waiting are here.

Owns flow control in both directions: what is read is granted again only then, and nothing is sent beyond the window.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    DataReceived,
    Event,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
    WindowUpdated,
)
from h2.exceptions import ProtocolError

from .routes import Body, Header, Request, Response, respond
from .streams import Stream

WINDOW = 1024 * 1024  # bytes a peer may send ahead on the connection; one stream keeps HTTP/2's 64 KiB
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


async def speak(stream: Stream, opening: bytes = b"") -> None:
    """Serve one connection. `opening` was read already."""
    await Connection(stream).run(opening)


class Connection:
    """All streams of one connection. Requests are answered in tasks; this object alone touches h2 and the wire."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._h2 = H2Connection(
            H2Configuration(client_side=False, header_encoding="utf-8", validate_inbound_headers=False)
        )
        self._bodies: dict[int, asyncio.Queue[bytes | None]] = {}
        self._trailers: dict[int, list[Header]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._moved = asyncio.Condition()

    async def run(self, data: bytes) -> None:
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(WINDOW)
        try:
            while True:
                await self._take(data)
                data = await self._stream.reader.read(65536)
                if not data:
                    return
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _take(self, data: bytes) -> None:
        try:
            events = self._h2.receive_data(data)
        except ProtocolError as error:
            await self._flush()
            raise ValueError(f"http/2: {error}") from error
        for event in events:
            self._note(event)
        await self._flush()
        async with self._moved:
            self._moved.notify_all()

    def _note(self, event: Event) -> None:
        match event:
            case RequestReceived(stream_id=number, headers=headers):
                self._bodies[number], self._trailers[number] = asyncio.Queue(), []
                self._tasks[number] = asyncio.create_task(self._answer(number, [(n, v) for n, v in headers]))
            case DataReceived(stream_id=number, data=data, flow_controlled_length=length):
                self._bodies[number].put_nowait(data)
                if padding := length - len(data):
                    self._grant(number, padding)
            case TrailersReceived(stream_id=number, headers=headers):
                self._trailers[number].extend(headers)
            case StreamEnded(stream_id=number):
                self._bodies[number].put_nowait(None)
            case StreamReset(stream_id=number):
                self._stream.record("reset", stream=number, code=int(event.error_code))
                if task := self._tasks.get(number):
                    task.cancel()
            case WindowUpdated() | RemoteSettingsChanged():
                pass  # waiters look again after every read

    async def _answer(self, number: int, headers: list[Header]) -> None:
        """A peer that leaves in the middle ends this stream, and what it broke off is on record."""
        try:
            await self._reply(number, headers)
        except Exception as error:
            self._stream.record("broken", stream=number, error=repr(error))
        finally:
            self._tasks.pop(number, None)

    async def _reply(self, number: int, headers: list[Header]) -> None:
        request = self._request(number, headers)
        response = await respond(request)
        if response.abort:
            self._h2.reset_stream(number, error_code=2)
            await self._flush()
        else:
            await self._send(number, response, bare=request.method == "HEAD")

    def _request(self, number: int, headers: list[Header]) -> Request:
        pseudo = {name: value for name, value in headers if name.startswith(":")}
        method, target = pseudo.get(":method", ""), pseudo.get(":path", "")
        self._stream.record("request", line=f"{method} {target} HTTP/2", headers=headers, stream=number)
        body = Body(self._pieces(number), self._trailers[number], partial(self._stream.record, stream=number))
        return Request(method, target, "HTTP/2", headers, body, {**self._stream.facts, "stream": number})

    async def _pieces(self, number: int) -> AsyncIterator[bytes]:
        while (piece := await self._bodies[number].get()) is not None:
            self._grant(number, len(piece))
            await self._flush()
            yield piece

    def _grant(self, number: int, length: int) -> None:
        """Let the peer send as much again. A stream that it has ended or reset wants no more."""
        if length:
            self._h2.acknowledge_received_data(length, number)

    async def _send(self, number: int, response: Response, bare: bool) -> None:
        if response.early:
            self._h2.send_headers(number, [(":status", "103"), *response.early])
        length = len(response.body) if isinstance(response.body, bytes) else response.length
        sized = [("content-length", str(length))] if length is not None else []
        headers = [(":status", str(response.status)), *response.headers, *sized]
        self._h2.send_headers(number, headers, end_stream=bare)
        await self._flush()
        if not bare:
            async for piece in _iterate(response.body):
                await self._send_data(number, piece)
            self._finish(number, response.trailers)
            await self._flush()

    def _finish(self, number: int, trailers: list[Header]) -> None:
        if trailers:
            self._h2.send_headers(number, trailers, end_stream=True)
        else:
            self._h2.end_stream(number)

    async def _send_data(self, number: int, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            async with self._moved:
                await self._moved.wait_for(lambda: self._h2.local_flow_control_window(number) > 0)
            size = min(len(rest), self._h2.local_flow_control_window(number), self._h2.max_outbound_frame_size)
            self._h2.send_data(number, bytes(rest[:size]))
            rest = rest[size:]
            await self._flush()

    async def _flush(self) -> None:
        self._stream.writer.write(self._h2.data_to_send())
        await self._stream.writer.drain()


async def _iterate(body: bytes | AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if isinstance(body, bytes):
        yield body
        return
    async for piece in body:
        yield piece
