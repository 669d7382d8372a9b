"""HTTP/1.1 of a replay, on one connection: requests are read whole, answers are sent as they were recorded.

Owns the framing, by h11. Upgrades to WebSocket are handed on.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11

from outgate.capture.serving import websockets
from outgate.capture.serving.answer import Answer
from outgate.capture.serving.desk import Desk
from outgate.capture.serving.places import Arrival, split
from outgate.redact.exchange import Body, Fields, Request

PIECE = 64 * 1024
MOST_HEAD = 256 * 1024
MOST_BODY = 256 * 1024 * 1024


class TooLarge(ValueError):
    """A request that no recorded one can be like."""


class Http1:
    """One connection."""

    def __init__(
        self, desk: Desk, arrival: Arrival, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._desk, self._arrival = desk, arrival
        self._reader, self._writer = reader, writer
        self._connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MOST_HEAD)

    async def run(self) -> None:
        """Until the client has enough, or one of both says that it was the last one."""
        try:
            while (request := await self._request()) is not None and await self._serve(request):
                self._connection.start_next_cycle()
        except (h11.RemoteProtocolError, TooLarge) as error:
            await self._refuse(error)

    async def _serve(self, request: Request) -> bool:
        """Answer a request; False: nothing can follow."""
        entry, answer = await self._desk.find(request, self._arrival)
        if entry is not None and entry.exchange.response is not None and websockets.wanted(request, entry):
            rest, _ = self._connection.trailing_data
            await websockets.serve(self._desk, entry, request, self._reader, self._writer, rest)
            return False
        if answer.broken:
            self._writer.transport.abort()
            return False
        await self._send(request, answer)
        return self._connection.our_state is h11.DONE and self._connection.their_state is h11.DONE

    async def _request(self) -> Request | None:
        event = await self._event()
        if not isinstance(event, h11.Request):
            return None
        body = bytearray()
        while not isinstance(part := await self._event(), h11.EndOfMessage):
            if not isinstance(part, h11.Data):
                return None
            body += part.data
            if len(body) > MOST_BODY:
                raise TooLarge
        trailers = tuple((bytes(name), bytes(value)) for name, value in part.headers)
        return request_of(event, bytes(body), trailers, self._arrival.scheme)

    async def _event(self) -> Any:
        while (event := self._connection.next_event()) is h11.NEED_DATA:
            if self._connection.they_are_waiting_for_100_continue:
                await self._write(h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue"))
            self._connection.receive_data(await self._reader.read(PIECE))
        return event

    async def _send(self, request: Request, answer: Answer) -> None:
        fields = [*answer.fields, *_framing(request, answer)]
        reason = answer.reason.encode("latin-1", "replace")
        await self._write(h11.Response(status_code=answer.status, headers=fields, reason=reason))
        if answer.pieces:
            async for piece in self._desk.paced(answer):
                await self._write(h11.Data(data=piece))
        chunked = any(name == b"transfer-encoding" for name, _ in fields)
        await self._write(h11.EndOfMessage(headers=list(answer.trailers) if chunked else []))

    async def _refuse(self, error: Exception) -> None:
        if self._connection.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        status = 413 if isinstance(error, TooLarge) else getattr(error, "error_status_hint", 400)
        headers = [(b"content-length", b"0"), (b"connection", b"close")]
        await self._write(h11.Response(status_code=status, headers=headers))
        await self._write(h11.EndOfMessage())

    async def _write(self, event: Any) -> None:
        self._writer.write(self._connection.send(event) or b"")
        await self._writer.drain()


def _framing(request: Request, answer: Answer) -> Fields:
    """How the end of the body is told. A length where it was told, or nothing else can be."""
    if answer.length is not None:
        return ((b"content-length", answer.length),)
    if not answer.pieces:
        bodiless = request.method == "HEAD" or answer.status in (204, 304)
        return () if bodiless else ((b"content-length", b"0"),)
    if request.protocol == "HTTP/1.0" or (answer.sized and not answer.trailers):
        return ((b"content-length", b"%d" % len(answer.content)),)
    return ((b"transfer-encoding", b"chunked"),)


def request_of(event: h11.Request, body: bytes, trailers: Fields, scheme: str) -> Request:
    """As data. A target with an address in it is a proxy's client's."""
    fields = tuple((bytes(name), bytes(value)) for name, value in event.headers.raw_items())
    target = event.target.decode("utf-8", "surrogateescape")
    authority = next((value.decode("latin-1") for name, value in fields if name.lower() == b"host"), "")
    said, separator, rest = target.partition("://")
    if separator and said.lower() in ("http", "https"):
        scheme = said.lower()
        authority, slash, path = rest.partition("/")
        target = slash + path or "/"
    host, port = split(authority)
    version = f"HTTP/{event.http_version.decode()}"
    method = event.method.decode()
    return Request(method, scheme, host, port, target, version, fields, Body(body, size=len(body)), trailers)
