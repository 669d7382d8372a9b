"""Leave to open connections: the number holds, who waits is served in order, and nothing is lost when he leaves."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest

from outgate.policy.resilience_model import Keepalive, Limits, Resilience
from outgate.traffic.limits import Kind
from outgate.traffic.origin import OriginState
from outgate.upstream.connect import connect, key_of
from outgate.upstream.pool import Pool
from outgate.upstream.slots import Overflow, Slots
from upstream.building import environment, target


def state(**limits) -> OriginState:
    return OriginState("o", Resilience(limits=Limits(**limits)), lambda: 0.0)


@asynccontextmanager
async def listening():
    async def serve(reader, writer):
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def opened(slots, held, port, host="good.example"):
    """A connection that was allowed."""
    assert await slots.take(held, lambda: None) is None
    made = await connect(target(port, host), environment())
    slots.opened(held, made)
    return made


async def test_who_waits_has_the_connection_that_is_given_back_and_in_his_turn():
    async with listening() as port:
        pool, held = Pool(), state(connections=1, pending=2)
        slots = Slots(pool)
        first = await opened(slots, held, port)
        key = await key_of(target(port), environment())
        waiting = [asyncio.create_task(slots.take(held, lambda: pool.acquire(key))) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Overflow):
            await slots.take(held, lambda: None)
        assert held.under_way.counts[Kind.PENDING] == 2
        assert slots.queued(held)
        pool.release(first)
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED, timeout=5)
        assert done == {waiting[0]}
        assert waiting[0].result() is first
        first.close()
        assert await asyncio.wait_for(waiting[1], 5) is None
        slots.failed(held)
        assert not any(held.under_way.counts.values())
        assert not slots.queued(held)
        pool.close()


async def test_who_leaves_while_he_waits_takes_nothing_with_him():
    async with listening() as port:
        pool, held = Pool(), state(connections=1, pending=5)
        slots = Slots(pool)
        first = await opened(slots, held, port)
        waiting = [asyncio.create_task(slots.take(held, lambda: None)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        first.close()
        waiting[1].cancel()  # his turn has just come
        assert await asyncio.wait_for(waiting[2], 5) is None
        slots.failed(held)
        await asyncio.wait(waiting)
        assert not any(held.under_way.counts.values())


async def test_an_idle_connection_to_another_place_makes_room():
    async with listening() as port:
        pool, held = Pool(), state(connections=1)
        slots = Slots(pool)
        pool.release(await opened(slots, held, port))
        other = await opened(slots, held, port, "other.example")
        assert (len(pool), held.under_way.counts[Kind.CONNECTIONS]) == (0, 1)
        assert not slots.open_now(held)
        other.abort()
        assert slots.open_now(held)
        pool.close()


async def test_what_an_origin_s_policy_says_holds_for_its_connections():
    async with listening() as port:
        now = [100.0]
        pool = Pool(clock=lambda: now[0])
        resilience = Resilience(
            limits=Limits(requests_per_connection=2),
            idle_timeout=5.0,
            maximum_duration=60.0,
            keepalive=Keepalive(3, 7.0, 2.0),
        )
        held = OriginState("o", resilience, lambda: 0.0)
        slots, key = Slots(pool, lambda: now[0]), await key_of(target(port), environment())
        first = await opened(slots, held, port)
        sock = first.writer.get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 7
        pool.release(first)
        assert pool.acquire(key) is first
        pool.release(first)
        assert pool.acquire(key) is None  # it has served twice
        idle = await opened(slots, held, port)
        pool.release(idle)
        now[0] += 5.0
        assert pool.acquire(key) is None
        old = await opened(slots, held, port)
        now[0] += 60.0
        pool.release(old)
        assert pool.acquire(key) is None
        assert not any(held.under_way.counts.values())
        pool.close()
