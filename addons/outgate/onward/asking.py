"""A client of a proxy, for one request on one connection: HTTP/1.1, inside TLS where the request was.

Owns the connection and the framing, by h11. Trusts the proxy's certificate authority and nothing else.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import h11
from cryptography.x509 import Certificate

from outgate.capture.formats.writing import OF_THE_WIRE, authority
from outgate.capture.serving.answer import BROKEN, Answer, sendable
from outgate.capture.serving.pace import Piece
from outgate.pki import pem
from outgate.redact.exchange import Request

PIECE = 64 * 1024
MOST_HEAD = 256 * 1024
MOST_BODY = 256 * 1024 * 1024
PATIENCE = 300.0
"""Seconds for all of one answer."""
OF_CONNECTIONS = OF_THE_WIRE | {b"host", b"proxy-connection", b"proxy-authorization", b"te", b"upgrade", b"expect"}


class Client:
    """Of the proxy at an address."""

    def __init__(self, address: tuple[str, int], ca: Certificate) -> None:
        self._address = address
        self._context = ssl.create_default_context(cadata=pem.text(ca).decode())

    async def ask(self, request: Request) -> Answer:
        """What came back; an answer that breaks off is one that ends the connection, as every failure is."""
        try:
            async with asyncio.timeout(PATIENCE), self._connected(request) as (reader, writer):
                return await _exchanged(request, reader, writer)
        except (OSError, EOFError, asyncio.LimitOverrunError, h11.ProtocolError):
            return BROKEN

    @asynccontextmanager
    async def _connected(self, request: Request) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection(*self._address, limit=MOST_HEAD)
        try:
            if request.scheme == "https":
                await _connect(request, reader, writer)
                await writer.start_tls(self._context, server_hostname=request.host)
            yield reader, writer
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


async def _connect(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Raises `OSError` where the proxy does not lead there."""
    place = f"{request.host}:{request.port}"
    writer.write(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
    await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith((b"HTTP/1.1 2", b"HTTP/1.0 2")):
        raise ConnectionError("the gate does not lead there")


async def _exchanged(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Answer:
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_HEAD)
    for event in _events(request):
        writer.write(connection.send(event) or b"")
    await writer.drain()
    head, body = None, bytearray()
    while not isinstance(event := await _event(connection, reader), h11.EndOfMessage):
        if isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        if len(body) > MOST_BODY or isinstance(event, h11.ConnectionClosed):
            raise ConnectionError("no whole answer came, or a larger one than anybody takes")
    assert head is not None, "no message ends before its head"
    return _answer(head, bytes(body), event)


async def _event(connection: h11.Connection, reader: asyncio.StreamReader) -> Any:
    while (event := connection.next_event()) is h11.NEED_DATA:
        connection.receive_data(await reader.read(PIECE))
    return event


def _events(request: Request) -> list[h11.Event]:
    """Its own fields; those of a connection are this one's."""
    place, body = authority(request), request.body.content or b""
    target = request.target if request.scheme == "https" else f"http://{place}{request.target}"
    kept = [(name, value) for name, value in request.fields if name.lower() not in OF_CONNECTIONS]
    framing = [(b"content-length", b"%d" % len(body))] if body or request.method in ("POST", "PUT", "PATCH") else []
    fields = [(b"host", place.encode()), *kept, *framing, (b"connection", b"close")]
    head = h11.Request(method=request.method, target=target.encode("utf-8", "surrogateescape"), headers=fields)
    return [head, *([h11.Data(data=body)] if body else []), h11.EndOfMessage()]


def _answer(head: h11.Response, body: bytes, end: h11.EndOfMessage) -> Answer:
    fields = tuple((bytes(name), bytes(value)) for name, value in head.headers.raw_items())
    length = next((value for name, value in fields if name.lower() == b"content-length"), None)
    return Answer(
        head.status_code,
        bytes(head.reason).decode("latin-1"),
        sendable(fields),
        (Piece(0.0, body),) if body else (),
        sendable(tuple((bytes(name), bytes(value)) for name, value in end.headers)),
        sized=length is not None,
        length=length if not body else None,
    )
