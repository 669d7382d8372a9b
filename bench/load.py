"""The load of HTTP/1: requests from the pod, as many on a connection as asked, with as little work for each as may be.

`python bench/load.py CONFIG`, where CONFIG is JSON: `host`, `port`, `trust` (a CA's file, or nothing for plain HTTP),
`seconds` and `requests` (it ends with whichever comes first), `width` (connections at once), `each` (requests a
connection, 0 for all), `down` and `up` (bytes of the response's and the request's body, 0 for a short exchange).
Prints one JSON object: requests, the seconds they took, p50 and p99 in milliseconds.

With `hold`, `width` connections ask once each and stay open; a line on standard input has all of them ask once more.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import sys
import time
from dataclasses import dataclass
from typing import Any

END = b"\r\n\r\n"
PATIENCE = 60.0
"""Seconds for one answer; a benchmark with a longer one is worth nothing."""
LIMIT = 1 << 20
PIECE = b"x" * (256 * 1024)
AT_ONCE = 16
"""Connections that are opened at once when many are held: fewer than any proxy's queue of those to be accepted."""

type Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


IP_LOCAL_PORT_RANGE = 51
PORTS = (10_000, 29_999)
"""The load has its own, for a proxy in the pod dials, too: the kernel remembers for a while which way a connection from
a port went, and sends the next one from there the same way, past the proxy."""


@dataclass
class Budget:
    """What all connections may still do together."""

    until: float
    left: int

    def take(self) -> bool:
        self.left -= 1
        return self.left >= 0 and time.perf_counter() < self.until


class Client:
    """One connection at a time, one request at a time."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.host, self.port, self.each = asked["host"], asked["port"], asked["each"]
        self.address = str(socket.getaddrinfo(self.host, self.port, socket.AF_INET)[0][4][0])
        self.down, self.up = asked["down"], asked["up"]
        self.how: dict[str, Any] = {"limit": LIMIT}
        if asked["trust"]:
            self.how |= {"ssl": ssl.create_default_context(cafile=asked["trust"]), "server_hostname": self.host}
        self.latencies: list[float] = []

    async def run(self, budget: Budget) -> None:
        streams, carried = None, 0
        while budget.take():
            started = time.perf_counter()
            streams = streams or await self.open()
            carried += 1
            last = carried == self.each
            await self.ask(streams, last)
            self.latencies.append(time.perf_counter() - started)
            if last:
                streams[1].transport.abort()
                streams, carried = None, 0
        if streams is not None:
            streams[1].transport.abort()

    async def open(self) -> Streams:
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    return await asyncio.open_connection(sock=await self.connect(), **self.how)
                except ConnectionRefusedError:  # it was not turned to the proxy
                    sys.stderr.write("a connection was not turned to the proxy\n")

    async def connect(self) -> socket.socket:
        sock = socket.socket()
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_IP, IP_LOCAL_PORT_RANGE, PORTS[1] << 16 | PORTS[0])
            await asyncio.get_running_loop().sock_connect(sock, (self.address, self.port))
        except BaseException:
            sock.close()
            raise
        return sock

    async def ask(self, streams: Streams, last: bool = False) -> None:
        """One request, whose answer has to be the origin's, whole."""
        async with asyncio.timeout(PATIENCE):
            reader, writer = streams
            await self._send(writer, last)
            head = await reader.readuntil(END)
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"not the origin's answer: {head[:200]!r}")
            left = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            if left != (self.down or 5):
                raise RuntimeError(f"an answer of {left} bytes: {head[:200]!r}")
            while left:
                if not (data := await reader.read(min(left, LIMIT))):
                    raise RuntimeError(f"the answer ended {left} bytes early")
                left -= len(data)

    async def _send(self, writer: asyncio.StreamWriter, last: bool) -> None:
        path = f"/bytes/{self.down}" if self.down else "/hello"
        close = "Connection: close\r\n" if last else ""
        method, length = ("POST", f"Content-Length: {self.up}\r\n") if self.up else ("GET", "")
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\n{close}{length}\r\n".encode())
        for start in range(0, self.up, len(PIECE)):
            writer.write(PIECE[: self.up - start])
            await writer.drain()


async def ask(asked: dict[str, Any]) -> dict[str, float]:
    clients = [Client(asked) for _ in range(asked["width"])]
    started = time.perf_counter()
    budget = Budget(started + asked["seconds"], asked["requests"] or sys.maxsize)
    await asyncio.gather(*(client.run(budget) for client in clients))
    return summary([latency for client in clients for latency in client.latencies], time.perf_counter() - started)


def summary(latencies: list[float], seconds: float) -> dict[str, float]:
    latencies = sorted(latencies)
    return {
        "requests": len(latencies),
        "seconds": seconds,
        "p50_ms": round(latencies[len(latencies) // 2] * 1000, 3),
        "p99_ms": round(latencies[len(latencies) * 99 // 100] * 1000, 3),
    }


async def hold(asked: dict[str, Any]) -> None:
    """Says when all connections are open and have had an answer, then when each of them has had another."""
    client, some = Client(asked), asyncio.Semaphore(AT_ONCE)

    async def opened() -> Streams:
        async with some:
            streams = await client.open()
            await client.ask(streams)
            return streams

    async def again(streams: Streams) -> None:
        async with some:
            await client.ask(streams)

    held = await asyncio.gather(*(opened() for _ in range(asked["width"])))
    say({"requests": len(held)})
    await asyncio.to_thread(sys.stdin.readline)
    await asyncio.gather(*map(again, held))
    say({"requests": 2 * len(held)})


def say(found: dict[str, float]) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


async def main(asked: dict[str, Any]) -> None:
    if asked.get("hold"):
        await hold(asked)
    else:
        say(await ask(asked))


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
