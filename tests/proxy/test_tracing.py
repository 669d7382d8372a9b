"""Each time that an origin is asked it is told of a span, and that span is told of afterwards."""

import asyncio
import re
from contextlib import asynccontextmanager

import pytest

from outgate.telemetry.sampling import Bucket, Sampler
from outgate.telemetry.tracer import Tracer
from proxy.gates import gate, to
from proxy.wires import LIMIT, until

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7"
GET = b"GET /%s HTTP/1.1\r\nHost: api.example\r\n%s\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
PARENTED = f"traceparent: 00-{TRACE}-{PARENT}-01\r\n".encode()
TOLD = re.compile(rb"traceparent: 00-([0-9a-f]{32})-([0-9a-f]{16})-01\r\n")


def still() -> float:
    return 0.0


@asynccontextmanager
async def serving(authority, sampler=None, direct=True):
    """A gate with its origin, which hangs up on the first request for /flaky: what it was told, what was traced, and
    a function that asks."""
    heard, events = [], []

    async def serve(reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                heard.append(head)
                if head.startswith(b"GET /flaky") and sum(each.startswith(b"GET /flaky") for each in heard) == 1:
                    return
                writer.write(OK)
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    tracer = Tracer(lambda rule: events.append, sampler or Sampler())
    try:
        known = to("api.example", 80, server.sockets[0].getsockname()[1])
        async with gate(authority, known, tracer=tracer) as running:
            if not direct:
                running.engine.plane.direct = None
            reader, writer = await asyncio.open_connection(*running.address)

            async def ask(path, more=b""):
                writer.write(GET % (path, more))
                async with asyncio.timeout(LIMIT):
                    assert await reader.readexactly(len(OK)) == OK

            try:
                yield heard, events, ask
            finally:
                writer.close()
    finally:
        server.close()


def told(head):
    """Trace and span that an origin was told of."""
    found = TOLD.search(head)
    assert found is not None, head
    return found[1].decode(), found[2].decode()


def spans(event):
    return [f"{each:016x}" for each in event.trace.client_ids]


@pytest.mark.parametrize("more", [b"", PARENTED], ids=["begun here", "begun by the workload"])
@pytest.mark.parametrize("direct", [True, False], ids=["short way", "layers"])
async def test_an_origin_that_is_asked_twice_is_told_of_two_spans_of_one_trace(authority, direct, more):
    async with serving(authority, direct=direct) as (heard, events, ask):
        await ask(b"warm")
        await ask(b"flaky", more)
        await until(lambda: len(events) == 2)
    event = events[1]
    first, second = map(told, heard[1:])
    assert [first[1], second[1]] == spans(event)
    assert first[1] != second[1]
    assert first[0] == second[0] == f"{event.trace.trace_id:032x}"
    assert event.trace.parent_id == (int(PARENT, 16) if more else 0)
    stale, answered = event.reached
    assert (stale.error_type, stale.reused) == ("connection_closed", True)
    assert (answered.error_type, answered.reused) == ("", False)
    assert event.started <= stale.started <= stale.ended <= answered.started <= answered.ended


async def test_what_the_short_way_leaves_is_sampled_once(authority):
    """The first request on a connection is looked at twice, and takes one of the traces that the workload may force."""
    async with serving(authority, Sampler(0.0, Bucket(2.0, still))) as (_, events, ask):
        for _ in range(3):
            await ask(b"warm", PARENTED)
    assert [event.trace.sampled for event in events] == [True, True]
