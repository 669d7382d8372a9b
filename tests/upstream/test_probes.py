"""Active checks against real servers, well and ill: over HTTP, TCP and gRPC."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import h2.config
import h2.connection
import h2.events
import pytest

from outgate.policy.addresses import PUBLIC_ONLY
from outgate.policy.model import Endpoint
from outgate.policy.resilience_model import HealthCheck, Probe
from outgate.upstream.probes import probe
from outgate.upstream.target import Target
from upstream.building import environment, target


def at(port: int, **given) -> Target:
    return target(80, "api.example", endpoints=(Endpoint("127.0.0.1", port),), **given)


@asynccontextmanager
async def server(answer: bytes, *, first: bool = True, heard: list[bytes] | None = None):
    """Sends something, once it is asked or (`first` false) at once. Gives its port."""

    async def serve(reader, writer):
        if first:
            data = await reader.read(4096)
            if heard is not None:
                heard.append(data)
        writer.write(answer)
        await reader.read(1)
        writer.close()

    made = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield made.sockets[0].getsockname()[1]
    finally:
        made.close()


@pytest.mark.parametrize(
    ("answer", "healthy"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True),
        (b"HTTP/1.1 204 X\r\n\r\n", True),
        (b"HTTP/1.1 503 X\r\n\r\n", False),
        (b"SSH-2.0-x\r\n", False),
        (b"HTTP/1.1 what\r\n", False),
        (b"", False),
    ],
    ids=["200", "204", "503", "no HTTP", "no number", "silence"],
)
async def test_http(answer, healthy):
    check = HealthCheck(Probe.HTTP, timeout=0.5, path="/healthz", statuses=(200, 204), headers=(("X-Probe", "1"),))
    heard: list[bytes] = []
    async with server(answer, heard=heard) as port:
        assert await probe(check, at(port), environment()) is healthy
    assert heard[0].startswith(b"GET /healthz HTTP/1.1\r\nHost: api.example\r\n")
    assert b"X-Probe: 1\r\n" in heard[0]


@pytest.mark.parametrize(
    ("check", "answer", "healthy"),
    [
        (HealthCheck(Probe.TCP, timeout=0.5), b"", True),
        (HealthCheck(Probe.TCP, timeout=0.5, send=b"PING", receive=(b"PO", b"NG")), b"..PO..NG", True),
        (HealthCheck(Probe.TCP, timeout=0.5, send=b"PING", receive=(b"NG", b"PO")), b"..PO..NG", False),
        (HealthCheck(Probe.TCP, timeout=0.5, send=b"PING", receive=(b"PONG",)), b"NO", False),
    ],
    ids=["connects", "in order", "in another order", "another answer"],
)
async def test_tcp(check, answer, healthy):
    async with server(answer) as port:
        assert await probe(check, at(port), environment()) is healthy


async def test_nobody_listens():
    check = HealthCheck(Probe.TCP, timeout=0.5)
    assert await probe(check, at(1), environment()) is False


async def test_an_address_that_is_not_permitted_is_not_dialled():
    check = HealthCheck(Probe.TCP, timeout=0.5)
    async with server(b"") as port:
        assert await probe(check, at(port, permit=PUBLIC_ONLY), environment()) is False


@pytest.mark.parametrize(
    ("message", "healthy"), [(b"\x08\x01", True), (b"\x08\x02", False), (b"", False)], ids=["serving", "not", "unknown"]
)
async def test_grpc(message, healthy):
    asked: list[bytes] = []

    async def serve(reader, writer):
        wire = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        wire.initiate_connection()
        while data := await reader.read(4096):
            for event in wire.receive_data(data):
                if isinstance(event, h2.events.DataReceived):
                    asked.append(bytes(event.data))
                if isinstance(event, h2.events.StreamEnded):
                    wire.send_headers(1, [(":status", "200"), ("content-type", "application/grpc")])
                    wire.send_data(1, b"\0" + len(message).to_bytes(4, "big") + message)
                    wire.send_headers(1, [("grpc-status", "0")], end_stream=True)
            writer.write(wire.data_to_send())
        writer.close()

    made = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        check = HealthCheck(Probe.GRPC, timeout=2.0, service="db")
        assert await probe(check, at(made.sockets[0].getsockname()[1]), environment()) is healthy
        assert asked == [b"\0\0\0\0\4\x0a\2db"]
    finally:
        made.close()
