"""What is for the gateway or a proxy goes there or nowhere, whatever fails on this side."""

import asyncio
from dataclasses import replace

import pytest

from outgate.policy import decide as deciding
from outgate.policy.model import Defaults, Intercept, Protocol, UpstreamTLS, Via
from outgate.upstream import target as targets
from outgate.upstream.ways import Gateway
from proxy.gates import gate, origin, to

FORWARDING = Defaults(ways=(Via.GATEWAY,))
GET = b"GET http://api.example/ HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n"
TUNNEL = b"CONNECT db.example:5432 HTTP/1.1\r\nHost: db.example:5432\r\n\r\n"
LOST = Gateway((("127.0.0.1", 1),), UpstreamTLS())


def sidecar(authority, port: int, defaults: Defaults = FORWARDING):
    database = to("db.example", 5432, port, Protocol.TCP)
    tunnel = replace(database, ports=(replace(database.ports[0], intercept=Intercept.TUNNEL),))
    return gate(authority, to("api.example", 80, port), tunnel, defaults=defaults)


async def asked(running, sent: bytes, inner: bytes = b"") -> bytes:
    reader, writer = await asyncio.open_connection(*running.address)
    try:
        writer.write(sent)
        said = b""
        if inner:
            said = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            writer.write(inner)
        return said + await asyncio.wait_for(reader.read(), 5)
    except (ConnectionResetError, asyncio.IncompleteReadError):
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize("known", [None, LOST], ids=["no gateway", "a gateway that is lost"])
async def test_without_its_gateway_nothing_leaves(authority, known):
    async with origin() as there, sidecar(authority, there.port) as running:
        running.engine.plane.environment.gateway = known
        answer = await asked(running, GET)
        assert answer.startswith(b"HTTP/1.1 503")
        assert b'"code": "via_failed"' in answer
        assert b"200 OK" not in await asked(running, TUNNEL, b"\x00 bytes")
        assert there.connections == 0


@pytest.mark.parametrize("way", list(Via), ids=str.lower)
async def test_only_what_is_to_go_straight_does(authority, way):
    defaults = Defaults() if way is Via.DIRECT else Defaults(ways=(way,))
    async with origin() as there, sidecar(authority, there.port, defaults) as running:
        assert (b"200 OK" in await asked(running, GET)) is (way is Via.DIRECT)
        assert there.connections == int(way is Via.DIRECT)


@pytest.mark.parametrize(
    ("part", "name"), [(deciding, "sent"), (targets, "_forwarded"), (Gateway, "hops"), (Gateway, "first")]
)
async def test_a_part_that_raises_lets_nothing_leave(authority, monkeypatch, part, name):
    def broken(*_):
        raise RuntimeError("a defect")

    monkeypatch.setattr(part, name, broken)
    async with origin() as there, sidecar(authority, there.port) as running:
        running.engine.plane.environment.gateway = LOST
        for sent, inner in ((GET, b""), (TUNNEL, b"\x00 bytes")):
            assert b"200 OK" not in await asked(running, sent, inner)
        assert there.connections == 0
