"""Other protocols that the gate speaks: DNS, SOCKS5, CONNECT to a proxy, netlink, and the channel of its workers."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from functools import cache
from ipaddress import ip_address

from mitmproxy import dns

from fuzz.target import given, target
from outgate.naming import message
from outgate.naming.message import Address, Malformed, NotAQuery, Outcome
from outgate.naming.resolver import Resolver
from outgate.policy.hosts import HostError, canonical_host
from outgate.proxy import peer, socks
from outgate.upstream import hops
from outgate.upstream.errors import UpstreamError
from outgate.workers.channel import Channel
from outgate.workers.report import Report
from proxy.wires import connected

KNOWN = (ip_address("198.18.1.0"), ip_address("2001:2::1:0"))


def query(name: str, kind: int = 1, tail: bytes = b"") -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", kind, 1) + tail


QUERIES = (
    query("api.example.test"),
    query("a.test", 28),
    query("a_b.test", 65, b"\0\0\x29\x10" + bytes(7)),
    query("A.B", 255),
)


@target("dns", given(*QUERIES), b"\xc0\x0c", b"\x00\x01\x00\x01", b"\x3f", b"\xff\xff", b"\x00")
def name_query(data: bytes) -> None:
    """Any bytes are a question or refused; mitmproxy's reader finds the same in it, and can read every answer."""
    try:
        asked = message.question(data)
    except (Malformed, NotAQuery):
        pass
    else:
        alone = data[:4] + struct.pack("!4H", 1, 0, 0, 0) + asked.raw
        try:
            (theirs,) = dns.DNSMessage.unpack(alone).questions
        except struct.error:  # a name that is none, and is answered so
            assert not _is_host(asked.name)
            return
        assert (theirs.type, theirs.class_) == (asked.kind, asked.family)
        assert theirs.name == asked.name or not _is_host(asked.name) or "xn--" in asked.name.lower()
        many = [KNOWN[0]] * (data[0] % 64)
        reply = message.fitted(message.answer(data, asked, Outcome.ANSWERED, many, 30))
        assert len(reply) <= message.MAX_DATAGRAM
        assert dns.DNSMessage.unpack(reply).id == struct.unpack_from("!H", data)[0]
    with suppress(NotAQuery):
        assert now(Resolver(_look).answer(data))[:2] == data[:2]


def _is_host(name: str) -> bool:
    try:
        return bool(canonical_host(name))
    except HostError:
        return False


async def _look(host: str, kind: int) -> Sequence[Address] | None:
    return KNOWN if len(host) % 2 else None


def now[T](work: Coroutine[object, object, T]) -> T:
    """The result of what waits for nothing."""
    try:
        work.send(None)
    except StopIteration as done:
        made: T = done.value
        return made
    finally:
        work.close()
    raise AssertionError("it waits")


@cache
def loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


HELLO = b"\x05\x01\x00"
CALLS = (
    b"\x05\x01\x00\x03\x09a.example\x01\xbb",
    b"\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x50",
    b"\x05\x01\x00\x04" + bytes(18),
)


@target(
    "socks", given(*(HELLO + call for call in CALLS), *(b"\x05\x02\x00\x02" + call for call in CALLS)), b"\x05\x01\x00"
)
def socks_call(data: bytes) -> None:
    """Any bytes are a target or refused; not one byte behind the handshake is taken."""

    async def handshake() -> tuple[str, int, bytes]:
        with connected() as (client, accepted):
            client.sendall(data[:2000])
            client.shutdown(1)
            host, port = await socks.accept(accepted, lambda host, port: bool(port % 7), 5.0)
            return host, port, accepted.recv(1 << 16)

    with suppress(socks.SocksError):
        host, port, rest = loop().run_until_complete(handshake())
        assert 0 <= port < 65536
        assert data[:2000].endswith(rest)
        ends = data[: len(data[:2000]) - len(rest)]
        assert ends.endswith(port.to_bytes(2, "big"))
        assert host.encode("utf-8", "surrogateescape") in ends or ip_address(host).packed in ends


@target(
    "connect-answer", given(b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.0 407 No\r\nA: b\r\n\r\nx"), b"\r\n\r\n", b"HTTP/1.1 2"
)
def connect_answer(data: bytes) -> None:
    """Of what a proxy answers only 2xx opens a way, and what is behind its head is the server's."""

    class Written:
        def __init__(self) -> None:
            self.said: asyncio.Protocol | None = None

        def set_protocol(self, protocol: asyncio.Protocol) -> None:
            self.said = protocol

        def resume_reading(self) -> None: ...

        def pause_reading(self) -> None: ...

        def write(self, _: bytes) -> None:
            assert isinstance(self.said, hops.Exchange)
            for at in range(0, len(data), max(1, len(data) // 3)):
                self.said.data_received(data[at : at + max(1, len(data) // 3)])
            self.said.connection_lost(None)

    async def ask() -> bytes:
        hop = hops.Hop(hops.HopKind.CONNECT_PROXY, ("proxy.example", 3128))
        return await hops.tunnel(Written(), hop, "a.example:443")  # type: ignore[arg-type]

    with suppress(UpstreamError):
        early = loop().run_until_complete(ask())
        assert data[9:10] == b"2"
        assert data.partition(b"\r\n\r\n")[2].startswith(early)


def _netlink(kind: int, body: bytes) -> bytes:
    return peer.HEADER.pack(peer.HEADER.size + len(body), kind, 0, 0, 0) + body


@target(
    "netlink",
    given(_netlink(20, bytes(72)), _netlink(2, bytes(4)), _netlink(20, bytes(72)) * 2 + _netlink(3, b"")),
    b"\0",
)
def netlink(data: bytes) -> None:
    """What comes from the kernel is owners, or an `OSError`; it ends."""
    with suppress(OSError):
        owners, _ = peer.read(data)
        assert len(owners) * peer.OWNER.size <= len(data)


def _line(**told: object) -> bytes:
    return json.dumps(told).encode() + b"\n"


@target(
    "channel",
    given(_line(beat=Report().plain()), _line(answers=1, report={}) + _line(ask="level", number=1)),
    b"[]\n",
    b"{",
    b"[",
    b'"answers"',
)
def channel(data: bytes) -> None:
    """Lines are messages, or the end of them; a report that is none is a `ValueError`."""

    async def told() -> list[dict[str, object]]:
        reader = asyncio.StreamReader(limit=1 << 16)
        reader.feed_data(data)
        reader.feed_eof()
        return [each async for each in Channel(reader, None).messages()]  # type: ignore[arg-type]

    for each in loop().run_until_complete(told()):
        assert isinstance(each, dict)
        with suppress(ValueError):
            report = Report.read(each.get("beat"))  # type: ignore[arg-type]
            assert isinstance(report.connections, int)
            assert Report.read(report.plain()) == report
