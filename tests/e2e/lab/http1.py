"""HTTP/1.1 as origins speak it, by hand: nothing about a message is tidied up before it is recorded.

Owns framing in both directions. What is answered is `routes`' business, WebSockets `websocket`'s.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator

from . import http2, websocket
from .routes import Body, BrokenOff, Header, Request, Response, respond
from .streams import LIMIT, Stream


async def speak(stream: Stream) -> None:
    """Serve requests until the peer closes, an answer aborts, or another protocol takes over."""
    while head := await _head(stream):
        if head == http2.PREFACE[: len(head)]:
            await http2.speak(stream, head)
            return
        request = _parse(stream, head)
        if _get(request.headers, "expect").lower() == "100-continue":
            stream.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if _get(request.headers, "upgrade").lower() == "websocket":
            await websocket.speak(stream, head)
            return
        response = await respond(request)
        if response.abort:
            stream.writer.transport.abort()
            return
        try:
            await _send(stream, response, bare=request.method == "HEAD")
        except BrokenOff:
            _reset(stream)
            return
        if "close" in _get(request.headers, "connection").lower() or request.version == "HTTP/1.0":
            return


async def _head(stream: Stream) -> bytes:
    try:
        return await stream.reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            stream.record("incomplete", start=error.partial[:200].decode("latin-1"))
        return b""
    except asyncio.LimitOverrunError:
        raise ValueError(f"head longer than {LIMIT} bytes") from None


def _parse(stream: Stream, head: bytes) -> Request:
    line, *rest = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    headers = [_field(text) for text in rest]
    stream.record("request", line=line, headers=headers)
    trailers: list[Header] = []
    body = Body(_pieces(stream, headers, trailers), trailers, stream.record)
    return Request(*line.split(" ", 2), headers, body, stream.facts)


def _field(text: str) -> Header:
    name, _, value = text.partition(":")
    return name, value.strip()


async def _pieces(stream: Stream, headers: list[Header], trailers: list[Header]) -> AsyncIterator[bytes]:
    """The body as it arrives."""
    if "chunked" in _get(headers, "transfer-encoding").lower():
        async for piece in _chunked(stream.reader, trailers):
            yield piece
        return
    left = int(_get(headers, "content-length") or 0)
    while left:
        piece = await stream.reader.read(min(left, 65536))
        if not piece:
            raise EOFError(f"body ended {left} bytes early")
        left -= len(piece)
        yield piece


async def _chunked(reader: asyncio.StreamReader, trailers: list[Header]) -> AsyncIterator[bytes]:
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        yield await reader.readexactly(size)
        await reader.readexactly(2)
    while (line := await reader.readuntil(b"\r\n")) != b"\r\n":
        trailers.append(_field(line.decode("latin-1")))


def _reset(stream: Stream) -> None:
    """End the connection with a reset, whatever has still to be sent."""
    stream.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.writer.transport.abort()


async def _send(stream: Stream, response: Response, bare: bool) -> None:
    writer = stream.writer
    if response.early:
        writer.write(_block("HTTP/1.1 103 Early Hints", response.early))
    length = len(response.body) if isinstance(response.body, bytes) else response.length
    framing = ("transfer-encoding", "chunked") if length is None else ("content-length", str(length))
    headers = response.headers if response.status in (204, 304) else [*response.headers, framing]
    writer.write(_block(f"HTTP/1.1 {response.status} Origin", headers))
    await writer.drain()
    if not bare:
        await _send_body(stream, response, chunked=length is None)


async def _send_body(stream: Stream, response: Response, chunked: bool) -> None:
    writer = stream.writer
    if isinstance(response.body, bytes):
        writer.write(response.body)
        await writer.drain()
        return
    async for piece in response.body:
        writer.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        await writer.drain()
    if chunked:
        writer.write(_block("0", response.trailers))
    await writer.drain()


def _block(first: str, headers: list[Header]) -> bytes:
    lines = [first, *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _get(headers: list[Header], wanted: str) -> str:
    return next((value for name, value in headers if name.lower() == wanted), "")
