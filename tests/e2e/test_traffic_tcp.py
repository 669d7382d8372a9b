"""Tunnels and raw TCP under the traffic policy: what is refused is closed, and says why in the log."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from outgate.policy.model import Endpoint, Protocol, Resolution, Upstream
from outgate.policy.resilience_model import Balancer, Balancing, Limits, Outliers, Resilience
from outgate.policy.route_model import Bucket, DirectResponse, LimitScope, RateLimit, Route, RouteMatch, Unmatched
from policy.building import destination
from proxy.gates import gate
from proxy.wires import LIMIT

DEAD = 1
"""A port at which nobody listens."""
PING = b"\x01ping"


@asynccontextmanager
async def echo():
    """A server that sends back what it receives. Gives its port."""

    async def serve(reader, writer):
        try:
            while data := await reader.read(1024):
                writer.write(data)
        except OSError:
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def database(resilience: Resilience, *ports: int, **more: Any) -> Any:
    made = destination("db.example", port=5432, protocol=Protocol.TCP)
    endpoints = tuple(Endpoint("127.0.0.1", port) for port in ports)
    upstream = Upstream(ports[0], Resolution.STATIC, endpoints, resilience=resilience)
    return replace(made, ports=(replace(made.ports[0], upstream=upstream, **more),))


class Tunnel:
    def __init__(self, reader, writer) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, running) -> Tunnel:
        reader, writer = await asyncio.open_connection(*running.address)
        writer.write(b"CONNECT db.example:5432 HTTP/1.1\r\nHost: db.example:5432\r\n\r\n")
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT)
        return cls(reader, writer)

    async def ping(self) -> bool:
        """Whether it comes back; if not, the tunnel was closed."""
        try:
            self.writer.write(PING)
            async with asyncio.timeout(LIMIT):
                return await self.reader.readexactly(len(PING)) == PING
        except (OSError, asyncio.IncompleteReadError):
            return False

    async def ended(self) -> bool:
        try:
            async with asyncio.timeout(LIMIT):
                return await self.reader.read() == b""
        except OSError:
            return True

    def close(self) -> None:
        self.writer.close()


async def pings(running, count: int) -> list[bool]:
    found = []
    for _ in range(count):
        tunnel = await Tunnel.open(running)
        found.append(await tunnel.ping())
        tunnel.close()
    return found


async def test_one_connection_too_many_is_closed_and_a_later_one_is_not(authority):
    async with echo() as port, gate(authority, database(Resilience(limits=Limits(connections=1)), port)) as running:
        first = await Tunnel.open(running)
        assert await first.ping()
        assert await pings(running, 1) == [False]
        (line,) = await running.lines()
        assert (line["flags"], line["failure"].partition(":")[0]) == ("UO", "overflow")
        first.close()
        await running.lines(2)
        assert await pings(running, 1) == [True]


async def test_another_attempt_finds_another_endpoint(authority):
    turn = Resilience(Balancing(Balancer.ROUND_ROBIN))
    async with echo() as port:
        twice = database(turn, DEAD, port, routes=(Route(connect_attempts=2),))
        once = database(turn, DEAD, port)
        async with gate(authority, twice) as running:
            assert await pings(running, 4) == [True] * 4
        async with gate(authority, once) as running:
            assert sorted(await pings(running, 4)) == [False, False, True, True]


async def test_an_endpoint_that_cannot_be_reached_is_ejected(authority):
    outliers = Outliers(consecutive_5xx=2, interval=60, base_ejection=60, maximum_percent=100)
    async with gate(authority, database(Resilience(outliers=outliers), DEAD)) as running:
        assert await pings(running, 3) == [False] * 3
        flags = [line["flags"] for line in await running.lines(3)]
        assert flags == ["UF", "UF", "UH"]


async def test_connections_beyond_a_rate_are_closed(authority):
    limit = RateLimit("cx", Bucket(2, 2, 60), LimitScope.PROCESS, connections=True)
    async with (
        echo() as port,
        gate(authority, database(Resilience(), port, routes=(Route(limits=(limit,)),))) as running,
    ):
        assert await pings(running, 3) == [True, True, False]
        assert [line.get("flags", "") for line in await running.lines(3)][-1] == "RL"


async def test_what_no_route_takes_is_closed(authority):
    never = Route(matches=(RouteMatch(sni=("other.example",)),))
    known = database(Resilience(), DEAD, routes=(never,), unmatched=Unmatched.NOT_FOUND)
    answering = database(Resilience(), DEAD, routes=(Route(direct=DirectResponse(200)),))
    for each in (known, answering):
        async with gate(authority, each) as running:
            assert await pings(running, 1) == [False]
            (line,) = await running.lines()
            assert (line["flags"], line["verdict"]) == ("NR", "allow")


async def test_an_idle_tunnel_and_one_that_lasts_too_long_are_ended(authority):
    async with echo() as port:
        for resilience, flag in ((Resilience(tcp_idle_timeout=0.2), ""), (Resilience(maximum_duration=0.2), "DT")):
            async with gate(authority, database(resilience, port)) as running:
                tunnel = await Tunnel.open(running)
                assert await tunnel.ping()
                assert await tunnel.ended()
                tunnel.close()
                (line,) = await running.lines()
                assert line.get("flags", "") == flag
                assert line["failure"]
