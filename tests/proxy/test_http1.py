"""HTTP/1 without end: heads of chunks, trailers, answers. What is not whole within its bound is broken off."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from proxy.gates import gate, to
from proxy.wires import LIMIT

BOUND = 10_000
PIECE = b"a" * 1000
SENT = 100 * BOUND
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
ENDLESS = {"the head of a chunk": (b"1;", PIECE), "trailers": (b"1\r\nx\r\n0\r\n", b"A: " + PIECE + b"\r\n")}
"""How a body begins, and what comes then for ever."""


@asynccontextmanager
async def before(authority, serve):
    """A connection to a gate before an origin."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    destination = to("api.example", 80, server.sockets[0].getsockname()[1])
    async with gate(authority, destination, header_bytes=BOUND) as running:
        reader, writer = await asyncio.open_connection(*running.address)
        try:
            yield reader, writer, running
        finally:
            writer.close()
            server.close()


async def sent_until_refused(writer: asyncio.StreamWriter, piece: bytes) -> int:
    """How many bytes of endless ones were sent before the other side broke off."""
    sent = 0
    try:
        async with asyncio.timeout(LIMIT):
            while True:
                writer.write(piece)
                sent += len(piece)
                await writer.drain()
                await asyncio.sleep(0)
    except ConnectionError:
        return sent


@pytest.mark.parametrize("case", ENDLESS)
async def test_a_body_s_frame_without_end_is_broken_off(authority, case):
    received = bytearray()

    async def serve(reader, writer):
        while data := await reader.read(65536):
            received.extend(data)
        writer.close()

    begin, piece = ENDLESS[case]
    async with before(authority, serve) as (_, writer, running):
        writer.write(b"POST / HTTP/1.1\r\nHost: api.example\r\n" + CHUNKED + begin)
        await sent_until_refused(writer, piece)
        (line,) = await running.lines()
        assert running.counts["crashes"] == 0
    assert line["failure"]
    assert PIECE not in received


@pytest.mark.parametrize("case", ENDLESS)
async def test_an_origin_s_frame_without_end_is_broken_off(authority, case):
    refused = asyncio.Event()
    begin, piece = ENDLESS[case]

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n" + CHUNKED + begin)
        await sent_until_refused(writer, piece)
        refused.set()

    async with before(authority, serve) as (reader, writer, running):
        writer.write(b"GET / HTTP/1.1\r\nHost: api.example\r\n\r\n")
        await asyncio.wait_for(refused.wait(), LIMIT)
        with pytest.raises(ConnectionError):
            await reader.read()
        (line,) = await running.lines()
    assert line["failure"] == f"upstream_reset: a chunk's head or the trailers are longer than {BOUND} bytes"


async def test_what_an_origin_sends_behind_an_early_answer_is_nobody_s(authority):
    """The rest of the request is still on its way, so that the connection is not closed at once."""
    connections = 0

    async def serve(reader, writer):
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        if connections == 1:
            await writer.drain()
            await asyncio.sleep(0.1)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison" * 1000)
        await reader.read()
        writer.close()

    async with before(authority, serve) as (reader, writer, _):
        writer.write(b"POST / HTTP/1.1\r\nHost: api.example\r\nContent-Length: 4\r\n\r\nbo")
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200 ")
        await asyncio.sleep(0.3)
        writer.write(b"dyGET / HTTP/1.1\r\nHost: api.example\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        assert await reader.readexactly(2) == b"ok"
    assert connections == 2


async def test_a_switch_of_protocols_before_the_request_is_whole_is_none(authority):
    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Up\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x00\x81\x00")
        await reader.read()
        writer.close()

    async with before(authority, serve) as (reader, writer, running):
        writer.write(
            b"GET / HTTP/1.1\r\nHost: api.example\r\nContent-Length: 4\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nbo"
        )
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 502 ")
        assert running.counts["crashes"] == 0


@pytest.mark.parametrize("keep", [b"", b"Connection: keep-alive\r\n"])
@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
async def test_http_1_0_is_told_of_no_chunks(authority, keep, method):
    """It does not know them: its answer ends where the connection does."""

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        body = b"" if method == b"HEAD" else b"5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n"
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n" + body)
        writer.close()

    async with before(authority, serve) as (reader, writer, _):
        writer.write(method + b" / HTTP/1.0\r\nHost: api.example\r\n" + keep + b"\r\n")
        head, _, body = (await asyncio.wait_for(reader.read(), LIMIT)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"transfer-encoding" not in head.lower()
    assert body == (b"" if method == b"HEAD" else b"hello")
