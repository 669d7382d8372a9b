"""What ends a request that takes the short way before its answer is whole, and that nothing passes then."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from outgate.policy.snapshot import Policy
from outgate.proxy import heads
from outgate.proxy import lane as lane_module
from outgate.proxy.answering import Answering
from outgate.proxy.gate import Gate
from outgate.proxy.lane import Lane
from outgate.proxy.under_way import under_way
from proxy.gates import gate, to
from proxy.wires import LIMIT, until

GET = b"GET /%s HTTP/1.1\r\nHost: api.example\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@asynccontextmanager
async def asked(authority, **limits):
    """A request whose answer stands still in its middle: the gate, its client's streams, what lets it go on, what its
    origin received, and whether that was let go."""
    go, received, ends = asyncio.Event(), [], []

    async def serve(reader, writer):
        ends.append(reader)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                received.append(head)
                writer.write(OK[:-1])
                if b"/slow" in head:
                    await go.wait()
                writer.write(OK[-1:])
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        known = to("api.example", 80, server.sockets[0].getsockname()[1])
        async with gate(authority, known, **limits) as running:
            reader, writer = await asyncio.open_connection(*running.address)
            writer.write(GET % b"warm")
            async with asyncio.timeout(LIMIT):
                await reader.readexactly(len(OK))
                writer.write(GET % b"slow")
                await reader.readexactly(len(OK) - 1)
            assert [live for live in running.engine.plane.live if live.lane.exchange is not None]
            try:
                yield running, reader, writer, go, received, lambda: ends[0].at_eof() or ends[0].exception()
            finally:
                writer.close()
    finally:
        go.set()
        server.close()


async def whole(reader) -> bytes:
    try:
        async with asyncio.timeout(LIMIT):
            return await reader.read()
    except ConnectionError:
        return b"reset"


async def test_a_client_that_leaves_frees_its_origin(authority):
    async with asked(authority) as (running, _, writer, _, _, let_go):
        writer.transport.abort()
        await until(let_go)
        _, line = await running.lines(2)
        assert (line["flags"], line["failure"]) == ("DC", "client_disconnected: the client went away")


async def test_a_client_that_has_ended_its_side_is_answered(authority):
    async with asked(authority) as (running, reader, writer, go, *_):
        writer.write_eof()
        await asyncio.sleep(0.1)
        go.set()
        assert await whole(reader) == b"k"
        _, line = await running.lines(2)
        assert "failure" not in line


async def test_what_a_new_policy_forbids_is_broken_off(authority):
    async with asked(authority) as (running, reader, _, _, _, let_go):
        plane = running.engine.plane
        for live in list(plane.live):
            live.judge_again(Policy("after"))
        assert await whole(reader) == b"reset"
        await until(let_go)
        _, line = await running.lines(2)
        assert line["failure"].startswith("refused_by_rule: revoked: ")
        assert running.counts["revoked"] == 1


async def test_what_a_new_policy_allows_goes_on(authority):
    async with asked(authority) as (running, reader, writer, go, *_):
        plane = running.engine.plane
        for live in list(plane.live):
            live.judge_again(replace(plane.snapshot.policy, generation="after"))
        go.set()
        async with asyncio.timeout(LIMIT):
            assert await reader.readexactly(1) == b"k"
        writer.close()


async def test_the_gate_s_end_waits_for_it(authority):
    async with asked(authority) as (running, reader, _, go, *_):
        running.engine.plane.draining = True
        for live in list(running.engine.plane.live):
            live.drain()
        await asyncio.sleep(0.1)
        go.set()
        assert await whole(reader) == b"k"


async def test_one_that_stands_still_for_too_long_is_idle(authority):
    async with asked(authority, idle_timeout=0.5) as (running, reader, *_):
        assert await whole(reader) == b"reset"
        assert running.counts["idle_timeout"] == 1


async def test_what_it_uses_is_under_way(authority):
    async with asked(authority) as (running, *_):
        assert under_way(running.engine.plane) == {running.engine.plane.snapshot.policy.destinations[0].key}


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError, SystemExit, KeyboardInterrupt])
async def test_whatever_raises_while_it_is_judged_lets_nothing_leave(authority, monkeypatch, error):
    async with asked(authority) as (running, _, _, go, received, _):
        go.set()

        def judge(*_):
            raise error("hunter2")

        monkeypatch.setattr(Gate, "judge", judge)
        reader, writer = await asyncio.open_connection(*running.address)
        writer.write(GET % b"raised")
        answer = await _first(reader)
        assert b"200" not in answer
        assert not [head for head in received if b"raised" in head]
        assert b"hunter2" not in answer
        writer.close()


async def _first(reader) -> bytes:
    try:
        async with asyncio.timeout(LIMIT):
            return await reader.read(65536)
    except ConnectionError:
        return b""


@pytest.mark.parametrize("error", [ValueError, RecursionError])
async def test_whatever_raises_in_the_lane_breaks_off(authority, monkeypatch, error):
    def raises(*_):
        raise error("hunter2")

    async with asked(authority) as (running, reader, _, go, *_):
        monkeypatch.setattr(Answering, "take", raises)
        go.set()
        assert await whole(reader) in (b"reset", b"")
        assert running.counts["crashes"] == 1
        _, line = await running.lines(2)
        assert line["failure"] == f"internal failure: {error.__name__}"


@pytest.mark.parametrize("where", [(heads, "request"), (Lane, "_obtain")], ids=["reading", "obtaining"])
async def test_whatever_raises_before_it_is_sent_lets_nothing_leave(authority, monkeypatch, where):
    async with asked(authority) as (running, _, _, go, received, _):
        go.set()

        def raises(*_, **__):
            raise ValueError("hunter2")

        monkeypatch.setattr(*where, raises)
        reader, writer = await asyncio.open_connection(*running.address)
        writer.write(GET % b"raised")
        assert await _first(reader) == b""
        assert not [head for head in received if b"raised" in head]
        assert running.counts["crashes"] == 1
        writer.close()


HINT = b"HTTP/1.1 103 Early Hints\r\nLink: </%s>\r\n\r\n" % (b"a" * 4000)
LARGE = b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n"


@pytest.mark.parametrize(("begin", "piece"), [(b"", HINT), (LARGE, b"x" * 4096)], ids=["hints", "a body"])
async def test_who_does_not_read_makes_the_origin_wait(authority, begin, piece):
    """Endless hints as well as a body: neither is gathered in the gate."""
    sent = 0

    async def serve(reader, writer):
        nonlocal sent
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(OK)
            await reader.readuntil(b"\r\n\r\n")
            writer.write(begin)
            while sent < 100_000_000:
                writer.write(piece)
                await writer.drain()
                sent += len(piece)
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    known = to("api.example", 80, server.sockets[0].getsockname()[1])
    async with gate(authority, known) as running:
        reader, writer = await asyncio.open_connection(*running.address, limit=1024)
        writer.write(GET % b"warm")
        async with asyncio.timeout(LIMIT):
            await reader.readexactly(len(OK))
            writer.write(GET % b"large")
            before = -1
            while sent != before:
                before = sent
                await asyncio.sleep(0.5)
        (live,) = running.engine.plane.live
        assert live.lane.exchange is not None
        assert 0 < sent < 50_000_000
        assert live.transports[live.client].writer.transport.get_write_buffer_size() < 1_000_000
        writer.transport.abort()
    server.close()


async def test_an_output_that_raises_costs_what_it_would_have_told_and_nothing_else(authority, monkeypatch, caplog):
    async with asked(authority) as (running, reader, writer, go, received, _):
        told = []

        def raises(event):
            raise ValueError(event.path)

        running.engine.plane.log.groups.flush()
        monkeypatch.setattr(running.engine.plane.log, "outputs", [raises, told.append])
        go.set()
        async with asyncio.timeout(LIMIT):
            assert await reader.readexactly(1) == b"k"
            writer.write(GET % b"next")
            assert await reader.readexactly(len(OK)) == OK
        running.engine.plane.log.groups.flush()
        assert (running.counts["outputs_failed"], running.counts["crashes"]) == (2, 0)
        assert [event.path for event in told] == ["/slow", "/next"]
        assert len(received) == 3
        assert "an output of telemetry failed: ValueError" in caplog.text
        assert "/slow" not in caplog.text


async def test_what_is_forbidden_while_its_connection_is_looked_for_is_not_sent(authority, monkeypatch):
    async with asked(authority) as (running, reader, writer, go, received, _):
        go.set()
        async with asyncio.timeout(LIMIT):
            await reader.readexactly(1)
        snapshot, key_of = running.engine.plane.snapshot, lane_module.upstream.key_of

        async def revoking(*given):
            snapshot.policy = Policy("after")
            for live in list(running.engine.plane.live):
                live.judge_again(snapshot.policy)
            return await key_of(*given)

        monkeypatch.setattr(lane_module.upstream, "key_of", revoking)
        writer.write(GET % b"late")
        assert b"200" not in await _first(reader)
        assert not [head for head in received if b"late" in head]


@pytest.mark.parametrize("said", [b"NTLM abc", b"Negotiate abc"])
async def test_a_connection_that_is_somebody_s_is_nobody_else_s(authority, said):
    answer = b"HTTP/1.1 401 No\r\nWWW-Authenticate: %s\r\ncontent-length: 2\r\n\r\nok" % said
    connections = []

    async def serve(reader, writer):
        connections.append(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                writer.write(answer if b"/own" in head else OK)
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    known = to("api.example", 80, server.sockets[0].getsockname()[1])
    async with gate(authority, known) as running, asyncio.timeout(LIMIT):
        for path, expected in ((b"warm", OK), (b"own", answer), (b"next", OK)):
            reader, writer = await asyncio.open_connection(*running.address)
            writer.write(GET % path)
            await reader.readexactly(len(expected))
            writer.close()
        assert len(connections) == 2
    server.close()


async def test_a_gate_that_stops_keeps_no_connection(authority):
    async with asked(authority) as (running, reader, _, go, *_):
        running.engine.plane.draining = True
        go.set()
        assert await whole(reader) == b"k"
        assert len(running.engine.plane.pool) == 0


@pytest.mark.parametrize("limit", ["head_timeout", "idle_timeout"])
async def test_an_answer_that_goes_on_is_in_time(authority, limit):
    """The first request of its connection: its head has come, and bytes go on to whoever asked."""

    async def serve(reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                writer.write(OK[:-2])
                for byte in b"ok":
                    await asyncio.sleep(0.6 if b"/slow" in head else 0)
                    writer.write(bytes((byte,)))
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    known = to("api.example", 80, server.sockets[0].getsockname()[1])
    async with gate(authority, known, **{limit: 1.0}) as running, asyncio.timeout(LIMIT):
        for path in (b"warm", b"slow"):
            reader, writer = await asyncio.open_connection(*running.address)
            writer.write(GET % path)
            assert await reader.readexactly(len(OK)) == OK
            writer.close()
        assert not running.counts[limit]
    server.close()
