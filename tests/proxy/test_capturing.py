"""What passes a gate is taken down as it was, for exchanges that a capture wants; the traffic never knows."""

import asyncio
import gzip
from collections.abc import Callable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace

import pytest
from mitmproxy.http import Response

from outgate.capture.keeper import Keeper
from outgate.capture.reading import Capture
from outgate.capture.redacting import Redacting
from outgate.capture.shared import PUT
from outgate.policy.model import Protocol
from outgate.policy.redaction_model import CapturePolicy, KeepingPolicy, Matching
from outgate.redact.exchange import Body, Exchange, Relayed
from outgate.redact.redacted import Manifest, Redacted, seal
from proxy.gates import gate, origin, to
from proxy.test_websockets import frame
from proxy.wires import LIMIT, until

WAYS = pytest.mark.parametrize("direct", [True, False], ids=["short way", "layers"])
GET = b"GET /a?b=c HTTP/1.1\r\nHost: api.example\r\nX-Mine: 1\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"


@dataclass
class Kept:
    """Where captures go, and what was redacted on its way there."""

    keeper: Keeper
    keeping: KeepingPolicy
    redactor: Callable[[Exchange], Redacted] | None
    taken: list[Exchange] = field(default_factory=list)
    _redacting: Redacting | None = None

    @property
    def exchanges(self) -> list[Exchange]:
        """Those that are over by now, redacted and stored in this process."""
        if self._redacting is None and self.keeper.shared is not None:
            self._redacting = Redacting(self.keeper.shared, lambda keeping, capture: self.redactor or self._as_it_is)
        if self._redacting is not None:
            self._redacting.work()
        return self.taken

    def _as_it_is(self, exchange: Exchange) -> Redacted:
        self.taken.append(exchange)
        return seal(exchange, Manifest())

    async def one(self) -> Exchange:
        return (await self.all(1))[0]

    async def all(self, count: int) -> list[Exchange]:
        """So many, and no more."""
        await until(lambda: len(self.exchanges) >= count)
        assert len(self.exchanges) == count, self.exchanges
        return self.exchanges

    def end(self) -> None:
        if self._redacting is not None:
            self._redacting.close()
        self.keeper.close(0)
        self.keeper.join()


@contextmanager
def kept(folder, *captures, redactor=None, **facts):
    """A keeper of these captures, or of one for everything. Nothing is redacted unless a redactor is given."""
    policies = captures or (CapturePolicy("all", folder=str(folder), **facts),)
    made = Kept(Keeper(b"m" * 32), KeepingPolicy(captures=policies), redactor)
    made.keeper.follow(made.keeping)
    try:
        yield made
    finally:
        made.end()


@asynccontextmanager
async def answering(*pieces, after=None):
    """An origin that answers any head with these pieces, and then ends, if `after` says so."""

    async def serve(reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if head.startswith(b"GET /warm "):
                    writer.write(OK)
                    continue
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0.01)
                if after == "ends":
                    return
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def through(authority, made, port, *, direct=False, host="api.example", **given):
    """A client of a gate that captures."""
    known = to(host, 80, port)
    async with gate(authority, known, keeping=made.keeping, keeper=made.keeper, **given) as running:
        if not direct:
            running.engine.plane.direct = None
        reader, writer = await asyncio.open_connection(*running.address)
        try:
            async with asyncio.timeout(LIMIT):
                yield running, reader, writer
        finally:
            writer.close()


async def asked(authority, made, port, request=GET, *, direct=False, **given):
    """What a client reads to an end that it asks for, on a connection that was used before."""
    async with through(authority, made, port, direct=direct, **given) as (running, reader, writer):
        if direct:
            writer.write(b"GET /warm HTTP/1.1\r\nHost: api.example\r\n\r\n")
            await reader.readexactly(len(OK))
        writer.write(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        try:
            answer = await reader.read()
        except ConnectionError:
            answer = b"reset"
        await until(lambda: not running.listener.open)
        room = running.engine.plane.log.capturing.room
        assert room.held == 0
        return answer


@WAYS
async def test_an_exchange_is_taken_down_as_it_passed(authority, tmp_path, direct):
    body = gzip.compress(b'{"a": 1}' * 100)
    head = b"HTTP/1.1 201 Made So\r\nContent-Encoding: gzip\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
    with kept(tmp_path / "c", matching := CapturePolicy("c", Matching(paths=("/a",)), str(tmp_path / "c"))) as made:
        async with answering(head % len(body) + b"\r\n" + body[:10], body[10:]) as port:
            await asked(authority, made, port, GET, direct=direct)
        found = await made.one()
    request, response = found.request, found.response
    assert (request.method, request.scheme, request.host, request.port) == ("GET", "http", "api.example", 80)
    assert (request.target, request.protocol) == ("/a?b=c", "HTTP/1.1")
    assert (b"X-Mine", b"1") in request.fields
    assert request.body == Body(decoded=True)
    assert (response.status, response.reason, response.protocol) == (201, "Made So", "HTTP/1.1")
    assert response.body.content == body
    assert not response.body.decoded
    assert sum(chunk.size for chunk in response.body.chunks) == response.body.size == len(body)
    assert len(response.body.chunks) == 2
    assert 0 <= response.body.chunks[0].after < response.body.chunks[1].after <= found.timing.end
    assert found.verdict.verdict == "allow"
    assert found.caller == "prod/web"
    assert found.timing.first_byte is not None
    assert found.error == ""
    assert [each.exchange.id for each in Capture(tmp_path / matching.name)] == [found.id]


@WAYS
async def test_chunks_are_without_their_framing_and_trailers_are_kept(authority, tmp_path, direct):
    answer = CHUNKED + b"\r\n2\r\nok\r\n3;x=y\r\nyes\r\n0\r\nX-Sum: 1\r\n\r\n"
    with kept(tmp_path / "c", CapturePolicy("c", Matching(paths=("/a",)), str(tmp_path / "c"))) as made:
        async with answering(answer) as port:
            await asked(authority, made, port, direct=direct)
        response = (await made.one()).response
    assert response.body.content == b"okyes"
    assert response.trailers == ((b"x-sum", b"1"),)


@WAYS
async def test_a_request_body_is_taken_down(authority, tmp_path, direct):
    post = b"POST /a HTTP/1.1\r\nHost: api.example\r\nContent-Length: 5\r\n\r\nhello"
    with kept(tmp_path / "c", CapturePolicy("c", Matching(methods=("POST",)), str(tmp_path / "c"))) as made:
        async with answering(OK) as port:
            assert (await asked(authority, made, port, post, direct=direct)).endswith(b"ok")
        request = (await made.one()).request
    assert request.body.content == b"hello"
    assert request.body.size == 5


async def test_an_upload_in_pieces_and_its_trailers(authority, tmp_path):
    post = b"POST /a HTTP/1.1\r\nHost: api.example\r\nTransfer-Encoding: chunked\r\n\r\n"
    with kept(tmp_path / "c") as made:
        async with answering(OK) as port:
            body = b"3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 2\r\n\r\n"
            await asked(authority, made, port, post + body)
        request = (await made.one()).request
    assert request.body.content == b"abcde"
    assert request.trailers == ((b"x-sum", b"2"),)


@WAYS
async def test_a_body_that_is_too_large_is_left_out_and_passes_whole(authority, tmp_path, direct):
    body = b"a" * 200_000
    with kept(tmp_path / "c", CapturePolicy("c", Matching(paths=("/a",)), str(tmp_path / "c"), max_body=1000)) as made:
        async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + body) as port:
            assert (await asked(authority, made, port, direct=direct)).endswith(body)
        response = (await made.one()).response
    assert (response.body.content, response.body.missing, response.body.size) == (None, "too_large", 200_000)


@WAYS
async def test_a_body_that_breaks_off_is_no_body(authority, tmp_path, direct):
    with kept(tmp_path / "c", CapturePolicy("c", Matching(paths=("/a",)), str(tmp_path / "c"))) as made:
        async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", after="ends") as port:
            await asked(authority, made, port, direct=direct)
        found = await made.one()
    assert (found.response.body.content, found.response.body.missing) == (None, "broken_off")
    assert found.error == "connection_closed"


async def test_of_a_stream_of_events_that_is_left_the_whole_ones_are_kept(authority, tmp_path):
    head = CHUNKED + b"Content-Type: text/event-stream; charset=utf-8\r\n\r\n"
    events = [b"d\r\ndata: first\n\n\r\n", b"b\r\ndata: secon\r\n"]
    with kept(tmp_path / "c") as made:
        async with (
            answering(head, *events) as port,
            through(authority, made, port) as (_, reader, writer),
        ):
            writer.write(GET)
            await reader.readuntil(b"data: secon")
            writer.transport.abort()
            found = await made.one()
    assert found.response.body.content == b"data: first\n\n"
    assert found.response.body.missing == ""
    assert found.error == "client_disconnected"


@pytest.mark.parametrize("denied", [True, False])
async def test_a_denied_attempt_is_kept_where_that_is_wanted(authority, tmp_path, denied):
    post = b"POST /a HTTP/1.1\r\nHost: other.example\r\nContent-Length: 5\r\n\r\nhello"
    with kept(tmp_path / "c", denied=denied) as made:
        async with answering(OK) as port:
            assert (await asked(authority, made, port, post)).startswith(b"HTTP/1.1 502")
            await asked(authority, made, port)
        if not denied:
            assert (await made.one()).verdict.verdict == "allow"
            return
        found, _ = sorted(await made.all(2), key=lambda each: each.started)
    assert (found.verdict.verdict, found.verdict.code, found.request.host) == (
        "deny",
        "unregistered",
        "other.example",
    )
    assert (found.request.body.content, found.request.body.missing) == (None, "broken_off")
    assert found.response.status == 502
    assert b"unregistered" in found.response.body.content


async def test_an_origin_that_cannot_be_reached(authority, tmp_path):
    with kept(tmp_path / "c") as made:
        async with answering(OK) as port:
            pass
        assert (await asked(authority, made, port)).startswith(b"HTTP/1.1 503")
        found = await made.one()
    assert (found.verdict.verdict, found.error, found.response.status) == ("allow", "connection_refused", 503)
    assert b"connect_failed" in found.response.body.content


async def test_messages_of_a_websocket(authority, tmp_path):
    switch = (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n"
    )
    opening = (
        b"GET /ws HTTP/1.1\r\nHost: api.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with kept(tmp_path / "c") as made:
        async with (
            answering(switch + b"\r\n", b"\x81\x05hello") as port,
            through(authority, made, port) as (_, reader, writer),
        ):
            writer.write(opening)
            await reader.readuntil(b"hello")
            writer.write(frame(1, b"wor", last=False) + frame(0, b"ld") + frame(2, b"\x00") + frame(8, b"\x0f\xa0"))
            await until(lambda: made.exchanges)
        found = await made.one()
    assert found.response.status == 101
    told = [(each.from_client, each.text, each.content) for each in found.messages]
    assert told == [(False, True, b"hello"), (True, True, b"world"), (True, False, b"\x00")]
    assert found.close_code == 4000


async def test_of_bytes_no_byte_is_kept(authority, tmp_path):
    async def echo(reader, writer):
        writer.write(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    known = to("tcp.example", 7000, port, Protocol.TCP)
    with kept(tmp_path / "c") as made:
        async with gate(authority, known, keeping=made.keeping, keeper=made.keeper) as running:
            reader, writer = await asyncio.open_connection(*running.address)
            writer.write(b"CONNECT tcp.example:7000 HTTP/1.1\r\nHost: tcp.example:7000\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"\x00secret")
            async with asyncio.timeout(LIMIT):
                assert await reader.read() == b"\x00secret"
            writer.close()
            found = await made.one()
    server.close()
    assert found.relayed == Relayed("tcp.example", 7000, 7, 7)
    assert (found.request, found.response) == (None, None)
    assert b"secret" not in repr(found).encode()


async def test_the_first_capture_whose_media_type_it_is_takes_it(authority, tmp_path):
    other = CapturePolicy("json", Matching(media_types=("application/json",)), str(tmp_path / "json"))
    text = CapturePolicy("text", Matching(media_types=("text/*",)), str(tmp_path / "text"))
    with kept(tmp_path, other, text) as made:
        async with answering(
            b"HTTP/1.1 200 OK\r\nContent-Type: Text/Plain; a=b\r\ncontent-length: 2\r\n\r\nok"
        ) as port:
            await asked(authority, made, port)
        await made.one()
    assert len(list(Capture(tmp_path / "text"))) == 1
    assert not (tmp_path / "json").exists()


async def test_an_answer_that_is_out_is_handed_over_before_anybody_is_waited_for(authority, tmp_path, monkeypatch):
    """Of the short way: a process that is killed while it waits for a client to take an answer has lost none."""
    handed = []

    async def drain(self):
        handed.append(made.keeper.shared.words[PUT])

    with kept(tmp_path / "c") as made:
        async with answering(OK) as port, through(authority, made, port, direct=True) as (_, reader, writer):
            writer.write(b"GET /warm HTTP/1.1\r\nHost: api.example\r\n\r\n")
            await reader.readexactly(len(OK))
            monkeypatch.setattr("outgate.proxy.connections.Transport.congested", True)
            monkeypatch.setattr("outgate.proxy.connections.Transport.drain", drain)
            writer.write(GET)
            await reader.readexactly(len(OK))
            await until(lambda: handed)
        await made.all(2)
    assert handed == [2]


@WAYS
async def test_what_no_capture_wants_is_not_taken_down(authority, tmp_path, direct):
    wanting = CapturePolicy("c", Matching(hosts=("other.example",)), str(tmp_path / "c"))
    with kept(tmp_path / "c", wanting) as made:
        async with answering(OK) as port:
            await asked(authority, made, port, direct=direct)
        await made.all(0)


async def test_it_is_drawn_once_who_is_among_the_sampled(authority, tmp_path, monkeypatch):
    draws = iter([0.2, 0.8])
    monkeypatch.setattr("outgate.proxy.capturing.random.random", lambda: next(draws))
    with kept(tmp_path / "c", sampling=0.5) as made:
        async with answering(OK) as port:
            await asked(authority, made, port)
            await asked(authority, made, port)
        await made.one()
    assert next(draws, None) is None


async def test_the_policy_in_force_at_the_end_says_where_it_goes(authority, tmp_path):
    """A capture that is not named any more is given nothing; one that is named since then takes what was taken down."""
    with kept(tmp_path / "c") as made:
        async with (
            answering(CHUNKED + b"\r\n2\r\nok\r\n", b"0\r\n\r\n") as port,
            through(authority, made, port) as (running, reader, writer),
        ):
            writer.write(GET)
            await reader.readuntil(b"ok")
            other = KeepingPolicy(captures=(CapturePolicy("o", folder=str(tmp_path / "o")),))
            snapshot = running.engine.plane.snapshot
            made.keeper.follow(other)
            snapshot.swap(replace(snapshot.policy, keeping=other))
            await reader.readuntil(b"0\r\n\r\n")
            await made.one()
    assert len(list(Capture(tmp_path / "o"))) == 1
    assert not (tmp_path / "c").exists()


async def test_without_room_the_exchange_is_dropped_and_the_traffic_passes(authority, tmp_path):
    with kept(tmp_path / "c") as made:
        async with answering(OK) as port, through(authority, made, port) as (running, reader, writer):
            running.engine.plane.log.capturing.room.most = 1
            writer.write(GET)
            assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
            await until(lambda: made.keeper.counts()["captures_dropped"] == 1)
        await made.all(0)


async def test_a_redactor_that_raises_costs_the_exchange_and_nothing_else(authority, tmp_path):
    def failing(exchange):
        raise ValueError("hidden")

    with kept(tmp_path / "c", redactor=failing) as made:
        async with answering(OK) as port:
            assert (await asked(authority, made, port)).endswith(b"ok")
        await made.all(0)
        assert made.keeper.counts()["captures_failed"] == 1
    assert not (tmp_path / "c").exists()


async def test_an_answer_that_an_addon_gives_is_kept(authority, tmp_path):
    class Answers:
        def requestheaders(self, flow):
            flow.response = Response.make(418, b"tea")

    with kept(tmp_path / "c") as made:
        async with origin() as there:
            assert b"418" in await asked(authority, made, there.port, addons=(Answers(),))
        found = await made.one()
    assert (found.response.status, found.response.body.content) == (418, b"tea")
