"""A credential that the gate sets stays with the gate and the origin, in whatever way an origin echoes it."""

import asyncio
import gzip
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from outgate.policy.model import HeaderInjection
from proxy.gates import gate, to
from proxy.wires import LIMIT

SECRET = b"Bearer s3cr3t-s3cr3t-s3cr3t"
HEAD = b"GET /echo HTTP/1.1\r\nHost: api.example\r\n"


@asynccontextmanager
async def confided(authority, tmp_path, answer, **given):
    """A gate that sets a credential, before an origin whose answer is made of the request's head."""
    file = tmp_path / "token"
    file.write_bytes(SECRET)
    heads = []

    async def serve(reader, writer):
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer(heads[-1]))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    known = to("api.example", 80, server.sockets[0].getsockname()[1])
    destination = replace(known, headers=(HeaderInjection("authorization", file=str(file)),))
    try:
        async with gate(authority, destination, **given) as running:
            yield running, heads
    finally:
        server.close()


async def ask(running, *fields: bytes, connection: bytes = b"close") -> bytes:
    reader, writer = await asyncio.open_connection(*running.address)
    fields = (*fields, b"Connection: " + connection)
    writer.write(HEAD + b"".join(field + b"\r\n" for field in fields) + b"\r\n")
    received = b""
    try:
        async with asyncio.timeout(LIMIT):
            while data := await reader.read(65536):
                received += data
    except ConnectionError:
        pass
    finally:
        writer.close()
    return received


def echo(head: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(head), head)


def zipped(head: bytes) -> bytes:
    data = gzip.compress(head)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(data), data)


def field_of(head: bytes) -> bytes:
    return next(line for line in head.split(b"\r\n") if line.lower().startswith(b"authorization"))


ECHOES = {
    "body": echo,
    "field": lambda head: b"HTTP/1.1 200 OK\r\nX-%s\r\nContent-Length: 0\r\n\r\n" % field_of(head),
    "reason": lambda head: b"HTTP/1.1 200 %s\r\nContent-Length: 0\r\n\r\n" % field_of(head),
    "trailer": lambda head: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-%s\r\n\r\n" % field_of(head),
    "early hint": lambda head: b"HTTP/1.1 103 Hint\r\nX-%s\r\n\r\n%s" % (field_of(head), echo(b"")),
    "what is no answer": lambda head: head,
    "what is no field": lambda head: b"HTTP/1.1 200 OK\r\n%s\r\n\r\n" % field_of(head).replace(b":", b""),
    "what is no chunk": lambda head: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n" % field_of(head),
}


@pytest.mark.parametrize("where", ECHOES)
async def test_an_echoed_credential_is_told_to_nobody(authority, tmp_path, where):
    async with confided(authority, tmp_path, ECHOES[where]) as (running, heads):
        received = await ask(running)
        lines = await running.lines()
    assert SECRET in heads[0]
    assert b"s3cr3t" not in received
    assert "s3cr3t" not in str(lines)


async def test_an_echo_in_a_websocket_is_told_to_nobody_either(authority, tmp_path):
    def frame(head: bytes) -> bytes:
        text = b"you said " + field_of(head)
        switch = b"HTTP/1.1 101 Up\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n"
        return switch + bytes([0x81, len(text)]) + text + bytes([0x88, 0])

    asked = (b"Upgrade: websocket", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: eA==")
    async with confided(authority, tmp_path, frame) as (running, _):
        received = await ask(running, *asked, connection=b"Upgrade")
    assert b"you said authorization: ***" in received
    assert b"s3cr3t" not in received


CONTROLS = {"ping": (9, b""), "pong": (10, b""), "close": (8, b"\x0f\xa1")}


@pytest.mark.parametrize("kind", CONTROLS)
@pytest.mark.parametrize("most", [125, 40])
async def test_an_echo_in_a_frame_that_is_no_message_is_told_to_nobody(authority, tmp_path, kind, most):
    """Also where the origin had no room for all of it."""
    seen = []

    class Seeing:
        def websocket_end(self, flow):
            seen.append(flow.websocket.close_reason)

    def frames(head: bytes) -> bytes:
        opcode, begin = CONTROLS[kind]
        text = (begin + b"you said " + field_of(head))[:most]
        switch = b"HTTP/1.1 101 Up\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n"
        return switch + bytes([0x80 | opcode, len(text)]) + text + bytes([0x88, 0])

    asked = (b"Upgrade: websocket", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: eA==")
    async with confided(authority, tmp_path, frames, addons=(Seeing(),)) as (running, _):
        received = await ask(running, *asked, connection=b"Upgrade")
    assert b"you said authorization: ********" in received
    assert b"s3cr3t" not in received
    assert "s3cr3t" not in str(seen)


async def test_a_workload_gets_no_part_of_its_choice(authority, tmp_path):
    """Pieces shorter than the credential show it, one by one."""
    async with confided(authority, tmp_path, echo) as (running, heads):
        await ask(running, b"Range: bytes=40-44", b"If-Range: x", b"Accept-Encoding: gzip")
    head = heads[0].lower()
    assert b"range" not in head
    assert b"gzip" not in head


async def test_an_answer_that_cannot_be_looked_into_is_not_passed_on(authority, tmp_path):
    async with confided(authority, tmp_path, zipped) as (running, _):
        received = await ask(running, b"TE: gzip")
    assert received.startswith(b"HTTP/1.1 500 ")


async def test_a_credential_that_cannot_be_used_is_told_of_by_its_file(authority, tmp_path, caplog):
    async with confided(authority, tmp_path, echo) as (running, heads):
        (tmp_path / "token").write_bytes(b"two\nlines")
        received = await ask(running)
        (line,) = await running.lines()
    assert received.startswith(b"HTTP/1.1 502 ")
    assert b'"code": "identity_failed"' in received
    assert not heads
    assert (line["verdict"], line["status"]) == ("allow", 502)
    assert line["failure"].startswith(f"identity_failed: {tmp_path / 'token'} has a line break")
    assert str(tmp_path / "token") in caplog.text
    assert "Traceback" not in caplog.text
    assert running.engine.plane.hooks.trips == 0


@pytest.mark.parametrize("name", ["x-api-key", "X-API-KEY"])
async def test_a_trailer_cannot_say_what_the_gate_sets(authority, name):
    """Some origins merge trailers into the head."""
    arrived = []

    async def serve(reader, writer):
        arrived.append(await reader.readuntil(b"\r\n\r\n") + await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    known = to("api.example", 80, server.sockets[0].getsockname()[1])
    async with gate(authority, replace(known, headers=(HeaderInjection("X-Api-Key", value="ours"),))) as running:
        reader, writer = await asyncio.open_connection(*running.address)
        writer.write(b"POST / HTTP/1.1\r\nHost: api.example\r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write(b"2\r\nhi\r\n0\r\n%s: mine\r\nX-Sum: 1\r\n\r\n" % name.encode())
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT)).startswith(b"HTTP/1.1 200")
        writer.close()
    server.close()
    assert b"x-api-key: ours" in arrived[0].lower()
    assert b"mine" not in arrived[0]
    assert b"x-sum: 1" in arrived[0].lower()
