"""Idle connections come back only under their own key, alive, and in bounded number."""

import asyncio
import os
import ssl

import pytest

from outgate.policy.addresses import Permit
from outgate.policy.model import Endpoint, Resolution, UpstreamTLS
from outgate.upstream import pool as module
from outgate.upstream.connect import connect, key_of
from outgate.upstream.pool import Pool, usable
from outgate.upstream.sessions import Sessions
from upstream.building import environment, finish, talk, target
from upstream.origins import echo, server_context, serving


@pytest.fixture
async def pool(clock):
    made = Pool(each=2, total=3, idle=30, clock=clock)
    yield made
    made.close()
    await asyncio.sleep(0)


@pytest.fixture
def gate():
    return environment()


class Ending:
    """Answers lines; when told to, adds something or hangs up."""

    def __init__(self) -> None:
        self.writers: list[asyncio.StreamWriter] = []

    async def __call__(self, reader, writer) -> None:
        self.writers.append(writer)
        await echo(reader, writer)

    async def say(self, data: bytes) -> None:
        self.writers[-1].write(data)
        await self.writers[-1].drain()

    def hang_up(self) -> None:
        self.writers[-1].close()


async def until(holds) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.005)


def gone(connection) -> bool:
    return connection.writer.transport.is_closing()


async def test_a_released_connection_serves_the_next_exchange(pool, gate):
    async with serving(echo) as port:
        connection = await connect(target(port), gate)
        key = connection.key
        assert pool.acquire(key) is None
        for _ in range(3):
            assert await talk(connection) == b"hi\n"
            pool.release(connection)
            assert len(pool) == 1
            assert pool.acquire(key) is connection
            assert len(pool) == 0
        connection.abort()


async def test_a_secured_connection_is_pooled_too_and_its_session_kept(pool, gate, good, ca, version):
    async with serving(echo, server_context(good, ssl.TLSVersion[version.replace(".", "_")])) as port:
        given = target(port, tls=UpstreamTLS(ca=ca.path), alpn=("http/1.1",))
        connection = await connect(given, gate)
        await talk(connection)
        pool.release(connection)
        assert len(gate.sessions) == 1
        assert pool.acquire(await key_of(given, gate)) is connection
        assert await talk(connection, b"more\n") == b"more\n"
        connection.abort()


async def test_a_session_that_was_taken_is_not_kept_again_by_its_connection(pool, gate, good, ca):
    """A TLS 1.3 one is used once."""
    async with serving(echo, server_context(good, ssl.TLSVersion.TLSv1_3)) as port:
        connection = await connect(target(port, tls=UpstreamTLS(ca=ca.path)), gate)
        for taken in (True, False, False):
            await talk(connection)
            pool.release(connection)
            assert (gate.sessions.take(connection.key) is not None) is taken
            assert pool.acquire(connection.key) is connection
        connection.abort()


class Asked(Sessions):
    """Counts how often it is asked to keep something."""

    times = 0

    def put(self, key, connection):
        self.times += 1
        return super().put(key, connection)


async def test_a_session_is_looked_for_twice_at_most_however_long_a_connection_lives(pool, good, ca):
    """Some Pythons never free what a look leaves behind."""
    server = server_context(good, ssl.TLSVersion.TLSv1_3)
    server.num_tickets = 0
    gate = environment(sessions=Asked())
    async with serving(echo, server) as port:
        connection = await connect(target(port, tls=UpstreamTLS(ca=ca.path)), gate)
        for _ in range(5):
            await talk(connection)
            pool.release(connection)
            assert pool.acquire(connection.key) is connection
        await finish(connection)
    assert gate.sessions.times == 2


async def test_another_key_gets_nothing(pool, gate, good, ca, client):
    tls = UpstreamTLS(ca=ca.path)
    mutual = UpstreamTLS(ca=ca.path, client_certificate=client.certificate, private_key=client.key)
    async with serving(echo, server_context(good)) as port:
        connection = await connect(target(port, tls=tls), gate)
        pool.release(connection)
        for other in (
            target(port, tls=mutual),
            target(port, tls=tls, key="other"),
            target(port, "other.example", tls=tls),
            target(port, tls=tls, generation="g2"),
            target(port, tls=tls, endpoints=(Endpoint("127.0.0.2", port),)),
            target(port, tls=tls, resolution=Resolution.STATIC),
            target(port, tls=tls, permit=Permit()),
            target(port),
        ):
            assert pool.acquire(await key_of(other, gate)) is None
        assert pool.acquire(connection.key) is connection
        connection.abort()


async def test_the_last_released_is_the_first_to_go(pool, gate):
    async with serving(echo) as port:
        one, two = [await connect(target(port), gate) for _ in range(2)]
        pool.release(one)
        pool.release(two)
        assert [pool.acquire(one.key), pool.acquire(one.key)] == [two, one]
        one.abort()
        two.abort()


@pytest.mark.parametrize("secured", [False, True])
@pytest.mark.parametrize("seen", [False, True])
async def test_a_connection_that_ended_is_not_reused(pool, gate, good, ca, secured, seen):
    """Whether or not the loop has seen the end yet."""
    server = Ending()
    async with serving(server, server_context(good) if secured else None) as port:
        connection = await connect(target(port, tls=UpstreamTLS(ca=ca.path) if secured else None), gate)
        await talk(connection)
        pool.release(connection)
        server.hang_up()
        if seen:
            await until(lambda: not usable(connection))
        else:
            await asyncio.sleep(0)
        assert pool.acquire(connection.key) is None
        assert gone(connection)


@pytest.mark.parametrize("secured", [False, True])
async def test_stray_bytes_do_not_answer_the_next_request(pool, gate, good, ca, secured):
    server = Ending()
    async with serving(server, server_context(good) if secured else None) as port:
        for released in (True, False):
            connection = await connect(target(port, tls=UpstreamTLS(ca=ca.path) if secured else None), gate)
            await talk(connection)
            if released:
                pool.release(connection)
            await server.say(b"HTTP/1.1 200 OK\r\n\r\n")
            await until(lambda made=connection: not usable(made))
            if not released:
                pool.release(connection)
                assert len(pool) == 0
            assert pool.acquire(connection.key) is None
            assert gone(connection)


async def test_bytes_that_the_loop_has_not_read_are_noticed(pool, gate):
    server = Ending()
    async with serving(server) as port:
        connection = await connect(target(port), gate)
        await talk(connection)
        pool.release(connection)
        os.write(server.writers[-1].get_extra_info("socket").fileno(), b"stray")
        assert pool.acquire(connection.key) is None


async def test_looking_does_not_disturb(pool, gate):
    async with serving(echo) as port:
        connection = await connect(target(port), gate)
        for _ in range(3):
            assert usable(connection)
        reading = asyncio.create_task(connection.reader.readline())
        await asyncio.sleep(0)
        connection.writer.write(b"whole line\n")
        assert await reading == b"whole line\n"
        connection.abort()


async def test_idle_connections_are_closed_in_time(pool, gate, clock, monkeypatch):
    monkeypatch.setattr(module, "SWEEP", 0.01)
    async with serving(echo) as port:
        one = await connect(target(port), gate)
        pool.release(one)
        clock.now += 29
        await asyncio.sleep(0.05)
        assert len(pool) == 1
        clock.now += 1
        await until(lambda: len(pool) == 0)
        assert gone(one)


async def test_no_list_stays_of_connections_that_are_in_use_or_gone(pool, gate, monkeypatch):
    """A policy may lead to any number of origins."""
    monkeypatch.setattr(module, "SWEEP", 0.01)
    async with serving(echo) as port:
        one = await connect(target(port), gate)
        pool.release(one)
        assert pool.acquire(one.key) is one
        await until(lambda: not pool._kept)
        pool.release(one)
        assert pool.acquire(one.key) is one
        one.abort()


async def test_one_that_idled_too_long_is_not_given(pool, gate, clock):
    async with serving(echo) as port:
        one = await connect(target(port), gate)
        pool.release(one)
        clock.now += 30
        assert pool.acquire(one.key) is None
        assert gone(one)


async def test_one_that_ends_while_idle_is_closed_soon(pool, gate, monkeypatch, descriptors):
    monkeypatch.setattr(module, "SWEEP", 0.01)
    server = Ending()
    async with serving(server) as port:
        connection = await connect(target(port), gate)
        await talk(connection)
        pool.release(connection)
        server.hang_up()
        await until(lambda: len(pool) == 0)
    assert await descriptors.settle() <= 0


async def test_the_number_is_bounded_for_each_and_in_all(pool, gate):
    async with serving(echo) as port:
        same = [await connect(target(port), gate) for _ in range(3)]
        for connection in same:
            pool.release(connection)
        assert (len(pool), [gone(one) for one in same]) == (2, [True, False, False])
        others = [await connect(target(port, key=f"other{number}"), gate) for number in range(2)]
        for connection in others:
            pool.release(connection)
        assert len(pool) == 3
        assert [gone(one) for one in (*same, *others)] == [True, True, False, False, False]


async def test_connections_of_an_old_policy_are_closed(pool, gate):
    async with serving(echo) as port:
        old, new = await connect(target(port), gate), await connect(target(port, generation="g2"), gate)
        pool.release(old)
        pool.release(new)
        pool.drop("g1")
        assert (gone(old), gone(new), len(pool)) == (True, False, 1)


async def test_a_closed_pool_keeps_nothing(gate, descriptors):
    pool = Pool()
    async with serving(echo) as port:
        kept, late = await connect(target(port), gate), await connect(target(port), gate)
        pool.release(kept)
        pool.close()
        pool.release(late)
        assert (len(pool), gone(kept), gone(late)) == (0, True, True)
        assert pool.acquire(kept.key) is None
    assert await descriptors.settle() <= 0


async def test_http_2_is_not_pooled(pool, gate, good, ca):
    async with serving(echo, server_context(good, alpn=("h2",))) as port:
        connection = await connect(target(port, tls=UpstreamTLS(ca=ca.path), alpn=("h2",)), gate)
        pool.release(connection)
        assert (len(pool), gone(connection)) == (0, True)


async def test_a_connection_with_a_request_still_to_send_is_not_kept(pool, gate):
    async def deaf(reader, writer):
        await asyncio.sleep(60)

    async with serving(deaf) as port:
        connection = await connect(target(port), gate)
        connection.writer.write(bytes(16 * 1024 * 1024))
        pool.release(connection)
        assert len(pool) == 0
        connection.abort()


async def test_released_twice_it_is_closed(pool, gate):
    """It would serve two clients."""
    async with serving(echo) as port:
        connection = await connect(target(port), gate)
        pool.release(connection)
        pool.release(connection)
        assert (len(pool), gone(connection)) == (0, True)
