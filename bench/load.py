"""Load and origins for the benchmarks, with as little work a request as Python allows: what is measured lies between.

python bench/load.py origin [PORT]                      serves `hello` over HTTP/1.1 and prints the port
python bench/load.py client PROXY|- PORT SECONDS WIDTH [fresh]
                                                        asks for it, prints {"requests", "p50_ms", "p99_ms"}
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello"
END = b"\r\n\r\n"
PATIENCE = 10.0
"""Seconds for one answer; a benchmark with a longer one is worth nothing."""


class Origin(asyncio.Protocol):
    """Answers every request head; bodies are not expected."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.pending = transport, b""

    def data_received(self, data: bytes) -> None:
        self.pending += data
        heads = self.pending.count(END)
        if heads:
            self.pending = self.pending.rpartition(END)[2]
            self.transport.write(ANSWER * heads)


class Client:
    """One connection at a time, one request at a time."""

    def __init__(self, proxy: str, port: int, *, fresh: bool) -> None:
        target = f"http://localhost:{port}/hello" if proxy != "-" else "/hello"
        self.address = proxy.split(":") if proxy != "-" else ["127.0.0.1", str(port)]
        close = "Connection: close\r\n" if fresh else ""
        self.request = f"GET {target} HTTP/1.1\r\nHost: localhost:{port}\r\n{close}\r\n".encode()
        self.fresh = fresh
        self.latencies: list[float] = []

    async def run(self, until: float) -> None:
        streams = None
        while time.perf_counter() < until:
            started = time.perf_counter()
            if streams is None or self.fresh:
                streams = await asyncio.open_connection(self.address[0], int(self.address[1]))
            async with asyncio.timeout(PATIENCE):
                await self._ask(*streams)
            self.latencies.append(time.perf_counter() - started)
            if self.fresh:
                streams[1].close()
        if streams is not None:
            streams[1].close()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.request)
        head = await reader.readuntil(END)
        if not head.startswith(b"HTTP/1.1 200") or await reader.readexactly(5) != b"hello":
            raise RuntimeError(f"not the origin's answer: {head[:200]!r}")


async def serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Origin, "127.0.0.1", port, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


async def ask(proxy: str, port: int, seconds: float, width: int, *, fresh: bool) -> None:
    until = time.perf_counter() + seconds
    clients = [Client(proxy, port, fresh=fresh) for _ in range(width)]
    await asyncio.gather(*(client.run(until) for client in clients))
    latencies = sorted(latency for client in clients for latency in client.latencies)
    found = {
        "requests": len(latencies),
        "p50_ms": round(latencies[len(latencies) // 2] * 1000, 3),
        "p99_ms": round(latencies[len(latencies) * 99 // 100] * 1000, 3),
    }
    sys.stdout.write(json.dumps(found) + "\n")


def main() -> None:
    what, *rest = sys.argv[1:]
    if what == "origin":
        asyncio.run(serve(int(rest[0]) if rest else 0))
    else:
        proxy, port, seconds, width, *how = rest
        asyncio.run(ask(proxy, int(port), float(seconds), int(width), fresh="fresh" in how))


if __name__ == "__main__":
    main()
