"""Nothing is framed in one way here and in another way next door: not towards an origin, and not towards a workload."""

import asyncio
import json
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived

from e2e.http2_client import Client, request
from outgate.policy.model import Protocol
from proxy.gates import gate, to
from proxy.wires import LIMIT, until

HOST = "api.example"
NEXT = b"GET /next HTTP/1.1\r\nHost: api.example\r\nX-Mine: 1\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SECRET = "SECRET-1234567890"


@dataclass
class Scripted:
    """An origin of HTTP/1 that answers each head at once and takes what follows for what it announced."""

    answers: dict[str, bytes] = field(default_factory=dict)
    """By path; any other gets `OK`."""
    port: int = 0
    connections: int = 0
    heads: list[bytes] = field(default_factory=list)
    ended: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                writer.write(self.answers.get(head.split(b" ")[1].decode(), OK))
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        await reader.readexactly(int(line.partition(b":")[2]))
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            self.ended += 1
            writer.close()


@asynccontextmanager
async def behind(authority, answers=None, protocol=Protocol.HTTP, serve=None):
    """A gate and the origin behind it."""
    origin = Scripted(answers or {})
    server = await asyncio.start_server(serve or origin.serve, "127.0.0.1", 0)
    origin.port = server.sockets[0].getsockname()[1]
    try:
        async with gate(authority, to(HOST, 80, origin.port, protocol)) as running:
            yield running, origin
    finally:
        server.close()


async def say(running, *parts: bytes, answers: int = 1) -> bytes:
    """What comes back on one connection until so many heads are there, or it ends."""
    reader, writer = await asyncio.open_connection(*running.address)
    received = b""
    try:
        async with asyncio.timeout(LIMIT):
            for part in parts:
                writer.write(part)
            while received.count(b"HTTP/1.1 ") < answers or b"\r\n\r\n" not in received:
                data = await reader.read(65536)
                if not data:
                    break
                received += data
            await asyncio.sleep(0.05)
    except ConnectionError:
        pass
    finally:
        writer.close()
    return received


async def over_http2(running, fields, body=None, trailers=()):
    """The answer to one stream on a connection of its own."""

    def ask():
        with socket.create_connection(running.address, LIMIT) as sock:
            return Client(sock).ask(fields, body, list(trailers))

    return await asyncio.to_thread(ask)


def get(path: str, *fields: str) -> bytes:
    return "\r\n".join((f"GET {path} HTTP/1.1", f"Host: {HOST}", *fields, "", "")).encode()


# Towards an origin.


async def test_a_body_that_is_announced_and_not_sent_is_no_part_of_the_next_request(authority):
    async with behind(authority) as (running, origin):
        denied = await over_http2(running, request(HOST, "/post", "POST", content_length="40"))
        await say(running, NEXT)
    assert (denied.status, denied.denial["code"]) == (400, "request_malformed")
    assert [head.split(b" ")[1] for head in origin.heads] == [b"/next"]


async def test_a_body_that_trailers_cut_short_is_no_part_of_the_next_request(authority):
    async with behind(authority) as (running, origin):
        await over_http2(running, request(HOST, "/post", "POST", content_length="45"), b"short", [("x-t", "1")])
        await say(running, NEXT)
    assert [head.split(b" ")[1] for head in origin.heads] == [b"/post", b"/next"]
    assert origin.connections == 2


async def test_a_body_as_long_as_announced_passes_with_its_trailers(authority):
    async with behind(authority) as (running, _):
        answer = await over_http2(running, request(HOST, "/post", "POST", content_length="5"), b"whole", [("x-t", "1")])
    assert (answer.status, answer.body) == (200, b"ok")


@pytest.mark.parametrize("version", ["HTTP/2.0", "HTTP/3.0", "HTTP/1.7", "HTTP/0.9"])
async def test_what_is_not_http1_in_http1_goes_nowhere(authority, version):
    """The second request of a connection, for the first bytes are held to the version anyway."""
    async with behind(authority) as (running, origin):
        received = await say(running, get("/first"), get("/second").replace(b"HTTP/1.1", version.encode()), answers=2)
    assert b"HTTP/1.1 505 " in received
    assert len(origin.heads) == 1


@pytest.mark.parametrize("lines", [b"\r\n", b"\n", b"\r\n\r\n\n"])
async def test_empty_lines_before_a_request_mean_nothing(authority, lines):
    async with behind(authority) as (running, _):
        received = await say(running, lines + get("/first"), lines + get("/second"), answers=2)
        assert running.counts["crashes"] == 0
    assert received.count(b"HTTP/1.1 200 OK") == 2


async def test_an_origin_that_answered_early_is_let_go_when_the_workload_gives_up(authority):
    """Else each such stream would keep a connection to the origin until the whole client connection ends."""
    async with behind(authority) as (running, origin):

        def give_up():
            with socket.create_connection(running.address, LIMIT) as sock:
                client = Client(sock)
                for _ in range(3):
                    stream = client.send(request(HOST, "/up", "POST"), b"begun", end=False)
                    assert client.answer(stream).ended
                    client._h2.reset_stream(stream)
                    client._flush()
                return client.ask(request(HOST, "/last")).status

        assert await asyncio.to_thread(give_up) == 200
        await until(lambda: origin.ended >= 3)


ODD = {
    "a tab for a space": get("/odd").replace(b" /odd", b"\t/odd"),
    "two spaces": get("/odd").replace(b" /odd", b"  /odd"),
    "a space before the end": get("/odd").replace(b"HTTP/1.1\r", b"HTTP/1.1 \r"),
    "a vertical tab behind a length": get("/odd", "Content-Length: 0\x0b"),
    "a bare CR behind a length": get("/odd", "Content-Length: 0\r"),
    "a control character in a field": get("/odd", "X-A: a\x01b"),
    "no Host": b"GET /odd HTTP/1.1\r\nX-A: 1\r\n\r\n",
    "two Hosts": get("/odd", f"Host: {HOST}"),
}


@pytest.mark.parametrize("case", ODD)
async def test_what_a_strict_parser_refuses_goes_nowhere_and_nothing_is_read_behind_it(authority, case):
    """The second request of a connection, for the first bytes are looked at more closely anyway."""
    async with behind(authority) as (running, origin):
        received = await say(running, get("/first") + ODD[case] + NEXT, answers=3)
        assert running.counts["crashes"] == 0
    assert received.count(b"HTTP/1.1 ") == 2
    assert b"HTTP/1.1 400 " in received
    assert [head.split(b" ")[1] for head in origin.heads] == [b"/first"]


# Towards a workload.

UNSOUND = {
    "an unknown status": b"HTTP/1.1 99 Odd\r\nContent-Length: 2\r\n\r\nhi",
    "a status of four digits": b"HTTP/1.1 1000 Odd\r\nContent-Length: 2\r\n\r\nhi",
    "a bare CR in a field": b"HTTP/1.1 200 OK\r\nX-A: a\rTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\nhi",
    "a NUL in a field": b"HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 2\r\n\r\nhi",
    "a bare CR in the reason": b"HTTP/1.1 200 OK\rX-A: b\r\nContent-Length: 2\r\n\r\nhi",
    "both framings": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",
    "a switch that nobody asked for": b"HTTP/1.1 101 Up\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x00",
    "a vertical tab in the reason": b"HTTP/1.1 200 O\x0bK\r\nContent-Length: 2\r\n\r\nhi",
    "a form feed behind a length": b"HTTP/1.1 200 OK\r\nContent-Length: 2\x0c\r\n\r\nhi",
    "a sign before the status": b"HTTP/1.1 +200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "two spaces before the status": b"HTTP/1.1  200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "another version": b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "no status line": f"Bearer {SECRET}\r\n\r\n".encode(),
    "no field": f"HTTP/1.1 200 OK\r\nBearer {SECRET}\r\n\r\n".encode(),
    "a field that is no token": f"HTTP/1.1 200 OK\r\nBearer {SECRET}: 1\r\n\r\n".encode(),
}


@pytest.mark.parametrize("case", UNSOUND)
async def test_an_answer_that_parsers_could_read_differently_is_replaced_and_not_quoted(authority, case):
    async with behind(authority, {"/odd": UNSOUND[case]}) as (running, _):
        received = await say(running, get("/odd", "Sec-WebSocket-Version: 13"), NEXT, answers=2)
        lines = await running.lines(2)
        assert running.counts["crashes"] == 0
    assert received.startswith((b"HTTP/1.1 502 ", b"HTTP/1.1 503 "))
    assert received.endswith(b"\r\n\r\nok")
    assert SECRET not in received.decode("latin-1") + json.dumps(lines)
    assert lines[0]["status"] in (502, 503)
    assert lines[0]["failure"]


@pytest.mark.parametrize("case", UNSOUND)
async def test_an_unsound_answer_costs_http2_one_stream_and_not_the_connection(authority, case):
    async with behind(authority, {"/odd": UNSOUND[case]}) as (running, _):

        def ask():
            with socket.create_connection(running.address, LIMIT) as sock:
                client = Client(sock)
                return client.ask(request(HOST, "/odd")).status, client.ask(request(HOST, "/next")).status

        odd, following = await asyncio.to_thread(ask)
    assert odd in (502, 503)
    assert following == 200


async def test_a_body_that_is_not_http1_is_not_quoted(authority):
    answer = f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{SECRET}\r\n".encode()
    async with behind(authority, {"/odd": answer}) as (running, _):
        await say(running, get("/odd"))
        (line,) = await running.lines()
    assert line["failure"]
    assert SECRET not in json.dumps(line)


async def test_a_folded_field_leaves_on_one_line(authority):
    answer = b"HTTP/1.1 200 OK\r\nX-A: a\r\n\t b\r\nContent-Length: 2\r\n\r\nok"
    async with behind(authority, {"/odd": answer}) as (running, _):
        received = await say(running, get("/odd"))
    assert b"\r\nX-A: a b\r\n" in received


@pytest.mark.parametrize(
    "early", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 102 Wait\n\n", b"HTTP/1.1 199 X\r\nA: b\n\r\n"]
)
async def test_early_answers_are_told_from_the_final_one_however_their_lines_end(authority, early):
    async with behind(authority, {"/early": early * 3 + OK}) as (running, _):
        received = await say(running, get("/early"), NEXT, answers=2)
    assert received.count(b"HTTP/1.1 200 OK") == 2
    assert b"HTTP/1.1 1" not in received


HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nX-Outgate-Flags: DC\r\nAlt-Svc: h3\r\nConnection: x\r\nX: 1\r\n"


async def test_early_hints_are_cleaned_like_every_answer(authority):
    async with behind(authority, {"/early": HINTS + b"Content-Length: 9\r\n\r\n" + OK}) as (running, _):
        received = await say(running, get("/early"), answers=2)
    hints, _, _ = received.partition(b"\r\n\r\n")
    assert hints == b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>"


@pytest.mark.parametrize("field", [b"Transfer-Encoding: chunked\r\n", b"bad name: 1\r\n"])
async def test_unsound_early_hints_are_left_out(authority, field):
    async with behind(authority, {"/early": HINTS + field + b"\r\n" + OK}) as (running, _):
        received = await say(running, get("/early"))
    assert received == OK


async def test_trailers_say_nothing_that_belongs_into_a_head(authority):
    trailers = b"X-Checksum: 1\r\nContent-Length: 3\r\nX-Outgate-Flags: DC\r\nSet-Cookie: a=b\r\n\r\n"
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n" + trailers
    async with behind(authority, {"/t": answer}) as (running, _):
        received = await say(running, get("/t"))
    assert received.endswith(b"2\r\nok\r\n0\r\nx-checksum: 1\r\n\r\n")


async def test_trailers_of_a_workload_say_nothing_that_belongs_into_a_head(authority):
    head = b"POST /t HTTP/1.1\r\nHost: api.example\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"2\r\nok\r\n0\r\nX-Checksum: 1\r\nHost: other.example\r\nContent-Length: 3\r\nX-Outgate-A: 1\r\n\r\n"
    received = bytearray()
    gone = asyncio.Event()

    async def serve(reader, writer):
        while not received.endswith(b"0\r\n\r\n") and b"x-checksum" not in received.lower():
            received.extend(await reader.readuntil(b"\n"))
        received.extend(await reader.readuntil(b"\n"))
        writer.write(OK)
        writer.close()
        await writer.wait_closed()
        gone.set()

    async with behind(authority, serve=serve) as (running, _):
        await say(running, head + body)
        await gone.wait()
    assert bytes(received).endswith(b"0\r\nx-checksum: 1\r\n\r\n")


async def test_what_an_origin_says_right_behind_its_switch_to_websocket_arrives(authority):
    """Both in one segment is what servers that greet do."""
    answer = (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x81\x05hello"
    )
    asked = get("/ws", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")  # fmt: skip
    async with behind(authority, {"/ws": answer}) as (running, _):
        received = await say(running, asked)
        assert running.counts["crashes"] == 0
    assert received.startswith(b"HTTP/1.1 101 ")
    assert received.endswith(b"\r\n\r\n\x81\x05hello")


# An origin of HTTP/2 before a workload of HTTP/1.


def http2_origin(headers, body=None, trailers=None):
    """Answers every request with the same, checked by nobody."""

    async def serve(reader, writer):
        config = H2Configuration(client_side=False, validate_outbound_headers=False, normalize_outbound_headers=False)
        speaking = H2Connection(config)
        speaking.initiate_connection()
        writer.write(speaking.data_to_send())
        try:
            while data := await reader.read(65536):
                for event in speaking.receive_data(data):
                    if isinstance(event, RequestReceived):
                        speaking.send_headers(event.stream_id, headers, end_stream=body is None)
                        if body is not None:
                            speaking.send_data(event.stream_id, body, end_stream=trailers is None)
                        if trailers is not None:
                            speaking.send_headers(event.stream_id, trailers, end_stream=True)
                writer.write(speaking.data_to_send())
        except ConnectionError:
            return
        finally:
            writer.close()

    return serve


async def test_a_body_that_an_origin_of_http2_announces_and_does_not_send_is_not_taken_from_the_next_answer(authority):
    serve = http2_origin([(":status", "200"), ("content-length", "900")])
    async with behind(authority, protocol=Protocol.HTTP2, serve=serve) as (running, _):
        received = await say(running, get("/a"))
    assert received.startswith(b"HTTP/1.1 502 ")


@pytest.mark.parametrize("status", ["0100", "0102", "0101", "099"])
async def test_an_early_answer_of_http2_in_disguise_is_not_taken_for_the_last(authority, status):
    serve = http2_origin([(":status", status)])
    async with behind(authority, protocol=Protocol.HTTP2, serve=serve) as (running, _):
        received = await say(running, get("/a", "Upgrade: websocket", "Connection: upgrade"))
        assert running.counts["crashes"] == 0
    assert received.startswith(b"HTTP/1.1 502 ")


async def test_a_body_that_an_origin_of_http2_cuts_short_by_trailers_does_not_look_whole(authority):
    serve = http2_origin([(":status", "200"), ("content-length", "900")], b"short", [("x-t", "1")])
    async with behind(authority, protocol=Protocol.HTTP2, serve=serve) as (running, _):
        received = await say(running, get("/a"), NEXT, answers=2)
        (line,) = await running.lines()
    assert received.count(b"HTTP/1.1") == 1
    assert line["failure"]


@pytest.mark.parametrize("status", ["204", "304"])
async def test_a_length_of_what_has_no_body_is_only_told(authority, status):
    serve = http2_origin([(":status", status), ("content-length", "900")])
    async with behind(authority, protocol=Protocol.HTTP2, serve=serve) as (running, _):
        received = await say(running, get("/a"), NEXT, answers=2)
    assert received.count(f"HTTP/1.1 {status} ".encode()) == 2
