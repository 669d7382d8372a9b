"""What waits is bounded, and keeps nobody waiting who does not wait for it."""

import asyncio
import contextlib
import socket
import struct
from contextlib import asynccontextmanager

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived

from e2e.http2_client import Client, request
from outgate.policy.model import Protocol
from outgate.proxy import connections
from outgate.proxy.handler import Handler
from proxy.gates import gate, to
from proxy.wires import LIMIT, until

MIB = 1024 * 1024
PATIENT = 30.0
"""Seconds that hooks are given here, so that no test passes because one was given up."""


@asynccontextmanager
async def serving(serve):
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def plain(reader, writer):
    """A megabyte for whoever asks, and a word for who has sent as much."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    await reader.readexactly(int(line.partition(b":")[2]))
            body = bytes(4 * MIB) if b"/big" in head else b"ok"
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        return
    finally:
        writer.close()


class Waiting:
    """An addon whose hook lasts until it is told, for `slow.example`."""

    def __init__(self, hook: str) -> None:
        self.reached, self.told, self.loop = asyncio.Event(), asyncio.Event(), asyncio.get_running_loop()
        setattr(self, hook, self._wait)

    async def _wait(self, about) -> None:
        slow = "slow" in (about.server.address[0] if hasattr(about, "server") else about.request.host)
        if slow:
            self.reached.set()
            await self.told.wait()

    def tell(self) -> None:
        self.loop.call_soon_threadsafe(self.told.set)


@asynccontextmanager
async def beside(authority, addon, serve=plain, **limits):
    """A gate with a destination that waits and one that does not."""
    async with serving(serve) as port:
        destinations = (to("slow.example", 80, port), to("api.example", 80, port))
        async with gate(authority, *destinations, addons=(addon,), hook_timeout=PATIENT, **limits) as running:
            yield running
            addon.told.set()


async def client(running, work):
    def run():
        with socket.create_connection(running.address, LIMIT) as sock:
            return work(Client(sock))

    return await asyncio.to_thread(run)


def upload(speaking: Client, number: int, size: int, patience: float | None = None) -> int:
    """How much of a body is taken, at most within `patience` seconds of silence."""
    speaking._sock.settimeout(patience or LIMIT)
    sent = 0
    try:
        while sent < size:
            if (room := speaking._h2.local_flow_control_window(number)) <= 0:
                speaking._read()
                continue
            piece = min(room, 16384, size - sent)
            speaking.data(number, bytes(piece))
            sent += piece
    except TimeoutError:
        pass
    speaking._sock.settimeout(LIMIT)
    return sent


async def test_a_dial_that_lasts_keeps_only_its_own_stream_waiting(authority):
    addon = Waiting("server_connect")
    async with beside(authority, addon, held_bytes=1000) as running:

        def work(speaking):
            slow = speaking.send(request("slow.example"))
            big = speaking.ask(request("api.example", "/big"))
            up = speaking.send(request("api.example", "/up", "POST", content_length=str(3 * MIB)), end=False)
            assert upload(speaking, up, 3 * MIB) == 3 * MIB
            speaking.data(up, b"", end=True)
            uploaded = speaking.answer(up).body
            waiting = speaking.streams[slow].status
            addon.tell()
            return len(big.body), uploaded, waiting, speaking.answer(slow).status

        assert await client(running, work) == (4 * MIB, b"ok", 0, 200)


@pytest.mark.parametrize("hook", ["requestheaders", "server_connect", "server_connected"])
async def test_no_more_of_a_body_is_taken_than_its_window_while_its_stream_waits(authority, hook):
    addon = Waiting(hook)
    async with beside(authority, addon, stream_window=MIB) as running:

        def work(speaking):
            number = speaking.send(request("slow.example", "/", "POST", content_length=str(4 * MIB)), end=False)
            taken = upload(speaking, number, 4 * MIB, 0.3)
            addon.tell()
            rest = upload(speaking, number, 4 * MIB - taken)
            speaking.data(number, b"", end=True)
            return taken, taken + rest, speaking.answer(number).body

        assert await client(running, work) == (MIB, 4 * MIB, b"ok")


async def test_no_more_of_a_body_is_taken_than_may_be_held_while_http1_waits(authority):
    addon = Waiting("requestheaders")
    async with beside(authority, addon, held_bytes=100_000) as running:
        reader, writer = await asyncio.open_connection(*running.address)
        head = f"POST / HTTP/1.1\r\nHost: slow.example\r\nContent-Length: {64 * MIB}\r\n\r\n".encode()
        writer.write(head + bytes(64 * MIB))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await writer.drain()
        addon.told.set()
        async with asyncio.timeout(LIMIT):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        writer.close()


async def test_an_origin_that_never_reads_keeps_no_window_of_another_stream(authority):
    """The other origin is slow to begin with, so that its stream waits for a socket to drain; nothing else happens."""
    begin = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        if b"slow.example" in head:
            await asyncio.sleep(LIMIT)
        await begin.wait()
        left = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        await reader.readexactly(left)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async with beside(
        authority, Waiting("response"), serve, stream_window=8 * MIB, connection_window=64 * MIB
    ) as running:

        def work(speaking):
            stuck = speaking.send(request("slow.example", "/", "POST", content_length=str(32 * MIB)), end=False)
            upload(speaking, stuck, 32 * MIB, 0.3)
            slow = speaking.send(request("api.example", "/", "POST", content_length=str(32 * MIB)), end=False)
            taken = upload(speaking, slow, 32 * MIB, 0.3)
            loop.call_soon_threadsafe(begin.set)
            rest = upload(speaking, slow, 32 * MIB - taken, 3)
            return taken < 32 * MIB, taken + rest

        assert await client(running, work) == (True, 32 * MIB)


async def test_an_origin_s_pings_keep_no_workload_s_place(authority):
    """The gate would never find out that a workload is gone."""

    async def serve(reader, writer):
        h2 = H2Connection(H2Configuration(client_side=False))
        h2.initiate_connection()
        try:
            while True:
                writer.write(h2.data_to_send())
                try:
                    async with asyncio.timeout(0.1):
                        data = await reader.read(65536)
                except TimeoutError:
                    h2.ping(b"12345678")
                    continue
                if not data:
                    return
                for event in h2.receive_data(data):
                    if isinstance(event, RequestReceived):
                        h2.send_headers(event.stream_id, [(":status", "200")], end_stream=True)
        except OSError:
            return
        finally:
            writer.close()

    async with (
        serving(serve) as port,
        gate(authority, to("api.example", 80, port, Protocol.HTTP2), idle_timeout=0.5) as running,
    ):

        def work(speaking):
            assert speaking.ask(request("api.example")).status == 200
            while not speaking.gone:
                speaking._read()
            return True

        assert await client(running, work)


async def test_a_body_without_a_length_that_breaks_off_does_not_look_whole(authority):
    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\npart")
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()

    async with serving(serve) as port, gate(authority, to("api.example", 80, port)) as running:
        reader, writer = await asyncio.open_connection(*running.address)
        writer.write(b"GET / HTTP/1.1\r\nHost: api.example\r\n\r\n")
        with pytest.raises(ConnectionError):
            async with asyncio.timeout(LIMIT):
                await reader.read()
        writer.close()
        (line,) = await running.lines()
    assert line["failure"] == "upstream_reset: the body breaks off"


async def test_a_workload_that_leaves_during_a_dial_is_told_of_in_the_log(authority):
    addon = Waiting("server_connect")
    async with beside(authority, addon) as running:
        _, writer = await asyncio.open_connection(*running.address)
        writer.write(b"GET /left HTTP/1.1\r\nHost: slow.example\r\n\r\n")
        await addon.reached.wait()
        writer.close()
        (line,) = await running.lines()
    assert (line["path"], line["flags"], line["failure"]) == (
        "/left",
        "DC",
        "client_disconnected: the client went away",
    )


async def test_an_origin_is_let_go_when_the_workload_leaves_before_it_was_told_of_it(authority):
    """Between the dial and the first request there is a hook, and it may wait."""
    connections = ended = 0

    async def serve(reader, writer):
        nonlocal connections, ended
        connections += 1
        await reader.read(100)
        ended += 1
        writer.close()

    addon = Waiting("server_connected")
    async with beside(authority, addon, serve) as running:
        _, writer = await asyncio.open_connection(*running.address)
        writer.write(b"GET /left HTTP/1.1\r\nHost: slow.example\r\n\r\n")
        await addon.reached.wait()
        writer.close()
        await until(lambda: (connections, ended) == (1, 1))


DENIED = b"GET / HTTP/1.1\r\nHost: other.example\r\n\r\n"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
PING = bytes([0, 0, 8, 6, 0, 0, 0, 0, 0]) + b"12345678"


@pytest.mark.parametrize(
    ("first", "again", "most"), [(DENIED, DENIED, 900_000), (PREFACE, PING, 300_000)], ids=["http/1", "http/2"]
)
async def test_who_reads_no_answers_is_not_listened_to(authority, monkeypatch, first, again, most):
    """`most` is what is let be unread, and the answers to what is read at once."""
    monkeypatch.setattr(connections, "OVERFULL", 100_000)
    loop = asyncio.get_running_loop()
    async with gate(authority) as running:
        with socket.create_connection(running.address) as made:
            made.setblocking(False)
            await loop.sock_sendall(made, first)
            live = running.engine.plane.live
            await until(lambda: any(isinstance(one, Handler) for one in live))
            (handler,) = live
            transport = handler.transports[handler.client]
            for sock, size in ((made, socket.SO_RCVBUF), (transport.writer.get_extra_info("socket"), socket.SO_SNDBUF)):
                sock.setsockopt(socket.SOL_SOCKET, size, 4096)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(4):
                    while transport.writer.transport.get_write_buffer_size() < most:
                        await loop.sock_sendall(made, again * 100)
            assert 0 < transport.writer.transport.get_write_buffer_size() < most
