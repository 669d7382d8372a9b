"""A stream that ends before its time ends alone: the others of its connection go on."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from outgate.policy.snapshot import Policy
from proxy.gates import gate, to
from proxy.streams import Wire
from proxy.wires import LIMIT, until

BODY = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody"
LEFT = "client_disconnected: the client went away"


class Holding:
    """An addon that holds the first piece of one answer back until it is told to let it go, or only the end of it."""

    def __init__(self, *, end: bool = False) -> None:
        self.holds, self.goes, self.end = asyncio.Event(), asyncio.Event(), end

    def responseheaders(self, flow) -> None:
        if flow.request.path == "/held":
            flow.__dict__["outgate"].response_stages.append(self)

    async def feed(self, data: bytes, last: bool) -> bytes:
        if last or not self.end:
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
        await asyncio.wait_for(holding.holds.wait(), LIMIT)
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


async def test_a_client_that_has_its_answer_may_leave_before_a_stage_has_seen_the_end(authority):
    holding, rest = Holding(end=True), asyncio.Event()
    rest.set()
    async with hesitating(rest) as port, gate(authority, to("api.example", 80, port), addons=(holding,)) as running:
        reader, writer = await asyncio.open_connection(*running.address)
        writer.write(b"GET http://api.example/held HTTP/1.1\r\nHost: api.example\r\n\r\n")
        async with asyncio.timeout(LIMIT):
            await reader.readuntil(b"body")
            await holding.holds.wait()
        writer.transport.abort()
        (line,) = await running.lines()
    assert (line["verdict"], line["status"], line["received"]) == ("allow", 200, 4)
    assert "failure" not in line
    assert "flags" not in line


async def test_a_client_that_has_its_answer_may_reset_the_stream_before_a_stage_has_seen_the_end(authority):
    holding, rest = Holding(end=True), asyncio.Event()
    rest.set()
    async with hesitating(rest) as port, gate(authority, to("api.example", 80, port), addons=(holding,)) as running:
        wire = await Wire.open(running.address)
        number = wire.ask("api.example", "/held")
        await wire.until(lambda: wire.streams[number].body == b"body")
        await asyncio.wait_for(holding.holds.wait(), LIMIT)
        wire.reset(number)
        holding.goes.set()
        (line,) = await running.lines()
        wire.close()
    assert "failure" not in line


async def test_a_client_that_has_half_of_its_answer_has_left_although_a_stage_saw_it_all(authority):
    """What a stage held back was not delivered."""
    holding, rest = Holding(), asyncio.Event()
    rest.set()
    async with hesitating(rest) as port, gate(authority, to("api.example", 80, port), addons=(holding,)) as running:
        _, writer = await asyncio.open_connection(*running.address)
        writer.write(b"GET http://api.example/held HTTP/1.1\r\nHost: api.example\r\n\r\n")
        await asyncio.wait_for(holding.holds.wait(), LIMIT)
        writer.transport.abort()
        (line,) = await running.lines()
    assert (line["failure"], line["flags"]) == (LEFT, "DC")


async def swap(running, *destinations) -> None:
    """A new policy, and what is open is judged by it."""
    plane = running.engine.plane
    plane.snapshot.swap(Policy("next", plane.snapshot.policy.defaults, destinations=destinations))
    for live in list(plane.live):
        live.judge_again(plane.snapshot.policy)


async def test_a_stream_that_a_new_policy_denies_ends_and_the_others_go_on(authority):
    rest = asyncio.Event()
    async with hesitating(rest) as port:
        kept, gone = to("kept.example", 80, port), replace(to("gone.example", 80, port), key="gone")
        async with gate(authority, kept, gone) as running:
            wire = await Wire.open(running.address)
            first, second = wire.ask("kept.example"), wire.ask("gone.example")
            await wire.until(lambda: all(wire.streams[number].body for number in (first, second)))
            await swap(running, kept)
            assert (await wire.answer(second)).reset == 2
            rest.set()
            assert (await wire.answer(first)).body == b"body"
            lines = await running.lines(2)
            wire.close()
    assert [(line["host"], line.get("failure", "").split(":")[0]) for line in lines] == [
        ("gone.example", "refused_by_rule"),
        ("kept.example", ""),
    ]
    assert running.counts["revoked"] == 1


class Waiting:
    """An addon that waits in one hook for a path until it is told to go on."""

    def __init__(self, hook: str) -> None:
        self.reached, self.goes = asyncio.Event(), asyncio.Event()
        setattr(self, hook, self._wait)

    async def _wait(self, data) -> None:
        request = getattr(data, "request", None)
        if request is None or request.path == "/gone":
            self.reached.set()
            await self.goes.wait()


@pytest.mark.parametrize("hook", ["requestheaders", "server_connect", "server_connected"])
async def test_a_stream_that_is_denied_while_it_waits_asks_its_origin_nothing(authority, hook):
    addon, asked = Waiting(hook), []

    async def serve(reader, writer):
        asked.append(await reader.read())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with gate(authority, to("gone.example", 80, server.sockets[0].getsockname()[1]), addons=(addon,)) as running:
        wire = await Wire.open(running.address)
        number = wire.ask("gone.example", "/gone", method="POST", end=False)
        await asyncio.wait_for(addon.reached.wait(), LIMIT)
        await swap(running)
        addon.goes.set()
        answer = await wire.answer(number)
        assert (answer.status, answer.ended) == (b"403", True)
        (line,) = await running.lines()
        assert line["failure"].startswith("refused_by_rule: revoked")
        wire.close()
    server.close()
    assert asked in ([], [b""])
