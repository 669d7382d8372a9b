"""One client connection: when it is kept, when it is ended, and when its origin's is another's."""

import asyncio
import contextlib
from dataclasses import replace

import h2.config
import h2.connection
import h2.events

from proxy.gates import gate, origin, to

REQUEST = b"GET http://api.example/ HTTP/1.1\r\nHost: api.example\r\n\r\n"
DENIED = REQUEST.replace(b"api.example", b"other.example")
CLOSING = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes = REQUEST) -> bytes:
    writer.write(request)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return head + await reader.readexactly(length)


async def test_an_origin_that_says_it_closes_is_not_asked_again(authority):
    async with origin(CLOSING) as server, gate(authority, to("api.example", 80, server.port)) as running:
        reader, writer = await asyncio.open_connection(*running.address)
        for _ in range(2):
            answer = await ask(reader, writer)
            assert answer.endswith(b"ok")
            assert b"connection" not in answer.lower()
        writer.close()
        assert server.connections == 2


async def test_a_connection_outlives_a_denial_for_longer_than_a_head_may_take(authority):
    async with origin() as server, gate(authority, to("api.example", 80, server.port), head_timeout=0.3) as running:
        reader, writer = await asyncio.open_connection(*running.address)
        assert (await ask(reader, writer, DENIED)).startswith(b"HTTP/1.1 502")
        await asyncio.sleep(0.8)
        assert (await ask(reader, writer)).endswith(b"ok")
        writer.close()


async def test_a_head_that_is_begun_has_to_be_ended_in_time(authority):
    async with gate(authority, head_timeout=0.3) as running:
        reader, writer = await asyncio.open_connection(*running.address)
        await ask(reader, writer, DENIED)
        writer.write(REQUEST[:20])
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 3) == b""
        assert running.counts["head_timeout"] == 1


async def test_what_is_still_sent_after_an_answer_is_swallowed_for_a_while_and_then_refused(authority):
    async with gate(authority, stream_window=65536, connection_window=200_000) as running:
        reader, writer = await asyncio.open_connection(*running.address)
        wire = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        wire.initiate_connection()
        pseudo = {":method": "POST", ":scheme": "http", ":authority": "other.example", ":path": "/"}
        wire.send_headers(1, list(pseudo.items()))
        sent, seen = 0, []
        async with asyncio.timeout(10):
            while not any(isinstance(event, h2.events.StreamReset) for event in seen):
                room = min(wire.local_flow_control_window(1), 16384)
                if room > 0 and sent < 1_000_000:
                    wire.send_data(1, bytes(room))
                    sent += room
                writer.write(wire.data_to_send())
                await writer.drain()
                with contextlib.suppress(TimeoutError):
                    seen += wire.receive_data(await asyncio.wait_for(reader.read(65536), 0.02))
        writer.close()
    answered = next(event for event in seen if isinstance(event, h2.events.ResponseReceived))
    assert (b":status", b"502") in answered.headers
    assert any(isinstance(event, h2.events.StreamEnded) for event in seen)
    assert 200_000 < sent < 400_000


async def test_an_idle_http2_connection_may_be_pinged(authority):
    async with gate(authority, head_timeout=0.3) as running:
        reader, writer = await asyncio.open_connection(*running.address)
        wire = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        wire.initiate_connection()
        writer.write(wire.data_to_send())
        for _ in range(4):
            wire.ping(b"12345678")
            writer.write(wire.data_to_send())
            await asyncio.sleep(0.2)
        assert not reader.at_eof()
        assert running.counts["head_timeout"] == 0
        writer.close()


async def test_a_port_is_not_answered_by_the_origin_of_another(authority):
    """Both have the same upstream port and other endpoints, as is usual where ports are mapped."""
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"
    async with origin(answer + b"80") as one, origin(answer + b"81") as two:
        known = [to("api.example", port, where.port).ports[0] for port, where in ((80, one), (81, two))]
        ports = tuple(replace(port, upstream=replace(port.upstream, port=8443)) for port in known)
        async with gate(authority, replace(to("api.example", 80, 1), ports=ports)) as running:
            for number in (81, 80, 81):
                reader, writer = await asyncio.open_connection(*running.address)
                named = REQUEST if number == 80 else REQUEST.replace(b"example", b"example:81")
                assert (await ask(reader, writer, named)).endswith(b"%d" % number)
                writer.close()
                await asyncio.sleep(0.05)
