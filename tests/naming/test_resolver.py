"""The resolver over real sockets: what it answers, by UDP and TCP, and what it does not."""

import asyncio
import socket
import struct
from ipaddress import ip_address

import pytest

from outgate.naming.resolver import Resolver

KNOWN = (ip_address("198.18.1.0"), ip_address("2001:2::1:0"))


async def look(host, kind):
    if host == "broken.test":
        raise RuntimeError("a defect")
    return KNOWN if host == "api.test" else None


def query(name, kind=1, family=1, flags=0x0100):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", 7, flags, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", kind, family)


@pytest.fixture
async def ask():
    """Asks by UDP or TCP and gives outcome and addresses."""
    queries, calls = (socket.socket(socket.AF_INET, kind) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM))
    for made in (queries, calls):
        made.bind(("127.0.0.1", 0))
        made.setblocking(False)
    calls.listen()
    places = queries.getsockname(), calls.getsockname()
    resolver = Resolver(look)
    await resolver.start(queries, calls)

    async def asking(sent, how):
        exchange = _by_tcp if how == "tcp" else _by_udp
        async with asyncio.timeout(10):
            reply = await exchange(places[how == "tcp"], sent)
        _, flags, questions, answers, _, _ = struct.unpack_from("!6H", reply)
        records = reply[len(sent) if questions else 12 :]
        return flags & 15, [ip_address(record) for record in _records(records, answers)]

    yield asking
    resolver.close()


def _records(text, count):
    for _ in range(count):
        (size,) = struct.unpack_from("!H", text, 10)
        yield text[12 : 12 + size]
        text = text[12 + size :]


async def _by_udp(place, sent):
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.setblocking(False)
        await loop.sock_connect(made, place)
        await loop.sock_sendall(made, sent)
        return await loop.sock_recv(made, 4096)


async def _by_tcp(place, sent):
    reader, writer = await asyncio.open_connection(*place)
    try:
        writer.write(struct.pack("!H", len(sent)) + sent)
        (size,) = struct.unpack("!H", await reader.readexactly(2))
        return await reader.readexactly(size)
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("how", ["udp", "tcp"])
@pytest.mark.parametrize(("kind", "found"), [(1, [KNOWN[0]]), (28, [KNOWN[1]]), (65, []), (16, [])])
async def test_a_name_that_is_known_has_addresses_and_nothing_else(ask, how, kind, found):
    assert await ask(query("API.test", kind), how) == (0, found)


@pytest.mark.parametrize("how", ["udp", "tcp"])
@pytest.mark.parametrize(
    ("sent", "outcome"),
    [
        (query("evil.test"), 3),
        (query("evil.test", 16), 3),
        (query("a_b.test"), 3),
        (query("api.test", 255), 5),
        (query("api.test", 252), 5),
        (query("version.bind", 16, 3), 5),
        (query("api.test", flags=0x2800), 4),
        (query("api.test")[:-1], 1),
        (query("broken.test"), 2),
    ],
)
async def test_everything_else_is_refused_in_the_way_that_clients_understand(ask, how, sent, outcome, caplog):
    assert await ask(sent, how) == (outcome, [])


async def test_what_is_no_query_gets_no_answer_and_the_resolver_goes_on(ask):
    with pytest.raises(asyncio.IncompleteReadError):
        await ask(query("api.test", flags=0x8100), "tcp")
    assert (await ask(query("api.test"), "tcp"))[0] == 0
