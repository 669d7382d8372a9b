"""A workload that names a proxy: CONNECT and SOCKS5 targets are judged before anything is granted, and again inside."""

import asyncio
import json
import ssl
from contextlib import asynccontextmanager

import pytest

from outgate.policy.model import Protocol
from outgate.settings import ListenMode
from proxy.gates import gate, origin, to
from proxy.openings import PREFACE, client_hello
from proxy.wires import LIMIT, until

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
CONNECT = b"CONNECT api.example:80 HTTP/1.1\r\nHost: api.example:80\r\n\r\n"
INSIDE = b"GET /x HTTP/1.1\r\nHost: api.example\r\n\r\n"
SOCKS = b"\x05\x01\x00\x05\x01\x00\x03\x0bapi.example\x00\x50"
GRANTED = b"\x05\x00\x05\x00\x00\x01" + bytes(6)


@asynccontextmanager
async def client(running):
    reader, writer = await asyncio.open_connection(*running.address)
    try:
        async with asyncio.timeout(LIMIT):
            yield reader, writer
    finally:
        writer.close()


@pytest.fixture
async def far():
    async with origin() as made:
        yield made


@pytest.fixture
async def regular(authority, far):
    async with gate(authority, to("api.example", 80, far.port), head_timeout=0.5) as running:
        yield running


@pytest.fixture
async def socks(authority, far):
    known = to("api.example", 80, far.port)
    async with gate(authority, known, mode=ListenMode.SOCKS5, head_timeout=0.5) as running:
        yield running


async def refusal(reader) -> tuple[int, dict]:
    head = await reader.readuntil(b"\r\n\r\n")
    body = await reader.read()
    assert b"connection: close" in head
    return int(head.split()[1]), json.loads(body)["outgate"]


# CONNECT.


async def test_a_granted_target_is_spoken_to(regular, far):
    async with client(regular) as (reader, writer):
        writer.write(CONNECT)
        assert await reader.readexactly(len(ESTABLISHED)) == ESTABLISHED
        writer.write(INSIDE)
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
    assert [received.split(b"\r\n")[0] for received in far.received] == [b"GET /x HTTP/1.1"]


async def test_what_is_sent_before_the_answer_is_not_lost(regular, far):
    async with client(regular) as (reader, writer):
        writer.write(CONNECT + INSIDE)
        assert await reader.readexactly(len(ESTABLISHED)) == ESTABLISHED
        assert await reader.readuntil(b"ok")
    assert len(far.received) == 1


@pytest.mark.parametrize("size", [1, 10])
async def test_it_may_come_in_pieces(regular, far, size):
    async with client(regular) as (reader, writer):
        for at in range(0, len(CONNECT), size):
            writer.write(CONNECT[at : at + size])
            await asyncio.sleep(0.001)
        assert await reader.readexactly(len(ESTABLISHED)) == ESTABLISHED


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [
        (b"evil.example:80", 502, "unregistered"),
        (b"evil.example", 502, "unregistered"),
        (b"api.example:81", 502, "port_unregistered"),
        (b"user@api.example:80", 400, "name_malformed"),
        (b"api.example:80:80", 400, "name_malformed"),
        (b"api.example:0", 400, "name_malformed"),
        (b"http://api.example/", 400, "name_malformed"),
        (b"/", 400, "name_malformed"),
        (b"\xff\xfe:80", 400, "name_malformed"),
        (b"0x7f.1:80", 400, "name_malformed"),
    ],
    ids=ascii,
)
async def test_a_target_that_nothing_could_allow_is_refused_at_once(regular, far, target, status, code):
    async with client(regular) as (reader, writer):
        writer.write(b"CONNECT " + target + b" HTTP/1.1\r\n\r\n")
        said, told = await refusal(reader)
    assert (said, told["code"], told["verdict"]) == (status, code, "deny")
    assert far.connections == 0
    (line,) = await regular.lines()
    assert (line["verdict"], line["code"], line["kind"]) == ("deny", code, "connection")


async def test_a_refusal_arrives_although_more_is_sent(regular):
    """As by a client that does not wait for the answer."""
    async with client(regular) as (reader, writer):
        writer.write(CONNECT.replace(b"api.example", b"other.example"))
        for _ in range(50):
            writer.write(bytes(100_000))
            await writer.drain()
        assert (await refusal(reader))[0] == 502


async def test_inside_only_the_granted_name_is_spoken_to(regular, far):
    async with client(regular) as (reader, writer):
        writer.write(CONNECT + INSIDE.replace(b"api.example", b"evil.example"))
        await reader.readexactly(len(ESTABLISHED))
        assert (await reader.readline()).startswith(b"HTTP/1.1 421")
    assert far.connections == 0
    assert (await regular.lines())[0]["code"] == "names_disagree"


async def test_a_second_connect_inside_is_refused(regular, far):
    async with client(regular) as (reader, writer):
        writer.write(CONNECT + CONNECT)
        await reader.readexactly(len(ESTABLISHED))
        assert (await reader.readline()).startswith(b"HTTP/1.1 405")
    assert far.connections == 0


async def test_tls_inside_is_decrypted_under_the_granted_name(authority, far, trusting):
    known = to("api.example", 443, far.port, Protocol.HTTPS)
    async with gate(authority, known) as running, client(running) as (reader, writer):
        writer.write(b"CONNECT api.example:443 HTTP/1.1\r\n\r\n")
        assert await reader.readexactly(len(ESTABLISHED)) == ESTABLISHED
        await writer.start_tls(trusting, server_hostname="api.example")
        writer.write(INSIDE.replace(b"api.example", b"evil.example"))
        assert (await reader.readline()).startswith(b"HTTP/1.1 421")


async def test_tls_inside_for_another_name_is_closed(authority, far, trusting):
    known = to("api.example", 443, far.port, Protocol.HTTPS)
    async with gate(authority, known) as running, client(running) as (reader, writer):
        writer.write(b"CONNECT api.example:443 HTTP/1.1\r\n\r\n")
        assert await reader.readexactly(len(ESTABLISHED)) == ESTABLISHED
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await writer.start_tls(trusting, server_hostname="evil.example")
        assert (await running.lines())[0]["code"] == "names_disagree"
    assert far.connections == 0


async def closed_without_a_word(reader) -> bool:
    try:
        return await reader.read() == b""
    except ConnectionResetError:
        return True


async def test_a_head_that_is_too_long_is_refused(authority):
    async with gate(authority, header_bytes=1000) as running, client(running) as (reader, writer):
        writer.write(CONNECT[:-2] + b"x: " + b"a" * 2000)
        assert await closed_without_a_word(reader)
        assert (await running.lines())[0]["code"] == "request_malformed"


@pytest.mark.parametrize("sent", [CONNECT[:-2], CONNECT[:10]], ids=ascii)
async def test_a_head_that_stalls_is_not_waited_for(authority, sent):
    async with gate(authority, head_timeout=0.1, peek_timeout=0.1) as running, client(running) as (reader, writer):
        writer.write(sent)
        assert await closed_without_a_word(reader)
        assert running.counts["crashes"] == 0


@pytest.mark.parametrize(
    "sent",
    [b"\x16\x03\x01\x00\x04\x01\xff\xff\xff", client_hello(), b"SSH-2.0-x\r\n", b"\x05\x01\x00", b"\x00" * 20],
    ids=["bad-tls", "tls", "ssh", "socks", "zeros"],
)
async def test_what_is_no_proxy_request_is_closed_and_no_failure(regular, sent):
    async with client(regular) as (reader, writer):
        writer.write(sent)
        assert await closed_without_a_word(reader)
    (line,) = await regular.lines()
    assert line["verdict"] == "deny"
    assert line["code"] in ("protocol_unknown", "request_malformed")
    assert regular.counts["crashes"] == 0


async def test_http2_with_prior_knowledge_is_taken_for_what_it_is(regular):
    async with client(regular) as (reader, writer):
        writer.write(PREFACE + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        assert (await reader.readexactly(9))[3] == 4


@pytest.mark.parametrize("sent", [b"", CONNECT[:20]], ids=ascii)
async def test_who_leaves_early_is_counted_and_nothing_else(regular, sent):
    async with client(regular) as (_, writer):
        writer.write(sent)
    await until(lambda: regular.counts["left_early"] == 1)
    assert regular.counts["crashes"] == 0


# SOCKS5.


async def test_a_granted_socks_target_is_spoken_to(socks, far):
    async with client(socks) as (reader, writer):
        writer.write(SOCKS)
        assert await reader.readexactly(len(GRANTED)) == GRANTED
        writer.write(INSIDE)
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
    assert len(far.received) == 1
    (line,) = await socks.lines()
    assert (line["host"], line["port"], line["verdict"]) == ("api.example", 80, "allow")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        (b"evil.example", "unregistered"),
        (b"api.example:80", "name_malformed"),
        (b"u@api.example", "name_malformed"),
        (b"\xff]:80[", "name_malformed"),
        (b"", "name_malformed"),
        (b"0x7f.1", "name_malformed"),
    ],
)
async def test_a_socks_target_that_nothing_could_allow_is_refused(socks, far, name, code):
    async with client(socks) as (reader, writer):
        writer.write(b"\x05\x01\x00\x05\x01\x00\x03" + bytes([len(name)]) + name + b"\x00\x50")
        assert await reader.read() == b"\x05\x00\x05\x02\x00\x01" + bytes(6)
    assert far.connections == 0
    assert (await socks.lines())[0]["code"] == code


async def test_a_socks_refusal_arrives_although_more_is_sent(socks):
    async with client(socks) as (reader, writer):
        writer.write(SOCKS.replace(b"\x0bapi.example", b"\x0dother.example"))
        for _ in range(50):
            writer.write(bytes(100_000))
            await writer.drain()
        assert await reader.read() == b"\x05\x00\x05\x02\x00\x01" + bytes(6)


async def test_what_is_no_socks_is_closed_with_a_reason(socks):
    async with client(socks) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await closed_without_a_word(reader)
    assert (await socks.lines())[0]["code"] == "request_malformed"


async def test_a_socks_handshake_that_stalls_is_not_waited_for(socks):
    async with client(socks) as (reader, writer):
        writer.write(SOCKS[:5])
        assert await reader.readexactly(2) == b"\x05\x00"
        assert await closed_without_a_word(reader)
    assert socks.counts["left_early"] == 1
