"""At a gateway, whatever fails on the way to knowing who calls and where to leaves the caller outside."""

import asyncio
import os
import ssl

import pytest

from outgate.policy.model import Identity, Protocol, UpstreamTLS
from outgate.proxy import arriving
from outgate.proxy.peers import Peers
from outgate.settings import ListenMode
from proxy.gates import CALLER, gate, origin, to
from proxy.wires import until
from upstream.authorities import Authority

WEB = "spiffe://cluster.local/ns/prod/sa/web"
HEAD = b"CONNECT api.example:%d HTTP/1.1\r\nHost: api.example\r\n%s\r\n"
GET = b"GET / HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def ca(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("arriving"), "hop-ca")


def peers(ca: Authority) -> Peers:
    pair = ca.issue("gateway", uris=("spiffe://cluster.local/ns/egress/sa/gateway",))
    return Peers(UpstreamTLS(ca=ca.path, client_certificate=pair.certificate, private_key=pair.key))


def context(ca: Authority) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=ca.path)
    made.check_hostname = False
    pair = ca.issue("web", uris=(WEB,))
    made.load_cert_chain(pair.certificate, pair.key)
    return made


async def asked(running, ca: Authority, head: bytes, inner: bytes = b"") -> bytes:
    try:
        reader, writer = await asyncio.open_connection(*running.address, ssl=context(ca))
    except OSError:
        return b""
    try:
        writer.write(head)
        said = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        writer.write(inner)
        return said + (await asyncio.wait_for(reader.read(), 5))
    except (OSError, asyncio.IncompleteReadError) as error:
        return getattr(error, "partial", b"")
    finally:
        writer.close()


def gateway(authority, port: int, **given):
    return gate(
        authority,
        to("api.example", 80, port),
        to("db.example", 5432, port, Protocol.TCP),
        mode=ListenMode.GATEWAY,
        **{"workload": CALLER, **given},
    )


async def test_the_caller_is_who_the_certificate_says_and_not_the_gateway(authority, ca):
    async with origin() as there, gateway(authority, there.port, workload=Identity("egress", "gateway")) as running:
        running.engine.plane.peers = peers(ca)
        said = await asked(running, ca, HEAD % (80, b""), GET)
        assert said.startswith(b"HTTP/1.1 200 Connection established\r\nx-outgate-timeouts: connect_timeout=10.0")
        assert b"HTTP/1.1 200 OK" in said
        (line,) = await running.lines()
        assert (line["namespace"], line["service_account"], line["source"]) == ("prod", "web", "127.0.0.1")


async def test_pieces_of_a_head_are_put_together(authority, ca):
    async with origin() as there, gateway(authority, there.port) as running:
        running.engine.plane.peers = peers(ca)
        reader, writer = await asyncio.open_connection(*running.address, ssl=context(ca))
        head = HEAD % (80, b"")
        for piece in (head[:9], head[9:]):
            writer.write(piece)
            await asyncio.sleep(0.05)
        await reader.readuntil(b"\r\n\r\n")
        for piece in (GET[:7], GET[7:]):
            writer.write(piece)
            await asyncio.sleep(0.05)
        assert b"200 OK" in await asyncio.wait_for(reader.read(), 5)
        writer.close()


async def test_what_comes_before_it_was_asked_for_is_the_workload_s_all_the_same(authority, ca):
    async with origin() as there, gateway(authority, there.port) as running:
        running.engine.plane.peers = peers(ca)
        assert b"200 OK" in await asked(running, ca, HEAD % (80, b"") + GET)
        assert there.received == [GET.replace(b"Connection: close\r\n", b"")]


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "request_malformed"),
        (b"CONNECT api.example:99999 HTTP/1.1\r\n\r\n", "request_malformed"),
        (b"CONNECT a_b..example:80 HTTP/1.1\r\n\r\n", "request_malformed"),
        (b"CONNECT api.example:80 HTTP/1.1\r\n" + b"x: " + b"y" * 70000 + b"\r\n\r\n", "request_malformed"),
    ],
    ids=["no CONNECT", "no port", "no name", "too long"],
)
async def test_what_is_no_connect_is_refused(authority, ca, head, code):
    async with origin() as there, gateway(authority, there.port) as running:
        running.engine.plane.peers = peers(ca)
        assert b" 200 " not in await asked(running, ca, head, GET)
        assert (await running.lines())[0]["code"] == code
        assert there.connections == 0


async def test_silence_is_not_waited_for_for_ever(authority, ca):
    async with origin() as there, gateway(authority, there.port, head_timeout=0.3, handshake_timeout=0.3) as running:
        running.engine.plane.peers = peers(ca)
        assert await asked(running, ca, b"CONNECT api") == b""
        reader, writer = await asyncio.open_connection(*running.address)
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        assert (await running.lines())[-1]["code"] == "caller_unproven"
        assert there.connections == 0


@pytest.mark.parametrize("part", ["identity_of", "_asked", "peek_until", "told"])
async def test_a_part_that_raises_leaves_the_caller_outside(authority, ca, monkeypatch, part):
    def broken(*_):
        raise RuntimeError("a defect")

    monkeypatch.setattr(arriving, part, broken)
    async with origin() as there, gateway(authority, there.port) as running:
        running.engine.plane.peers = peers(ca)
        assert b" 200 " not in await asked(running, ca, HEAD % (80, b""), GET)
        assert (running.counts["crashes"], there.connections) == (1, 0)
        monkeypatch.undo()
        assert b"200 OK" in await asked(running, ca, HEAD % (80, b""), GET)


async def test_a_gateway_that_cannot_tell_who_calls_serves_nobody(authority, ca):
    async with origin() as there, gateway(authority, there.port) as running:
        assert await asked(running, ca, HEAD % (80, b""), GET) == b""
        assert running.counts["crashes"] == 1
        assert there.connections == 0


async def test_a_caller_that_was_refused_and_stays_holds_no_descriptor(authority, ca):
    async with origin() as there, gateway(authority, there.port, linger_timeout=0.1) as running:
        running.engine.plane.peers = peers(ca)
        before = len(os.listdir("/proc/self/fd"))
        _, writer = await asyncio.open_connection(*running.address, ssl=context(ca))
        writer.transport.pause_reading()
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await until(lambda: running.counts["denied_request_malformed"])
        assert len(running.listener.open) == 1  # as long as it holds one, it is counted
        await until(lambda: not running.listener.open)
        await until(lambda: len(os.listdir("/proc/self/fd")) == before + 1)
        writer.transport.abort()
