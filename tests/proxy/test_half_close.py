"""A client that has ended its own side is answered, as long as it is there for the answer."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from proxy.gates import gate, to
from proxy.wires import LIMIT, until

GET = b"GET http://api.example/%s HTTP/1.1\r\nHost: api.example\r\n\r\n"
DENIED = GET.replace(b"api.example", b"other.example") % b""


@asynccontextmanager
async def slow(told: asyncio.Event):
    """An origin that answers with the path, in two pieces, the second one when it is told to. Gives its port."""

    async def serve(reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.split(b" ")[1]
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(path), path[:1]))
                await told.wait()
                writer.write(path[1:])
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        told.set()
        server.close()


@pytest.mark.parametrize(
    ("sent", "ends"),
    [
        (GET % b"one", [b"/one"]),
        (GET % b"one" + GET % b"two", [b"/one", b"/two"]),
        (GET % b"one" + b"GET http", [b"/one"]),
        (DENIED, [b"502"]),
        (GET % b"one" + DENIED, [b"/one", b"502"]),
    ],
    ids=["one", "two", "one and a part", "one that is denied", "one, and one that is denied"],
)
async def test_who_has_asked_and_ended_is_answered_and_then_closed(authority, sent, ends):
    told = asyncio.Event()
    async with slow(told) as port, gate(authority, to("api.example", 80, port)) as running:
        reader, writer = await asyncio.open_connection(*running.address)
        writer.write(sent)
        writer.write_eof()
        await asyncio.sleep(0.1)
        told.set()
        received = await asyncio.wait_for(reader.read(), LIMIT)
        assert [received.count(end) for end in ends] == [1] * len(ends)
        assert received.count(b"HTTP/1.1 ") == len(ends)
        await until(lambda: not running.listener.open)
        assert running.counts["crashes"] == 0
        writer.close()


async def test_who_leaves_after_all_is_noticed_and_its_origin_let_go(authority):
    async with slow(asyncio.Event()) as port, gate(authority, to("api.example", 80, port)) as running:
        reader, writer = await asyncio.open_connection(*running.address)
        writer.write(GET % b"one")
        writer.write_eof()
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n/"), LIMIT)
        await asyncio.sleep(0.2)
        assert len(running.listener.open) == 1
        writer.transport.abort()
        (line,) = await running.lines()
        assert line["flags"] == "DC"
        await until(lambda: not running.listener.open)
