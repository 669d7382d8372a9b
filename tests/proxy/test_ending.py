"""The gate stops: what was begun is served, what was not is not begun any more, and nobody waits for who is silent."""

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest

from outgate.policy.model import Protocol
from proxy.gates import gate, to
from proxy.streams import Wire
from proxy.wires import LIMIT, until

REQUEST = b"GET http://api.example/ HTTP/1.1\r\nHost: api.example\r\n\r\n"
CONNECT = b"CONNECT api.example:443 HTTP/1.1\r\nHost: api.example:443\r\n\r\n"
REFUSED = 7


@asynccontextmanager
async def slow(size: int = 2):
    """An origin that answers, with so many bytes, once it is told to. Gives its port and how to tell it."""
    told = asyncio.Event()

    async def serve(reader, writer):
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await told.wait()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + b"k" * size)
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], told
    finally:
        told.set()
        server.close()


async def stop(running) -> asyncio.Task[int]:
    """As the app does at SIGTERM. The task gives how many connections had to be broken off."""
    running.engine.plane.draining = True
    await running.listener.close()
    return asyncio.create_task(running.listener.drained(LIMIT))


async def test_streams_that_were_begun_are_finished_and_later_ones_refused(authority):
    async with slow() as (port, told), gate(authority, to("api.example", 80, port)) as running:
        wire = await Wire.open(running.address)
        begun = wire.ask("api.example")
        await until(lambda: running.listener.open and running.engine.plane.live)
        await asyncio.sleep(0.1)
        stopping = await stop(running)
        await wire.until(lambda: wire.left is not None)
        assert wire.left == begun
        late = wire.ask("api.example", "/late", method="POST", end=False)
        wire.h2.send_data(late, b"body", end_stream=True)
        wire.flush()
        assert (await wire.answer(late)).reset == REFUSED
        told.set()
        answer = await wire.answer(begun)
        assert (answer.status, answer.body) == (b"200", b"kk")
        await wire.until(lambda: False)
        assert wire.gone
        assert await stopping == 0
        wire.close()
        assert [line["path"] for line in await running.lines()] == ["/"]


async def test_an_answer_that_waits_for_its_window_is_finished(authority):
    """The exchange is over for the gate, and not for the workload."""
    async with slow(100_000) as (port, told), gate(authority, to("api.example", 80, port)) as running:
        told.set()
        wire = await Wire.open(running.address)
        number = wire.ask("api.example")
        await running.lines()
        stopping = await stop(running)
        assert len((await wire.answer(number)).body) == 100_000
        wire.close()
        assert await stopping == 0


async def test_an_http2_connection_without_streams_is_told_and_closed(authority):
    async with slow() as (port, told), gate(authority, to("api.example", 80, port)) as running:
        told.set()
        wire = await Wire.open(running.address)
        number = wire.ask("api.example")
        await wire.answer(number)
        stopping = await stop(running)
        await wire.until(lambda: False)
        assert (wire.left, wire.gone) == (number, True)
        wire.close()
        assert await stopping == 0


@pytest.mark.parametrize("at", [1, 10, len(REQUEST) - 10])
async def test_a_request_whose_head_was_begun_is_served(authority, at):
    """In its first line nobody can tell yet what it is; behind it, it is HTTP."""
    async with slow() as (port, told), gate(authority, to("api.example", 80, port)) as running:
        told.set()
        reader, writer = await asyncio.open_connection(*running.address)
        writer.write(REQUEST[:at])
        await asyncio.sleep(0.1)
        stopping = await stop(running)
        await asyncio.sleep(0.1)
        writer.write(REQUEST[at:])
        assert (await asyncio.wait_for(reader.read(), LIMIT)).endswith(b"kk")
        writer.close()
        assert await stopping == 0


async def test_a_tunnel_that_was_asked_for_may_still_bring_its_request(authority, trusting):
    known = to("api.example", 443, 1, Protocol.HTTPS)
    async with gate(authority, known) as running:
        reader, writer = await asyncio.open_connection(*running.address)
        writer.write(CONNECT)
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT)
        stopping = await stop(running)
        await asyncio.sleep(0.1)
        await asyncio.wait_for(writer.start_tls(trusting, server_hostname="api.example"), LIMIT)
        await asyncio.sleep(0.1)
        writer.write(b"GET / HTTP/1.1\r\nHost: api.example\r\n\r\n")
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n"), LIMIT)).startswith(b"HTTP/1.1 503")
        writer.close()
        await stopping


async def silent(address, context):
    return await asyncio.open_connection(*address)


async def tunnelled(address, context):
    reader, writer = await silent(address, context)
    writer.write(CONNECT)
    await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT)
    return reader, writer


async def encrypted(address, context):
    reader, writer = await tunnelled(address, context)
    await asyncio.wait_for(writer.start_tls(context, server_hostname="api.example"), LIMIT)
    return reader, writer


@pytest.mark.parametrize("begin", [silent, tunnelled, encrypted])
async def test_who_says_nothing_is_not_waited_for(authority, trusting, begin):
    async with gate(authority, to("api.example", 443, 1, Protocol.HTTPS), linger_timeout=0.2) as running:
        reader, writer = await begin(running.address, trusting)
        await until(lambda: bool(running.listener.open))
        await asyncio.sleep(0.1)
        stopping = await stop(running)
        assert await stopping == 0
        assert not running.engine.plane.live
        with suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), LIMIT) == b""
        writer.close()
