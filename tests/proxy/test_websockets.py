"""A WebSocket message is held until it is whole, so it is bounded: its bytes, its pieces, and what it inflates to."""

import asyncio
import struct
import zlib
from contextlib import asynccontextmanager

import pytest

from outgate.proxy import websockets
from proxy.gates import gate, to
from proxy.wires import LIMIT, until

MOST = 100_000
TEXT, BINARY, MORE = 1, 2, 0
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n"
DEFLATE = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"


def frame(opcode: int, data: bytes, *, last: bool = True, compressed: bool = False, length: int | None = None) -> bytes:
    """As a workload sends it; its mask of zeroes changes nothing. `length` is what is announced."""
    announced = len(data) if length is None else length
    first = opcode | (0x80 if last else 0) | (0x40 if compressed else 0)
    if announced < 126:
        return bytes([first, 0x80 | announced]) + bytes(4) + data
    size = struct.pack("!BH", 0x80 | 126, announced) if announced < 65536 else struct.pack("!BQ", 0x80 | 127, announced)
    return bytes([first]) + size + bytes(4) + data


def bomb(size: int) -> bytes:
    squeezing = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (squeezing.compress(bytes(size)) + squeezing.flush(zlib.Z_SYNC_FLUSH))[:-4]


@asynccontextmanager
async def opened(authority, extension: bytes = b"", **given):
    """A WebSocket through a gate: the workload's streams, what has arrived at the origin, and the gate."""
    arrived = bytearray()

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(SWITCH + extension + b"\r\n")
        try:
            while data := await reader.read(65536):
                arrived.extend(data)
        except OSError:
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    destination = to("api.example", 80, server.sockets[0].getsockname()[1])
    async with gate(authority, destination, websocket_message=MOST, **given) as running:
        reader, writer = await asyncio.open_connection(*running.address)
        writer.write(
            b"GET /ws HTTP/1.1\r\nHost: api.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + extension + b"\r\n"
        )
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        try:
            yield reader, writer, arrived, running
        finally:
            writer.close()
            server.close()


async def end_of(reader) -> bool:
    """Whether the gate ends the connection."""
    try:
        async with asyncio.timeout(LIMIT):
            while await reader.read(65536):
                pass
    except ConnectionError:
        pass
    return True


TOO_MUCH = {
    "fragments without end": [frame(BINARY, bytes(10_000), last=False), *[frame(MORE, bytes(10_000), last=False)] * 20],
    "one frame without end": [frame(BINARY, bytes(10_000), length=1 << 40), *[bytes(10_000)] * 20],
    "a text that is too long": [frame(TEXT, b"x" * (3 * MOST))],
    "pieces without end": [frame(BINARY, b"", last=False), frame(MORE, b"", last=False) * (websockets.PIECES + 1)],
}


@pytest.mark.parametrize("case", TOO_MUCH)
async def test_a_message_that_is_longer_than_a_message_may_be_ends_the_websocket(authority, case):
    async with opened(authority) as (reader, writer, arrived, running):
        try:
            for part in TOO_MUCH[case]:
                writer.write(part)
                await writer.drain()
        except ConnectionError:
            pass
        assert await end_of(reader)
        (line,) = await running.lines()
        assert running.counts["crashes"] == 0
    assert line["failure"] == f"a WebSocket message is longer than {MOST} bytes"
    assert not arrived


@pytest.mark.parametrize("size", [MOST + 1, 300 * MOST])
async def test_what_inflates_to_more_than_a_message_may_be_ends_the_websocket(authority, size):
    async with opened(authority, DEFLATE) as (reader, writer, arrived, _):
        writer.write(frame(BINARY, bomb(size), compressed=True))
        assert await end_of(reader)
    assert len(arrived) < 100


@pytest.mark.parametrize("extension", [b"", DEFLATE])
async def test_the_longest_message_arrives_and_the_next_one_too(authority, extension):
    """Bounds are a message's own."""
    async with opened(authority, extension) as (_, writer, arrived, _running):
        for _ in range(3):
            if extension:
                writer.write(frame(BINARY, bomb(MOST), compressed=True))
            else:
                writer.write(frame(BINARY, bytes(MOST // 2), last=False) + frame(MORE, bytes(MOST // 2)))
        writer.write(frame(TEXT, b"the end"))
        await until(lambda: len(arrived) >= (200 if extension else 3 * MOST))


@pytest.mark.parametrize("extension", [b"", DEFLATE])
async def test_what_inflates_wrongly_ends_the_websocket(authority, extension):
    async with opened(authority, extension) as (reader, writer, _, running):
        writer.write(frame(BINARY, b"\xff" * 100, compressed=True))
        assert await end_of(reader)
        assert running.counts["crashes"] == 0


class Seeing:
    """An addon that notes how long each message is, and keeps the flow."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def websocket_message(self, flow) -> None:
        self.flow = flow
        self.seen.append(len(flow.websocket.messages[-1].content))

    def kept(self) -> list[int]:
        return [len(message.content) for message in self.flow.websocket.messages]


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        ({"websocket_history": 3, "websocket_history_bytes": 1_000_000}, [200, 100_000, 300]),
        ({"websocket_history": 8, "websocket_history_bytes": 100_400}, [100_000, 300]),
        ({"websocket_history": 8, "websocket_history_bytes": 50_000}, [300]),
        ({"websocket_history": 8, "websocket_history_bytes": 0}, []),
        ({"websocket_history": 0, "websocket_history_bytes": 1_000_000}, []),
    ],
)
async def test_a_history_is_bounded_by_messages_and_by_bytes_and_addons_see_all_of_it(authority, limits, kept):
    addon, sent = Seeing(), [100, 200, MOST, 300]
    async with opened(authority, addons=(addon,), **limits) as (_, writer, arrived, _running):
        for size in sent:
            writer.write(frame(BINARY, bytes(size)))
        await until(lambda: len(arrived) >= sum(sent))
        assert addon.seen == sent
        assert addon.kept() == kept


@pytest.mark.parametrize(
    ("pieces", "content", "sizes"),
    [
        ([b"ab", b"cd"], b"abcd", [2, 2]),
        ([b"ab", b"cd"], b"abXX", [2, 2]),
        ([b"ab", b"cd"], b"longer", [6]),
        (["\u20ac".encode(), b"abc"], "a\u20acbc".encode(), [6]),
        ([b"ab", b"cd"], ("\u20ac" * 4000).encode(), [12_000]),
    ],
)
def test_a_message_that_was_changed_is_cut_inside_no_character(pieces, content, sizes):
    made = [event.data.encode() for event in websockets.Fragments(pieces, is_text=True)(content)]
    assert b"".join(made) == content
    assert [*map(len, made)] == sizes
