"""One open connection: what was written arrives, a stuck peer is not waited for, and a broken end looks broken."""

import asyncio
import itertools
import socket
import ssl
import time
from contextlib import asynccontextmanager

import pytest

from outgate.proxy import connections
from outgate.proxy.connections import HIGH_WATER, Reader, Transport
from proxy.wires import LIMIT, connected, until

NAME = "api.example"
PATIENCE = 0.3
"""Seconds that a close waits in these tests."""
SLOWLY = 1.0
"""And where the peer is slower than that, and is not to be thought stuck on a busy machine."""


@asynccontextmanager
async def opened(kind, leaves, trusting):
    """A transport of ours, plain or with TLS, and the blocking socket at its other end."""
    with connected() as (peer, accepted):
        streams = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(streams)
        loop = asyncio.get_running_loop()
        context = leaves.context(NAME, ()) if kind == "tls" else None
        accepting = asyncio.create_task(loop.connect_accepted_socket(lambda: protocol, accepted.dup(), ssl=context))
        if kind == "tls":
            peer = await asyncio.to_thread(trusting.wrap_socket, peer, server_hostname=NAME)
        accepted_by, _ = await accepting
        accepted.close()
        try:
            yield Transport(streams, asyncio.StreamWriter(accepted_by, protocol, streams, loop)), peer
        finally:
            peer.close()
            accepted_by.abort() if not accepted_by.is_closing() else None
            await asyncio.sleep(0)


@pytest.fixture(params=["plain", "tls"])
async def line(request, leaves, trusting):
    async with opened(request.param, leaves, trusting) as made:
        yield made


@pytest.fixture
async def plain(leaves, trusting):
    async with opened("plain", leaves, trusting) as made:
        yield made


@pytest.fixture
async def secure(leaves, trusting):
    async with opened("tls", leaves, trusting) as made:
        yield made


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(connections, "FLUSH_TIMEOUT", PATIENCE)


@pytest.fixture(autouse=True)
async def nothing_fails_unseen():
    """Whatever a callback of the loop raises fails the test."""
    seen = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: seen.append(context))
    yield
    assert not seen


def everything(peer: socket.socket) -> bytes:
    """What a peer receives until the end of the stream; raises what the peer would."""
    got = b""
    while data := peer.recv(1 << 16):
        got += data
    return got


async def lost(transport: Transport) -> None:
    """Until our side of a connection is gone."""
    await until(lambda: transport._socket() is None)


def fill(transport: Transport) -> int:
    """Write until the kernel and we hold all that we may; the number of bytes."""
    written = 0
    while not transport.congested:
        transport.write(bytes(16 * 1024))
        written += 16 * 1024
    return written


async def test_what_was_written_before_a_close_arrives_whole(line):
    transport, peer = line
    data = bytes(range(256)) * 8192
    transport.write(data)
    transport.close()
    assert await asyncio.to_thread(everything, peer) == data


async def test_a_peer_that_takes_nothing_is_not_waited_for(line, impatient):
    transport, peer = line
    fill(transport)
    transport.close()
    await lost(transport)
    with pytest.raises(ConnectionResetError):
        await asyncio.to_thread(everything, peer)


async def test_a_peer_that_takes_slowly_has_all_of_it(secure, monkeypatch):
    transport, peer = secure
    monkeypatch.setattr(connections, "FLUSH_TIMEOUT", SLOWLY)

    def slowly() -> int:
        received = 0
        while data := peer.recv(1 << 14):
            received += len(data)
            time.sleep(2 * SLOWLY * len(data) / written)
        return received

    written = fill(transport)
    transport.close()
    assert await asyncio.to_thread(slowly) == written


async def test_tls_whose_end_is_not_answered_is_dropped(secure, impatient):
    transport, _peer = secure
    transport.close()
    await lost(transport)


async def test_a_close_holds_nothing_longer_than_the_peer(line):
    """Ended connections must not pile up until a timer forgets them."""
    transport, peer = line
    transport.write(b"bye")
    transport.close()
    assert await asyncio.to_thread(everything, peer) == b"bye"
    peer.close()
    await lost(transport)
    await asyncio.sleep(0.01)
    assert transport.ending is None or transport.ending.done()


async def test_an_abort_is_a_reset(line):
    transport, peer = line
    transport.write(b"half of a")
    transport.abort()
    with pytest.raises(ConnectionResetError):
        await asyncio.to_thread(everything, peer)
    await lost(transport)


async def test_an_abort_after_a_close_is_a_reset_while_bytes_are_unsent(line):
    transport, peer = line
    fill(transport)
    transport.close()
    transport.abort()
    await lost(transport)
    with pytest.raises(ConnectionResetError):
        await asyncio.to_thread(everything, peer)


ORDERS = sorted(set(itertools.permutations(("close", "abort", "half_close", "close"), 3)))


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
@pytest.mark.parametrize("peer_left", [False, True], ids=["open", "left"])
async def test_ends_may_come_in_any_order(line, order, peer_left, impatient):
    transport, peer = line
    transport.write(b"something")
    if peer_left:
        peer.close()
        await asyncio.sleep(0.02)
    for end in order:
        getattr(transport, end)()
        await asyncio.sleep(0)
    transport.write(b"ignored")
    await transport.drain()
    peer.close()
    await lost(transport)
    for end in order:
        getattr(transport, end)()
    assert not transport.congested


async def test_half_of_a_plain_connection_can_be_closed(plain):
    transport, peer = plain
    transport.write(b"question")
    assert transport.half_close()
    assert await asyncio.to_thread(everything, peer) == b"question"
    peer.sendall(b"answer")
    async with asyncio.timeout(LIMIT):
        assert await transport.reader.readexactly(6) == b"answer"


async def test_half_of_a_tls_connection_cannot_so_it_is_closed_whole(secure):
    transport, peer = secure
    transport.write(b"question")
    assert not transport.half_close()
    assert await asyncio.to_thread(everything, peer) == b"question"  # and then close_notify, or this would raise


async def test_while_it_is_congested_drain_waits_and_then_goes_on(line):
    """Where `drain` returned at once, whoever waits for room would spin."""
    transport, peer = line
    written = fill(transport)
    waiting = asyncio.create_task(transport.drain())
    for _ in range(5):
        await asyncio.sleep(0.01)
        assert transport.congested
        assert not waiting.done()
    reading = asyncio.create_task(asyncio.to_thread(take, peer, written))
    async with asyncio.timeout(LIMIT):
        await waiting
        await reading
    assert not transport.congested


def take(peer: socket.socket, count: int) -> None:
    while count:
        count -= len(peer.recv(min(count, 1 << 16)))


async def test_what_waits_for_room_goes_on_when_the_peer_breaks_off(line):
    transport, peer = line
    fill(transport)
    waiting = asyncio.create_task(transport.drain())
    await asyncio.sleep(0.01)
    connections.reset(peer)
    peer.close()
    async with asyncio.timeout(LIMIT):
        await waiting
        with pytest.raises(ConnectionResetError):
            await transport.reader.read()
    assert not transport.congested


async def test_no_more_than_the_bound_is_held_back(line):
    transport, _peer = line
    fill(transport)
    assert transport.writer.transport.get_write_buffer_size() <= HIGH_WATER + 32 * 1024


class Remembering:
    """Stands for an origin, whose TLS session is worth keeping."""

    times = 0

    def remember(self):
        self.times += 1

    def over(self):
        """Whoever counts connections is told."""


async def test_an_origin_is_remembered_when_it_is_closed_and_not_when_it_is_broken_off(line):
    transport, _peer = line
    transport.origin = Remembering()
    transport.abort()
    assert transport.origin.times == 0
    transport.close()
    assert transport.origin.times == 1


def test_resetting_what_is_closed_or_absent_does_nothing():
    connections.reset(None)
    with socket.socket() as sock:
        pass
    connections.reset(sock)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_an_aborted_tls_stream_ends_without_its_end(leaves, trusting, version):
    """A truncated answer must not pass for a whole one."""
    trusting.minimum_version = trusting.maximum_version = version
    async with opened("tls", leaves, trusting) as (transport, peer):
        transport.write(b"half")
        await asyncio.sleep(0.01)
        assert await asyncio.to_thread(peer.recv, 100) == b"half"
        transport.abort()
        with pytest.raises(ConnectionResetError):
            await asyncio.to_thread(peer.recv, 100)


async def test_what_is_looked_at_is_left_to_be_read():
    reader = Reader()
    reader.look()
    looking = asyncio.create_task(reader.peek(3))
    reader.feed_data(b"ab")
    await asyncio.sleep(0)
    reader.feed_data(b"cdef")
    assert await looking == b"abcdef"
    await reader.skip(2)
    assert await reader.peek(0) == b"cdef"
    reader.looked()
    assert await reader.read(100) == b"cdef"


@pytest.mark.parametrize("end", ["eof", "error"])
async def test_who_looks_learns_that_no_more_will_come(end):
    reader = Reader()
    reader.look()
    looking = asyncio.create_task(reader.peek(5))
    reader.feed_data(b"ab")
    await asyncio.sleep(0)
    if end == "eof":
        reader.feed_eof()
    else:
        reader.set_exception(ConnectionResetError())
    assert await looking == b"ab"
