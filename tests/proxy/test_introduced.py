"""The PROXY header says for whom a connection is, from trusted networks alone, where it has to be there."""

import asyncio
import socket
from dataclasses import replace
from ipaddress import ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outgate.hop_settings import Hops
from outgate.policy.model import Defaults, Identity, IdentityMapping
from outgate.proxy.introduced import HEAD, MOST_V2, Unintroduced, parse_v1, parse_v2, read_source, trusts
from outgate.proxy.peek import Gone
from outgate.upstream.preface import SIGNATURE, preface
from proxy.gates import gate, origin, to

SOURCE, OURS = ("192.0.2.7", 4711), ("10.0.0.1", 15443)
ASKED = b"GET http://api.example/ HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n"


async def read(sent: bytes, *, closing: bool = False) -> tuple[object, bytes]:
    """What is made of it, and what is left to be read."""
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, socket.create_connection(listener.getsockname()) as client, listener.accept()[0] as server:
        server.setblocking(False)
        client.sendall(sent)
        if closing:
            client.shutdown(socket.SHUT_WR)
        found = await read_source(server, 0.5)
        return found, server.recv(4096) if sent else b""


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("source", [SOURCE, ("2001:db8::7", 4711)])
async def test_a_header_is_read_and_not_a_byte_more(version, source):
    ours = OURS if "." in source[0] else ("fd00::1", 15443)
    assert await read(preface(version, source, ours) + b"\x16\x03rest") == (source, b"\x16\x03rest")


@pytest.mark.parametrize(
    "header",
    [b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", HEAD.pack(SIGNATURE, 0x20, 0, 3) + b"abc"],
    ids=["unknown", "unknown with more", "local"],
)
async def test_who_connects_for_himself_stays_who_he_is(header):
    assert await read(header + b"rest") == (None, b"rest")


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 4711\r\n",
        b"PROXY TCP4 2001:db8::7 fd00::1 1 2\r\n",
        b"PROXY TCP6 192.0.2.7 10.0.0.1 1 2\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 99999 2\r\n",
        b"PROXY TCP4 1.2.3 10.0.0.1 1 2\r\n",
        b"PROXY " + b"x" * 200,
        HEAD.pack(SIGNATURE, 0x21, 0x12, 12) + bytes(12),
        HEAD.pack(SIGNATURE, 0x22, 0x11, 12) + bytes(12),
        HEAD.pack(SIGNATURE, 0x21, 0x11, 8) + bytes(8),
        HEAD.pack(SIGNATURE, 0x21, 0x11, MOST_V2 + 1),
    ],
    ids=str,
)
async def test_anything_else_is_refused(sent):
    with pytest.raises(Unintroduced):
        await read(sent)


async def test_a_header_that_does_not_come_to_its_end_is_not_waited_for_for_ever():
    with pytest.raises(TimeoutError):
        await read(b"PROXY TCP4 192")
    with pytest.raises(Gone):
        await read(SIGNATURE, closing=True)


@settings(max_examples=60)
@given(st.binary(max_size=80))
def test_no_bytes_of_a_header_break_the_reader(data):
    for parse, sent in ((parse_v1, b"PROXY " + data), (parse_v2, HEAD.pack(SIGNATURE, 0x21, 0x11, len(data)) + data)):
        try:
            source = parse(sent)
        except Unintroduced:
            continue
        assert source is None or 0 <= source[1] <= 65535


def test_networks_that_are_trusted():
    networks = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    assert [trusts(networks, one) for one in ("10.1.2.3", "::ffff:10.1.2.3", "fd00::1", "192.0.2.1")] == [True] * 3 + [
        False
    ]


async def asked(running, sent: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*running.address)
    writer.write(sent)
    try:
        return await asyncio.wait_for(reader.read(), 5)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def before(running, *networks: str) -> None:
    """Load balancers stand there."""
    plane = running.engine.plane
    plane.settings = replace(plane.settings, hops=Hops(proxy_protocol=tuple(map(ip_network, networks))))


MAPPED = Defaults(identities=(IdentityMapping("prod", "shop", networks=(ip_network("192.0.2.7/32"),)),))


async def test_the_address_in_the_header_is_the_caller_s(authority):
    async with (
        origin() as there,
        gate(authority, to("api.example", 80, there.port), defaults=MAPPED, workload=Identity()) as running,
    ):
        before(running, "127.0.0.0/8")
        assert (await asked(running, preface(1, SOURCE, OURS) + ASKED)).startswith(b"HTTP/1.1 200")
        (line,) = await running.lines()
        assert (line["source"], line["service_account"]) == ("192.0.2.7", "shop")


async def test_without_a_header_nobody_is_served_and_elsewhere_one_counts_for_nothing(authority):
    async with origin() as there, gate(authority, to("api.example", 80, there.port), defaults=MAPPED) as running:
        before(running, "127.0.0.0/8")
        assert await asked(running, ASKED) == b""
        assert (await running.lines())[0]["code"] == "caller_unproven"
        before(running, "10.0.0.0/8")
        assert not (await asked(running, preface(1, SOURCE, OURS) + ASKED)).startswith(b"HTTP/1.1 200")
        assert (await running.lines(2))[1]["source"] == "127.0.0.1"
        assert there.connections == 0


@pytest.mark.parametrize("sent", [b"", b"PROXY TCP4 192", SIGNATURE], ids=["nothing", "a piece", "a signature"])
async def test_a_header_that_does_not_come_in_time_is_a_refusal(authority, sent):
    async with origin() as there, gate(authority, to("api.example", 80, there.port), peek_timeout=0.2) as running:
        before(running, "127.0.0.0/8")
        assert await asked(running, sent) == b""
        (line,) = await running.lines()
        assert (line["code"], line["reason"]) == ("caller_unproven", "no PROXY header came in time")
        assert there.connections == 0


async def test_a_reader_that_raises_lets_nothing_through(authority, monkeypatch):
    async def broken(*_):
        raise RuntimeError("a defect")

    monkeypatch.setattr("outgate.proxy.intake.read_source", broken)
    async with origin() as there, gate(authority, to("api.example", 80, there.port)) as running:
        before(running, "127.0.0.0/8")
        assert await asked(running, preface(1, SOURCE, OURS) + ASKED) == b""
        assert (running.counts["crashes"], there.connections) == (1, 0)
