"""A request's body that does not go on costs its stream of HTTP/2 and no other; what else is slow costs nothing."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from proxy.gates import gate, to
from proxy.streams import Wire
from proxy.wires import LIMIT, until

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
BEGUN = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n"
SHORT = 0.4


@asynccontextmanager
async def origin(begins: bytes = b"", reads: asyncio.Event | None = None):
    """Answers what it has read whole. `begins` is sent before that; nothing of a body is read before `reads`. Gives its
    port."""

    async def serve(reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(begins)
                if reads is not None:
                    await reads.wait()
                if head.startswith(b"POST"):
                    await _chunks(reader)
                writer.write(b"0\r\n\r\n" if begins else ANSWER)
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _chunks(reader) -> None:
    tail = b""
    while not tail.endswith(b"\r\n0\r\n\r\n"):
        data = await reader.read(65536)
        if not data:
            raise ConnectionResetError
        tail = (tail + data)[-7:]


@pytest.mark.parametrize("first", [b"", b"some"], ids=["nothing", "some"])
async def test_a_stream_whose_body_does_not_go_on_is_ended_and_the_others_go_on(authority, first):
    async with origin() as port, gate(authority, to("api.example", 80, port), body_timeout=SHORT) as running:
        wire = await Wire.open(running.address)
        late = wire.ask("api.example", "/late", "POST", end=False)
        if first:
            wire.send(late, first)
        answer = await wire.answer(late)
        assert (answer.status, b"body_timeout" in answer.body) == (b"408", True)
        assert (await wire.answer(wire.ask("api.example", "/other"))).status == b"200"
        assert running.counts["body_timeout"] == 1
        lines = await running.lines(2)
        wire.close()
    assert [(line["path"], line["status"], line.get("failure", "")) for line in lines] == [
        ("/late", 408, "body_timeout: the request's body did not go on"),
        ("/other", 200, ""),
    ]


async def test_each_stream_has_its_own_time(authority):
    """One that goes on does not excuse another, and is not ended with it."""
    async with origin() as port, gate(authority, to("api.example", 80, port), body_timeout=0.5) as running:
        wire = await Wire.open(running.address)
        goes_on, late = (wire.ask("api.example", path, "POST", end=False) for path in ("/goes-on", "/late"))
        for _ in range(8):
            await asyncio.sleep(0.1)
            wire.send(goes_on, b"x")
        assert (await wire.answer(late)).status == b"408"
        wire.send(goes_on, b"x", end=True)
        assert (await wire.answer(goes_on)).status == b"200"
        assert running.counts["body_timeout"] == 1
        wire.close()


async def test_a_stream_whose_answer_has_begun_may_be_silent(authority):
    async with origin(BEGUN) as port, gate(authority, to("api.example", 80, port), body_timeout=SHORT) as running:
        wire = await Wire.open(running.address)
        number = wire.ask("api.example", "/", "POST", end=False)
        await wire.until(lambda: bool(wire.streams[number].body))
        await asyncio.sleep(3 * SHORT)
        wire.send(number, b"late", end=True)
        assert (await wire.answer(number)).ended
        assert running.counts["body_timeout"] == 0
        wire.close()


async def test_time_that_an_origin_takes_is_not_the_workloads(authority):
    """It does not read, so that the windows stay shut and the workload may not send."""
    reads = asyncio.Event()
    limits = {"body_timeout": SHORT, "stream_window": 65535, "connection_window": 65535}
    async with origin(reads=reads) as port, gate(authority, to("api.example", 80, port), **limits) as running:
        wire = await Wire.open(running.address)
        number = wire.ask("api.example", "/", "POST", end=False)
        await wire.until(lambda: wire.h2.local_flow_control_window(number) > 0)
        sent = 0
        while sent < 2**23 and not wire.gone:
            try:
                async with asyncio.timeout(3 * SHORT):
                    await wire.until(lambda: wire.h2.local_flow_control_window(number) > 0)
            except TimeoutError:
                break
            room = min(wire.h2.local_flow_control_window(number), 16384)
            wire.send(number, b"x" * room)
            sent += room
        else:
            pytest.fail("the windows were never shut")
        assert running.counts["body_timeout"] == 0
        reads.set()
        await wire.until(lambda: wire.h2.local_flow_control_window(number) > 0)
        wire.send(number, b"x", end=True)
        assert (await wire.answer(number)).status == b"200"
        assert not wire.gone
        wire.close()


class Slow:
    """An addon that takes its time over a request."""

    def __init__(self) -> None:
        self.asked, self.goes = asyncio.Event(), asyncio.Event()

    async def requestheaders(self, flow) -> None:
        self.asked.set()
        await self.goes.wait()


async def test_time_that_an_addon_takes_is_not_the_workloads(authority):
    slow = Slow()
    addons = (slow,)
    async with origin() as port, gate(authority, to("api.example", 80, port), addons=addons, body_timeout=SHORT) as on:
        wire = await Wire.open(on.address)
        number = wire.ask("api.example", "/", "POST", end=False)
        await asyncio.wait_for(slow.asked.wait(), LIMIT)
        await asyncio.sleep(3 * SHORT)
        assert on.counts["body_timeout"] == 0
        slow.goes.set()
        wire.send(number, b"x", end=True)
        assert (await wire.answer(number)).status == b"200"
        wire.close()


async def test_a_connection_that_is_gone_is_not_looked_after(authority):
    async with origin() as port, gate(authority, to("api.example", 80, port), body_timeout=SHORT) as running:
        wire = await Wire.open(running.address)
        wire.ask("api.example", "/", "POST", end=False)
        await until(lambda: bool(running.engine.plane.live))
        wire.close()
        await until(lambda: not running.engine.plane.live)
        await asyncio.sleep(2 * SHORT)
        assert running.counts["body_timeout"] == 0
