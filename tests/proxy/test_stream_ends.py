"""A stream that ends before its time ends alone: the others of its connection go on."""

import asyncio
from contextlib import asynccontextmanager

from proxy.gates import gate, to
from proxy.streams import Wire
from proxy.wires import until

BODY = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody"
LEFT = "client_disconnected: the client went away"


class Holding:
    """An addon that holds the first piece of one answer back until it is told to let it go."""

    def __init__(self) -> None:
        self.holds, self.goes = asyncio.Event(), asyncio.Event()

    def responseheaders(self, flow) -> None:
        if flow.request.path == "/held":
            flow.__dict__["outgate"].response_stages.append(self)

    async def feed(self, data: bytes, last: bool) -> bytes:
        self.holds.set()
        await self.goes.wait()
        return data


@asynccontextmanager
async def hesitating(rest: asyncio.Event):
    """An origin that sends the second half of an answer when it is told to. Gives its port."""

    async def serve(reader, writer):
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(BODY[:-2])
                await rest.wait()
                writer.write(BODY[-2:])
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def test_a_client_that_resets_a_stream_whose_origin_was_released_meanwhile_keeps_the_others(authority):
    """The first part waits in a stage, and the rest has come before the reset is looked at."""
    holding, rest = Holding(), asyncio.Event()
    async with hesitating(rest) as port, gate(authority, to("api.example", 80, port), addons=(holding,)) as running:
        wire = await Wire.open(running.address)
        held = wire.ask("api.example", "/held")
        await holding.holds.wait()
        wire.reset(held)
        await asyncio.sleep(0.1)
        rest.set()
        await until(lambda: len(running.engine.plane.pool) == 1)
        holding.goes.set()
        other = await wire.answer(wire.ask("api.example"))
        assert (other.status, other.body) == (b"200", b"body")
        assert running.counts["crashes"] == 0
        lines = await running.lines(2)
        wire.close()
    assert [line.get("failure", "") for line in lines] == [LEFT, ""]


async def test_a_client_that_resets_a_stream_is_not_told_of_as_denied(authority):
    async with hesitating(asyncio.Event()) as port, gate(authority, to("api.example", 80, port)) as running:
        wire = await Wire.open(running.address)
        number = wire.ask("api.example")
        await wire.until(lambda: bool(wire.streams[number].body))
        wire.reset(number)
        (line,) = await running.lines()
        wire.close()
    assert (line["verdict"], line["failure"], line["flags"]) == ("allow", LEFT, "DC")
