"""One active check of one endpoint: whether it answers as it should.

Owns what is said and what counts as healthy, over a connection that is made like every other. When to check is for
others.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from outgate.policy.hosts import bracketed
from outgate.policy.resilience_model import HealthCheck, Probe
from outgate.upstream.connect import connect
from outgate.upstream.connection import Connection
from outgate.upstream.environment import Environment
from outgate.upstream.errors import UpstreamError
from outgate.upstream.target import OFFERS, Target

MOST = 64 * 1024
"""Bytes of an answer that are looked at."""
HEALTH = "/grpc.health.v1.Health/Check"
SERVING = b"\x08\x01"
"""`HealthCheckResponse` with that status, in protobuf."""
ALPN = {Probe.HTTP: OFFERS[False], Probe.GRPC: ("h2",), Probe.TCP: ()}


async def probe(check: HealthCheck, target: Target, environment: Environment) -> bool:
    """Whether `target`, which is one endpoint, passes. Whatever goes wrong, it does not."""
    try:
        async with asyncio.timeout(check.timeout):
            return await _probe(check, target, environment)
    except (UpstreamError, OSError, EOFError, ValueError, h2.exceptions.H2Error):  # a timeout among them
        return False


async def _probe(check: HealthCheck, target: Target, environment: Environment) -> bool:
    alpn = ALPN[check.probe] if target.tls is not None else ()
    connection = await connect(replace(target, alpn=alpn), environment)
    try:
        match check.probe:
            case Probe.HTTP:
                return await _http(check, target, connection)
            case Probe.GRPC:
                return await _grpc(check, target, connection)
            case Probe.TCP:
                return await _tcp(check, connection)
    finally:
        connection.abort()


async def _http(check: HealthCheck, target: Target, connection: Connection) -> bool:
    given = {name.lower() for name, _ in check.headers}
    own = [("Host", check.authority or _authority(target)), ("User-Agent", "outgate"), ("Connection", "close")]
    fields = [*(field for field in own if field[0].lower() not in given), *check.headers]
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    connection.writer.write(f"GET {check.path} HTTP/1.1\r\n{head}\r\n".encode())
    line = await connection.reader.readuntil(b"\r\n")
    version, status, *_ = line.split(b" ")
    return version.startswith(b"HTTP/1.") and int(status) in check.statuses


async def _tcp(check: HealthCheck, connection: Connection) -> bool:
    if check.send:
        connection.writer.write(check.send)
    received, position = b"", 0
    for wanted in check.receive:
        while (found := received.find(wanted, position)) < 0:
            data = await connection.reader.read(4096)
            received += data
            if not data or len(received) > MOST:
                return False
        position = found + len(wanted)
    return True


async def _grpc(check: HealthCheck, target: Target, connection: Connection) -> bool:
    wire = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
    wire.initiate_connection()
    fields = [
        (":method", "POST"),
        (":scheme", "https" if target.tls is not None else "http"),
        (":authority", check.authority or _authority(target)),
        (":path", HEALTH),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ]
    wire.send_headers(1, fields)
    wire.send_data(1, _asked(check.service), end_stream=True)
    connection.writer.write(wire.data_to_send())
    body = bytearray()
    while data := await connection.reader.read(MOST):
        for event in wire.receive_data(data):
            if isinstance(event, h2.events.DataReceived):
                body += event.data or b""
            elif isinstance(event, h2.events.StreamEnded | h2.events.StreamReset | h2.events.ConnectionTerminated):
                return bytes(body[5:]) == SERVING
        connection.writer.write(wire.data_to_send())
        if len(body) > MOST:
            return False
    return False


def _asked(service: str) -> bytes:
    """`HealthCheckRequest`, framed."""
    name = service.encode()
    message = b"\x0a" + _varint(len(name)) + name if name else b""
    return b"\0" + len(message).to_bytes(4, "big") + message


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


def _authority(target: Target) -> str:
    host, default = bracketed(target.host), 443 if target.tls is not None else 80
    return host if target.port == default else f"{host}:{target.port}"
