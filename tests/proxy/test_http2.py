"""Many streams on one connection: what goes wrong with one costs that one, and what there is of each is bounded."""

import asyncio
import json
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, RequestReceived, StreamEnded
from hyperframe.frame import GoAwayFrame

from e2e.http2_client import Client, request
from outgate.policy.model import Protocol
from outgate.proxy import layers
from outgate.proxy.handler import Handler
from outgate.settings import Limits
from proxy.gates import gate, to
from proxy.wires import LIMIT

HOST = "api.example"
SECRET = "SECRET-1234567890"


@dataclass
class Origin:
    """Serves HTTP/2 by a table of paths, each a function that is told the connection's number and the stream's."""

    routes: dict = field(default_factory=dict)
    requests: list = field(default_factory=list)
    connections: int = 0
    port: int = 0

    async def serve(self, reader, writer):
        self.connections += 1
        speaking = Speaking(self.connections, writer)
        try:
            while data := await reader.read(65536):
                for event in speaking.h2.receive_data(data):
                    if isinstance(event, RequestReceived):
                        path = dict(event.headers)[":path"]
                        self.requests.append((speaking.number, path))
                        self.routes.get(path, answer)(speaking, event.stream_id)
                    elif isinstance(event, DataReceived):
                        speaking.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    elif isinstance(event, StreamEnded):
                        speaking.ended.add(event.stream_id)
                speaking.flush()
        except OSError:
            return
        finally:
            writer.close()


class Speaking:
    """One connection of an origin."""

    def __init__(self, number, writer):
        self.number, self.writer, self.ended = number, writer, set()
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding="latin-1"))
        self.h2.initiate_connection()
        self.flush()

    def flush(self):
        self.writer.write(self.h2.data_to_send())

    def answer(self, stream):
        self.h2.send_headers(stream, [(":status", "200")])
        self.h2.send_data(stream, b"connection %d" % self.number, end_stream=True)
        self.flush()

    def goodbye(self, last, code=0):
        """What a server sends that closes in good order, and goes on with what it has begun."""
        self.flush()
        self.writer.write(
            GoAwayFrame(0, last_stream_id=last, error_code=code, additional_data=SECRET.encode()).serialize()
        )

    def later(self, stream, seconds=0.2):
        asyncio.get_running_loop().call_later(seconds, self.answer, stream)


def answer(speaking, stream):
    speaking.answer(stream)


def never(speaking, stream):
    pass


@asynccontextmanager
async def behind(authority, routes=None, protocol=Protocol.HTTP2, **limits):
    """A gate, and an origin of HTTP/2 without TLS behind it."""
    origin = Origin(routes or {})
    server = await asyncio.start_server(origin.serve, "127.0.0.1", 0)
    origin.port = server.sockets[0].getsockname()[1]
    try:
        async with gate(authority, to(HOST, 80, origin.port, protocol), **limits) as running:
            yield running, origin
    finally:
        server.close()


async def client(running, work):
    """What a blocking HTTP/2 client returns, beside the gate."""

    def run():
        with socket.create_connection(running.address, LIMIT) as sock:
            return work(Client(sock))

    return await asyncio.to_thread(run)


def handler(running) -> Handler:
    (live,) = running.engine.plane.live
    assert isinstance(live, Handler)
    return live


# Goodbyes.


async def test_what_an_origin_has_begun_is_finished_after_its_goodbye(authority):
    def leave(speaking, stream):
        speaking.goodbye(stream)
        speaking.later(stream)

    async with behind(authority, {"/leave": leave}) as (running, _):

        def work(speaking):
            first = speaking.ask(request(HOST, "/first")).body
            begun = speaking.send(request(HOST, "/leave"))
            with_goodbye = speaking.answer(begun).body
            return first, with_goodbye, speaking.ask(request(HOST, "/next")).body

        assert await client(running, work) == (b"connection 1", b"connection 1", b"connection 2")


@pytest.mark.parametrize("how", ["goodbye", "refusal"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_an_origin_did_not_begin_with_is_sent_once_more(authority, how, method):
    """Whatever the method: the origin has said that nothing was done."""

    def refuse(speaking, stream):
        if len([path for _, path in origin.requests if path == "/again"]) > 1:
            speaking.answer(stream)
        elif how == "goodbye":
            speaking.goodbye(stream - 2)
        else:
            speaking.h2.reset_stream(stream, ErrorCodes.REFUSED_STREAM)

    async with behind(authority, {"/again": refuse}) as (running, origin):
        stream = await client(
            running, lambda it: (it.ask(request(HOST, "/first")), it.ask(request(HOST, "/again", method)))[1]
        )
    assert stream.status == 200
    assert [path for _, path in origin.requests] == ["/first", "/again", "/again"]
    assert origin.requests[-1][0] == (2 if how == "goodbye" else 1)


async def test_what_is_refused_again_is_told(authority):
    def refuse(speaking, stream):
        speaking.h2.reset_stream(stream, ErrorCodes.REFUSED_STREAM)

    async with behind(authority, {"/no": refuse}) as (running, origin):
        stream = await client(running, lambda it: it.ask(request(HOST, "/no")))
    assert (stream.status, stream.denial["code"]) == (503, "upstream_reset")
    assert len(origin.requests) == 2


@pytest.mark.parametrize("code", [0, 2])
async def test_what_an_origin_says_with_its_goodbye_is_not_quoted(authority, code):
    def leave(speaking, stream):
        speaking.goodbye(0, code)
        speaking.writer.close()

    async with behind(authority, {"/leave": leave}) as (running, _):
        stream = await client(running, lambda it: it.ask(request(HOST, "/leave")))
        lines = await running.lines()
    assert stream.status == 503
    told = json.dumps(lines) + stream.body.decode()
    assert SECRET not in told
    assert SECRET.encode().hex() not in told


async def test_a_workload_that_says_goodbye_still_gets_what_it_asked_for(authority):
    async with behind(authority, {"/slow": lambda speaking, stream: speaking.later(stream)}) as (running, _):

        def work(speaking):
            number = speaking.send(request(HOST, "/slow"))
            speaking._sock.sendall(GoAwayFrame(0, last_stream_id=0, error_code=0).serialize())
            return speaking.answer(number).body

        assert await client(running, work) == b"connection 1"


# Bounds.


async def test_streams_beyond_the_announced_number_are_refused_and_the_others_are_served(authority):
    async with behind(authority) as (running, _):

        def work(speaking):
            speaking._h2.remote_settings.max_concurrent_streams = 1000
            numbers = [speaking._h2.get_next_available_stream_id() + 2 * at for at in range(300)]
            for number in numbers:
                speaking._h2.send_headers(number, request(HOST, "/"), end_stream=True)
            speaking._flush()
            return [speaking.answer(number) for number in numbers], speaking.ask(request(HOST, "/after")).status

        streams, after = await client(running, work)
    assert {stream.status for stream in streams[:100]} == {200}
    assert {stream.reset for stream in streams if stream.status == 0} == {int(ErrorCodes.REFUSED_STREAM)}
    assert after == 200


async def test_resets_do_not_make_room_for_more_connections_to_an_origin(authority):
    """Streams to an origin of HTTP/1 each have a connection, which is dialled although its stream was reset."""
    connections = 0

    async def serve(reader, writer):
        nonlocal connections
        connections += 1
        await reader.read(65536)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await reader.read(65536)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    destination = to(HOST, 80, server.sockets[0].getsockname()[1])
    async with gate(authority, destination, stream_resets=2000) as running:

        def work(speaking):
            for _ in range(1000):
                number = speaking._h2.get_next_available_stream_id()
                speaking._h2.send_headers(number, request(HOST, "/"), end_stream=True)
                speaking._h2.reset_stream(number)
            speaking._flush()
            while (stream := speaking.ask(request(HOST, "/"))).reset is not None:
                pass
            return stream.status

        assert await client(running, work) == 200
        assert running.counts["crashes"] == 0
    server.close()
    assert connections <= layers.LATE * Limits().streams + 1


async def test_what_is_over_is_forgotten(authority):
    """A connection may live for days, and see millions of requests."""
    async with behind(authority) as (running, origin):

        def work(speaking):
            for _ in range(600):
                assert speaking.ask(request(HOST, "/")).status == 200
            http = handler(running).http
            (far,) = [known.child for known in http.connections.values() if hasattr(known, "child")]
            return len(http.streams), len(http.server_side.streams), len(far.our_stream_id), len(far.their_stream_id)

        streams, near, ours, theirs = await client(running, work)
    assert origin.connections == 1
    assert streams <= 1
    assert near <= 300
    assert max(ours, theirs) <= 1


async def test_origin_connections_that_ended_are_forgotten(authority):
    def leave(speaking, stream):
        speaking.answer(stream)
        speaking.writer.close()

    async with behind(authority, {"/": leave}) as (running, origin):

        def work(speaking):
            for _ in range(20):
                assert speaking.ask(request(HOST, "/")).status == 200
            return len(handler(running).http.connections)

        assert await client(running, work) <= 3
        assert origin.connections == 20


async def test_a_peer_that_makes_frames_smaller_is_served_on(authority):
    """What waits for a window was cut for the frames that were allowed then."""

    def much(speaking, stream):
        speaking.h2.send_headers(stream, [(":status", "200")])
        speaking.h2.send_data(stream, bytes(60000), end_stream=True)

    async with behind(authority, {"/": much}) as (running, _):

        def work(speaking):
            speaking._h2.update_settings({4: 0, 5: 1 << 20})
            speaking._flush()
            number = speaking.send(request(HOST, "/"))
            while not speaking.streams[number].headers:
                speaking._read()
            speaking._h2.update_settings({4: 65535, 5: 16384})
            speaking._flush()
            return len(speaking.answer(number).body)

        assert await client(running, work) == 60000
