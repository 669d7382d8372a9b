"""The resolver's sockets, on loopback."""

import asyncio
import socket
from collections.abc import Callable

import pytest

from naming.questions import question
from outgate.naming import server
from outgate.naming.server import NameServer
from outgate.sockets import resolving


@pytest.fixture
async def echo():
    """Answers a question by itself, and an empty one not at all."""
    held = asyncio.Event()
    held.set()

    async def answer(message: bytes) -> bytes:
        await held.wait()
        return message if message != b"nothing" else b""

    made = NameServer(answer, *resolving("127.0.0.1", 0))
    await made.start()
    made.held = held
    yield made
    await made.close()


async def datagram(port: int, message: bytes, within: float = 5.0) -> bytes:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, ("127.0.0.1", port))
        await loop.sock_sendall(sock, message)
        return await asyncio.wait_for(loop.sock_recv(sock, 4096), within)


async def until(happened: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not happened():  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)


async def test_datagrams_and_connections_on_one_port(echo):
    asked = question("api.example")
    assert await datagram(echo.port, asked) == asked
    reader, writer = await asyncio.open_connection("127.0.0.1", echo.port)
    for _ in range(2):
        writer.write(len(asked).to_bytes(2) + asked)
        assert await reader.readexactly(2 + len(asked)) == len(asked).to_bytes(2) + asked
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("sent", [b"\0\0", b"\xff\xff", (7).to_bytes(2) + b"nothing"])
async def test_a_connection_that_says_nothing_sensible_is_closed(echo, sent):
    reader, writer = await asyncio.open_connection("127.0.0.1", echo.port)
    writer.write(sent)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    await writer.wait_closed()


async def test_what_waits_is_bounded(echo, monkeypatch):
    monkeypatch.setattr(server, "PENDING", 3)
    echo.held.clear()
    waiting = [asyncio.create_task(datagram(echo.port, b"%d" % number, 2.0)) for number in range(6)]
    await until(lambda: len(echo.tasks) == 3)
    await asyncio.sleep(0.05)
    assert len(echo.tasks) == 3
    echo.held.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert sum(isinstance(one, bytes) for one in found) == 3


async def test_connections_are_bounded(echo, monkeypatch):
    monkeypatch.setattr(server, "CONNECTIONS", 1)
    first = await asyncio.open_connection("127.0.0.1", echo.port)
    await until(lambda: echo.connections)
    reader, writer = await asyncio.open_connection("127.0.0.1", echo.port)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    for one in (writer, first[1]):
        one.close()
        await one.wait_closed()
