"""What an allowance opened ends with it."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from outgate.policy.model import Destination, Protocol
from outgate.policy.snapshot import Policy
from outgate.proxy.expiry import Expiry
from policy.building import destination
from proxy.gates import gate, to
from proxy.wires import LIMIT, until

BEGIN = datetime(2030, 1, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        return self.now


def expiring(name: str, after: float | None) -> Destination:
    return destination(
        f"{name}.example", name=name, expires=None if after is None else BEGIN + timedelta(seconds=after)
    )


async def test_each_end_is_waited_for_and_none_twice():
    clock, seen = Clock(), []
    expiry = Expiry(lambda: seen.append(clock.now))
    ends = (0.05, 0.05, 0.1, None, -1)
    policy = Policy("p", destinations=tuple(expiring(f"d{at}", end) for at, end in enumerate(ends)), now=clock)
    expiry.follow(policy)
    await until(lambda: len(seen) >= 1)
    clock.now = BEGIN + timedelta(seconds=0.05)
    await until(lambda: len(seen) >= 2)
    before = len(seen)
    clock.now = BEGIN + timedelta(seconds=0.2)
    await until(lambda: len(seen) > before)
    last = len(seen)
    await asyncio.sleep(0.3)
    assert len(seen) == last


async def test_a_policy_that_is_gone_ends_nothing_more():
    seen = []
    expiry = Expiry(lambda: seen.append(1))
    expiry.follow(Policy("p", destinations=(expiring("d", 0.05),), now=Clock()))
    expiry.follow(Policy("q", destinations=(expiring("d", None),), now=Clock()))
    await asyncio.sleep(0.2)
    assert not seen


@asynccontextmanager
async def talkative():
    """An origin that has not said all that it announced."""

    async def serve(reader, writer):
        try:
            await reader.read(100)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegun")
            await reader.read()
        except OSError:
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.mark.parametrize("protocol", [Protocol.HTTP, Protocol.TCP])
async def test_what_is_open_by_an_allowance_ends_with_it_and_by_another_goes_on(authority, protocol):
    clock = Clock()
    async with talkative() as port, gate(authority) as running:
        plane = running.engine.plane
        known = [to(f"{name}.example", number, port, protocol) for name, number in (("brief", 80), ("lasting", 81))]
        ends = [BEGIN + timedelta(seconds=60), None]
        made = tuple(replace(one, key=one.hosts[0], expires=end) for one, end in zip(known, ends, strict=True))
        plane.snapshot.swap(Policy("p", destinations=made, now=clock))
        streams = [await asyncio.open_connection(*running.address) for _ in made]
        for (reader, writer), one in zip(streams, made, strict=True):
            name = f"{one.hosts[0]}:{one.ports[0].number}"
            if protocol is Protocol.TCP:
                writer.write(f"CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
                await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT)
                writer.write(b"\x00")
            else:
                writer.write(f"GET http://{name}/ HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
            await asyncio.wait_for(reader.readuntil(b"begun"), LIMIT)
        for now, open_ in ((BEGIN, 2), (BEGIN + timedelta(seconds=60), 1)):
            clock.now = now
            for live in list(plane.live):
                live.judge_again(plane.snapshot.policy)
            await until(lambda open_=open_: len(plane.live) == open_)
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(streams[0][0].read(), LIMIT)
        (line,) = await running.lines()
        assert "expired" in line["failure"]
        for _, writer in streams:
            writer.close()
