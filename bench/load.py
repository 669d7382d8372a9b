"""The load: requests from the pod, a connection for many or one for each, with as little work for each as may be.

`python bench/load.py CONFIG`, where CONFIG is JSON: `host`, `port`, `trust` (a CA's file, or nothing for plain HTTP),
`seconds`, `width`, `fresh`, `path`. Prints one JSON object: requests, p50 and p99 in milliseconds, and bytes.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import sys
import time
from typing import Any

END = b"\r\n\r\n"
PATIENCE = 20.0
"""Seconds for one answer; a benchmark with a longer one is worth nothing."""
LIMIT = 1 << 20


class Client:
    """One connection at a time, one request at a time."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.host, self.port, self.fresh = asked["host"], asked["port"], asked["fresh"]
        self.address = socket.getaddrinfo(self.host, self.port, socket.AF_INET)[0][4][0]
        close = "Connection: close\r\n" if self.fresh else ""
        self.request = f"GET {asked['path']} HTTP/1.1\r\nHost: {self.host}\r\n{close}\r\n".encode()
        self.how: dict[str, Any] = {"limit": LIMIT}
        if asked["trust"]:
            self.how |= {"ssl": ssl.create_default_context(cafile=asked["trust"]), "server_hostname": self.host}
        self.latencies: list[float] = []
        self.received = 0

    async def run(self, until: float) -> None:
        streams = None
        while time.perf_counter() < until:
            started = time.perf_counter()
            if streams is None or self.fresh:
                streams = await asyncio.open_connection(self.address, self.port, **self.how)
            async with asyncio.timeout(PATIENCE):
                await self._ask(*streams)
            self.latencies.append(time.perf_counter() - started)
            if self.fresh:
                streams[1].transport.abort()
        if streams is not None:
            streams[1].transport.abort()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.request)
        head = await reader.readuntil(END)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"not the origin's answer: {head[:200]!r}")
        left = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        self.received += left
        while left:
            left -= len(await reader.read(min(left, LIMIT)))


async def ask(asked: dict[str, Any]) -> dict[str, float]:
    clients = [Client(asked) for _ in range(asked["width"])]
    until = time.perf_counter() + asked["seconds"]
    await asyncio.gather(*(client.run(until) for client in clients))
    latencies = sorted(latency for client in clients for latency in client.latencies)
    return {
        "requests": len(latencies),
        "p50_ms": round(latencies[len(latencies) // 2] * 1000, 3),
        "p99_ms": round(latencies[len(latencies) * 99 // 100] * 1000, 3),
        "bytes": sum(client.received for client in clients),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(ask(json.loads(sys.argv[1])))) + "\n")
