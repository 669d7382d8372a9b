"""The gate's own port: bounded, and held open whatever one connection does."""

import asyncio
import errno
import itertools
import socket
from contextlib import asynccontextmanager

import pytest

from outgate.proxy import listen
from outgate.proxy.listen import BATCH, Listener
from outgate.sockets import bind
from proxy.gates import gate, origin, to
from proxy.wires import LIMIT, reset, until

REQUEST = b"GET http://api.example/ HTTP/1.1\r\nHost: api.example\r\n\r\n"


@asynccontextmanager
async def client(address):
    reader, writer = await asyncio.open_connection(*address)
    try:
        yield reader, writer
    finally:
        writer.close()


async def answer(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(LIMIT):
        return await reader.readuntil(b"ok")


async def is_closed(reader: asyncio.StreamReader) -> bool:
    """Whether a connection ends, with a reset or without, before it says anything."""
    async with asyncio.timeout(LIMIT):
        try:
            return await reader.read() == b""
        except ConnectionResetError:
            return True


# Sockets.


async def test_connections_are_served_side_by_side(authority):
    async with origin() as far, gate(authority, to("api.example", 80, far.port)) as running:
        async with client(running.address) as (first, ask_first), client(running.address) as (second, ask_second):
            ask_second.write(REQUEST)
            assert (await answer(second)).startswith(b"HTTP/1.1 200")
            ask_first.write(REQUEST)
            assert (await answer(first)).startswith(b"HTTP/1.1 200")
        await until(lambda: not running.listener.open)


async def test_above_the_limit_connections_are_closed_at_once_and_counted(authority):
    async with gate(authority, connections=2) as running:
        async with client(running.address), client(running.address):
            await until(lambda: len(running.listener.open) == 2)
            async with client(running.address) as (reader, _):
                assert await is_closed(reader)
            assert running.counts["connections_refused"] == 1
        await until(lambda: not running.listener.open)
        async with client(running.address) as (reader, writer):
            writer.write(REQUEST)
            async with asyncio.timeout(LIMIT):
                assert (await reader.readline()).startswith(b"HTTP/1.1 502")


@pytest.mark.parametrize(
    "error",
    [RuntimeError("deliberate"), SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError(), GeneratorExit()],
    ids=lambda error: type(error).__name__,
)
async def test_a_connection_that_fails_takes_nothing_with_it(authority, monkeypatch, error, caplog):
    broken = True

    class Failing(listen.Intake):
        async def serve(self):
            if broken:
                await asyncio.sleep(0)
                raise error
            await super().serve()

    monkeypatch.setattr(listen, "Intake", Failing)
    async with origin() as far, gate(authority, to("api.example", 80, far.port)) as running:
        async with client(running.address) as (reader, _):
            assert await is_closed(reader)
        assert running.counts["crashes"] == 1
        assert "deliberate" not in caplog.text
        broken = False
        async with client(running.address) as (reader, writer):
            writer.write(REQUEST)
            assert await answer(reader)


async def test_who_is_reset_while_waiting_to_be_accepted_is_no_failure(authority):
    async with gate(authority) as running:
        await running.listener.close()
        sockets = bind("127.0.0.1", 0)
        waiting = Listener(running.engine.plane, sockets)
        early = socket.create_connection(sockets[0].getsockname(), timeout=LIMIT)
        await asyncio.sleep(0.01)
        reset(early)
        waiting.start()
        await until(lambda: running.counts["left_early"] == 1)
        assert running.counts["crashes"] == 0
        await waiting.close()


async def test_when_descriptors_run_out_it_pauses_and_goes_on(authority, monkeypatch):
    monkeypatch.setattr(listen, "PAUSE", 0.01)

    class Scarce(socket.socket):
        refusals = 0

        def accept(self):
            if self.refusals < 3:
                self.refusals += 1
                raise OSError(errno.EMFILE, "too many open files")
            return super().accept()

    async with gate(authority) as running:
        (bound,) = bind("127.0.0.1", 0)
        (scarce,) = (Scarce(fileno=bound.detach()),)
        scarce.setblocking(False)
        short = Listener(running.engine.plane, [scarce])
        short.start()
        async with client(scarce.getsockname()) as (reader, writer):
            writer.write(REQUEST)
            async with asyncio.timeout(LIMIT):
                assert (await reader.readline()).startswith(b"HTTP/1.1 502")
        assert scarce.refusals == 3
        await short.close()


async def test_when_descriptors_run_out_who_is_silent_gives_one_back(authority, monkeypatch):
    monkeypatch.setattr(listen, "PAUSE", 0.01)

    class Scarce(socket.socket):
        def accept(self):
            if len(short.open) >= 2:
                raise OSError(errno.EMFILE, "too many open files")
            return super().accept()

    async with gate(authority, head_timeout=LIMIT) as running:
        (bound,) = bind("127.0.0.1", 0)
        scarce = Scarce(fileno=bound.detach())
        scarce.setblocking(False)
        short = Listener(running.engine.plane, [scarce])
        short.start()
        async with (
            client(scarce.getsockname()) as (silent, _),
            client(scarce.getsockname()),
            client(scarce.getsockname()) as (reader, writer),
        ):
            writer.write(REQUEST)
            async with asyncio.timeout(LIMIT):
                assert (await reader.readline()).startswith(b"HTTP/1.1 502")
            assert await is_closed(silent)
        assert running.counts["pending_dropped"] >= 1
        await until(lambda: not short.open)
        await short.close()


async def test_a_flood_of_connections_leaves_turns_to_those_that_are_open(authority):
    """Were they all accepted in one go, nobody else would run meanwhile."""
    async with gate(authority) as running:
        sockets = bind("127.0.0.1", 0)
        flooded = Listener(running.engine.plane, sockets)
        crowd = [socket.create_connection(sockets[0].getsockname(), timeout=LIMIT) for _ in range(3 * BATCH)]
        flooded.start()
        seen = []
        while len(flooded.open) < len(crowd):
            seen.append(len(flooded.open))
            await asyncio.sleep(0)
        assert max(after - before for before, after in itertools.pairwise(seen)) <= BATCH
        for sock in crowd:
            sock.close()
        await until(lambda: not flooded.open)
        await flooded.close()


# Stopping.


async def test_a_closed_port_refuses_and_what_is_open_goes_on(authority):
    async with (
        origin() as far,
        gate(authority, to("api.example", 80, far.port)) as running,
        client(running.address) as (reader, writer),
    ):
        writer.write(REQUEST)
        assert await answer(reader)
        address = running.address
        await running.listener.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)
        writer.write(REQUEST)
        assert await answer(reader)


async def test_draining_waits_for_what_ends_in_time(authority):
    async with gate(authority) as running:
        _, writer = await asyncio.open_connection(*running.address)
        await until(lambda: running.listener.open)
        draining = asyncio.create_task(running.listener.drained(LIMIT))
        await asyncio.sleep(0.01)
        assert not draining.done()
        writer.close()
        assert await draining == 0


async def test_draining_breaks_off_what_does_not_end(authority):
    async with gate(authority) as running, client(running.address) as (reader, _):
        await until(lambda: running.listener.open)
        assert await running.listener.drained(0.05) == 1
        assert await is_closed(reader)
        assert not running.listener.open


class Open:
    """Something that is open, and known by what it does when it is broken off."""

    def __init__(self, abort):
        self.abort = abort

    def drain(self):
        pass


async def test_one_that_cannot_be_broken_off_does_not_keep_the_others(authority):
    def fails(reason):
        raise RuntimeError("deliberate")

    broken_off = []
    async with gate(authority) as running:
        running.engine.plane.live |= {Open(fails), Open(broken_off.append)}
        assert await running.listener.drained(0.01) == 0
        assert broken_off == ["the gate is stopping"]
        assert running.counts["crashes"] == 1
        running.engine.plane.live.clear()
