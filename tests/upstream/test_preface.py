"""The PROXY protocol, both versions, and that a connection which begins with it is nobody else's."""

from __future__ import annotations

import asyncio

import pytest

from outgate.upstream.connect import connect, key_of
from outgate.upstream.preface import preface
from upstream.building import environment, target

FOUR, SIX = ("192.0.2.7", 4000), ("2001:db8::7", 4000)


@pytest.mark.parametrize(
    ("source", "destination", "line"),
    [
        (FOUR, ("198.51.100.1", 80), b"PROXY TCP4 192.0.2.7 198.51.100.1 4000 80\r\n"),
        (SIX, ("2001:db8::1", 80), b"PROXY TCP6 2001:db8::7 2001:db8::1 4000 80\r\n"),
        (FOUR, ("2001:db8::1", 80), b"PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 4000 80\r\n"),
        (FOUR, ("api.example", 80), b"PROXY TCP4 192.0.2.7 0.0.0.0 4000 80\r\n"),
    ],
    ids=["IPv4", "IPv6", "mixed", "a name"],
)
def test_version_1(source, destination, line):
    assert preface(1, source, destination) == line


def test_version_2():
    head = b"\r\n\r\n\x00\r\nQUIT\n\x21"
    assert preface(2, FOUR, ("198.51.100.1", 80)) == (
        head + b"\x11\x00\x0c" + bytes([192, 0, 2, 7, 198, 51, 100, 1]) + b"\x0f\xa0\x00\x50"
    )
    assert preface(2, SIX, ("2001:db8::1", 80))[13:16] == b"\x21\x00\x24"


async def test_it_is_the_first_that_an_origin_hears_and_part_of_the_key():
    heard: list[bytes] = []

    async def serve(reader, writer):
        heard.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        plain, told = target(port), target(port, preface=preface(1, FOUR, FOUR))
        made = await connect(told, environment())
        made.writer.write(b"GET /")
        await made.reader.read()
        made.abort()
        assert heard == [b"PROXY TCP4 192.0.2.7 192.0.2.7 4000 4000\r\nGET /"]
        assert await key_of(told, environment()) != await key_of(plain, environment())
    finally:
        server.close()
