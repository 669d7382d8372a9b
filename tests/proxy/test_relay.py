"""Bytes both ways: all of them, no more held than fits, and every end passed on as what it is."""

import asyncio
import hashlib
import random
import socket
import time
from contextlib import asynccontextmanager

import pytest

from outgate.policy.decide import decide
from outgate.policy.model import Defaults, Identity, Mode
from outgate.policy.snapshot import Policy
from outgate.proxy.connections import HIGH_WATER, READ_SIZE, Transport
from outgate.proxy.exchange import Facts
from outgate.proxy.relay import Relay
from outgate.settings import ListenMode
from policy.building import tcp
from proxy.wires import LIMIT, connected, reset, until

ATTEMPT = tcp("192.0.2.1", 5432)
FACTS = Facts(ListenMode.TRANSPARENT, Identity(), 5432, "192.0.2.1")
ALLOWING = Policy("allowing", Defaults(mode=Mode.ALLOW_ANY))
DENYING = Policy("denying")


@asynccontextmanager
async def relayed(idle: float = LIMIT, buffer: int = 0):
    """A relay that runs, and the blocking sockets of the workload and of the origin."""
    with connected(buffer=buffer) as (client, near), connected(buffer=buffer) as (origin, far):
        ends = [Transport(*await asyncio.open_connection(sock=sock.dup())) for sock in (near, far)]
        near.close()
        far.close()
        relay = Relay(*ends, ATTEMPT, decide(ALLOWING, ATTEMPT), FACTS, idle)
        running = asyncio.create_task(relay.run())
        try:
            yield relay, running, client, origin
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await asyncio.sleep(0)


async def finished(running: asyncio.Task) -> None:
    async with asyncio.timeout(LIMIT):
        await running


async def received(sock: socket.socket) -> bytes:
    """All until the end; raises what the socket does."""
    return await asyncio.to_thread(b"".join, iter(lambda: sock.recv(1 << 16), b""))


def sent(sock: socket.socket, data: bytes) -> asyncio.Task:
    """Sends, and then ends that side."""

    def send():
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)

    return asyncio.create_task(asyncio.to_thread(send))


async def test_everything_arrives_both_ways_at_once_and_is_counted():
    up, down = random.Random(1).randbytes(3_000_001), random.Random(2).randbytes(5_000_003)
    async with relayed() as (relay, running, client, origin):
        sending = [sent(client, up), sent(origin, down)]
        at_client, at_origin = await asyncio.gather(received(client), received(origin))
        await asyncio.gather(*sending)
        await finished(running)
    assert hashlib.sha256(at_client).digest() == hashlib.sha256(down).digest()
    assert hashlib.sha256(at_origin).digest() == hashlib.sha256(up).digest()
    assert (relay.sent_bytes, relay.received_bytes, relay.failure) == (len(up), len(down), "")


async def test_who_speaks_first_does_not_matter():
    async with relayed() as (_, _, client, origin):
        origin.sendall(b"220 ready\r\n")
        assert await asyncio.to_thread(client.recv, 100) == b"220 ready\r\n"
        client.sendall(b"HELO\r\n")
        assert await asyncio.to_thread(origin.recv, 100) == b"HELO\r\n"


@pytest.mark.parametrize("first", ["client", "origin"])
async def test_one_side_may_end_and_still_be_answered(first):
    async with relayed() as (relay, running, client, origin):
        asking, answering = (client, origin) if first == "client" else (origin, client)
        await sent(asking, b"question")
        assert await received(answering) == b"question"
        assert not running.done()
        await sent(answering, b"answer")
        assert await received(asking) == b"answer"
        await finished(running)
    assert relay.failure == ""


WENT = {"client": "client_disconnected", "origin": "upstream_reset"}


@pytest.mark.parametrize("first", WENT)
async def test_a_reset_is_passed_on_as_one(first):
    async with relayed() as (relay, running, client, origin):
        breaking, other = (client, origin) if first == "client" else (origin, client)
        breaking.sendall(b"half of")
        assert await asyncio.to_thread(other.recv, 100) == b"half of"
        reset(breaking)
        with pytest.raises(ConnectionResetError):
            await received(other)
        await finished(running)
    assert (relay.failure, relay.code) == ("ConnectionResetError", WENT[first])


@pytest.mark.parametrize("first", WENT)
async def test_who_sends_to_somebody_that_has_left_learns_of_it(first):
    async with relayed() as (relay, running, client, origin):
        leaving, other = (client, origin) if first == "client" else (origin, client)
        leaving.close()
        assert await asyncio.to_thread(other.recv, 100) == b""
        with pytest.raises(OSError, match=r"reset|pipe"):
            await asyncio.to_thread(send_on, other)
        await finished(running)
    assert relay.code == WENT[first]


def send_on(sock: socket.socket) -> None:
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        sock.sendall(b"x" * 1000)
        time.sleep(0.001)


@pytest.mark.parametrize("stuck", ["client", "origin"])
async def test_no_more_is_held_than_fits_while_one_side_takes_nothing(stuck):
    async with relayed() as (relay, _, client, origin):
        sender = origin if stuck == "client" else client
        sender.setblocking(False)
        end = relay.client if stuck == "client" else relay.origin
        before = -1
        while relay.sent_bytes + relay.received_bytes != before:
            before = relay.sent_bytes + relay.received_bytes
            for _ in range(50):
                try:
                    sender.send(bytes(1 << 16))
                except BlockingIOError:
                    break
            await asyncio.sleep(0.02)
        assert end.congested
        assert end.writer.transport.get_write_buffer_size() <= HIGH_WATER + READ_SIZE


async def test_silence_ends_it_on_both_sides():
    async with relayed(idle=0.1) as (relay, running, client, origin):
        await finished(running)
        for sock in (client, origin):
            with pytest.raises(ConnectionResetError):
                await received(sock)
    assert (relay.failure, relay.code) == ("idle", "relay_idle")


@pytest.mark.parametrize("speaker", ["client", "origin"])
async def test_a_byte_now_and_then_in_either_direction_is_no_silence(speaker):
    async with relayed(idle=0.8) as (_, running, client, origin):
        for _ in range(6):
            (client if speaker == "client" else origin).sendall(b".")
            await asyncio.sleep(0.2)
        assert not running.done()


async def test_what_is_broken_off_is_reset_on_both_sides():
    async with relayed() as (relay, running, client, origin):
        await asyncio.sleep(0.01)
        relay.abort("the gate is stopping")
        relay.abort("again")
        await finished(running)
        for sock in (client, origin):
            with pytest.raises(ConnectionResetError):
                await received(sock)
    assert (relay.failure, relay.code) == ("the gate is stopping", "failed")


async def test_a_new_policy_that_allows_it_changes_nothing():
    async with relayed() as (relay, running, client, origin):
        relay.judge_again(ALLOWING)
        client.sendall(b"still here")
        assert await asyncio.to_thread(origin.recv, 100) == b"still here"
        assert not running.done()


async def test_a_new_policy_that_does_not_ends_it():
    async with relayed() as (relay, running, client, origin):
        await asyncio.sleep(0.01)
        relay.judge_again(DENYING)
        await finished(running)
        for sock in (client, origin):
            with pytest.raises(ConnectionResetError):
                await received(sock)
    assert relay.failure.startswith("revoked: ")
    assert relay.code == "unregistered"


async def test_draining_leaves_it_its_time():
    async with relayed() as (relay, running, client, origin):
        relay.drain()
        client.sendall(b"more")
        assert await asyncio.to_thread(origin.recv, 100) == b"more"
        assert not running.done()


async def test_one_that_is_cancelled_closes_both_sides():
    async with relayed() as (relay, running, client, origin):
        await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert await asyncio.gather(received(client), received(origin)) == [b"", b""]
        await until(lambda: relay.client.gone and relay.origin.gone)
    assert relay.watch.cancelled()
