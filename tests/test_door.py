"""The admin endpoint keeps to a few connections, and those who will be turned away to fewer."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator

import pytest
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from outgate import door
from outgate.door import Door
from proxy.wires import LIMIT, until

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Hello(RequestHandler):
    def get(self) -> None:
        self.finish("hello")


class Full(socket.socket):
    """A listener of a process that has no descriptor left until `room` is set."""

    tries = 0
    room = False

    def accept(self):
        self.tries += 1
        if not self.room:
            raise OSError(errno.EMFILE, "too many open files")
        return super().accept()


@contextlib.asynccontextmanager
async def opened(listener: socket.socket, *, strange: bool = False) -> AsyncIterator[tuple[str, int]]:
    server = HTTPServer(Application([("/", Hello)]))
    made = Door(server, lambda sock: strange)
    made.open(listener)
    try:
        yield listener.getsockname()
    finally:
        await made.close()
        await server.close_all_connections()


@pytest.fixture
def listener():
    with Full() as made:
        made.bind(("127.0.0.1", 0))
        made.listen(256)
        yield made


async def is_open(reader: asyncio.StreamReader) -> bool:
    """Whether nothing has come, not even an end."""
    try:
        async with asyncio.timeout(0.2):
            return bool(await reader.read(1))
    except TimeoutError:
        return True
    except ConnectionError:
        return False


async def answer(address: tuple[str, int]) -> bytes:
    async with asyncio.timeout(LIMIT):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(REQUEST)
        try:
            return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()


@pytest.mark.parametrize(("strange", "most"), [(False, door.MOST), (True, door.MOST_STRANGERS)])
async def test_more_than_a_few_silent_connections_are_closed_and_who_leaves_makes_room(listener, strange, most):
    listener.room = True
    async with opened(listener, strange=strange) as address:
        streams = [await asyncio.open_connection(*address) for _ in range(most + 20)]
        kept = await asyncio.gather(*(is_open(reader) for reader, _ in streams))
        assert kept.count(True) == most
        assert await answer(address) == b""
        streams[0][1].close()
        async with asyncio.timeout(LIMIT):
            while b"hello" not in await answer(address):  # noqa: ASYNC110 - who left is told to nobody
                await asyncio.sleep(0.01)
        for _, writer in streams:
            writer.close()


async def test_those_who_will_be_turned_away_leave_room_for_others(listener, monkeypatch):
    listener.room, strangers = True, [True] * (2 * door.MOST)
    made = Door(HTTPServer(Application([("/", Hello)])), lambda sock: strangers.pop() if strangers else False)
    made.open(listener)
    address = listener.getsockname()
    streams = [await asyncio.open_connection(*address) for _ in range(2 * door.MOST)]
    await until(lambda: not strangers)
    assert b"hello" in await answer(address)
    for _, writer in streams:
        writer.close()
    await made.close()


async def test_where_nobody_can_be_let_in_it_waits_and_says_so_once(listener, monkeypatch, caplog):
    monkeypatch.setattr(door, "PAUSE", 0.05)
    async with opened(listener) as address:
        asking = asyncio.create_task(answer(address))
        await until(lambda: listener.tries >= 3)
        before = listener.tries
        for _ in range(100):
            await asyncio.sleep(0)
        assert listener.tries <= before + 1
        listener.room = True
        assert b"hello" in await asking
    assert caplog.text.count("cannot accept") == 1
