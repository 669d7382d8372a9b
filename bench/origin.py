"""The origin: it answers every request head at once, and counts by name what came and who showed a client certificate.

`python bench/origin.py CONFIG`, where CONFIG is JSON: `address`, `certificate`, `key`, `client_ca`. Serves HTTP on port
80 and TLS on 443; `GET /counts` on port 9000 tells. Prints one line when it listens.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections import Counter
from typing import Any

HELLO = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello"
LARGE = 100 * 1024 * 1024
LARGE_HEAD = f"HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: {LARGE}\r\n\r\n".encode()
PIECE = b"x" * (256 * 1024)
END = b"\r\n\r\n"
COUNTED: Counter[str] = Counter()


class Origin(asyncio.Protocol):
    """Answers request heads; bodies are not expected."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.pending = transport, b""
        tls = transport.get_extra_info("ssl_object")
        self.known = "mutual" if tls is not None and tls.getpeercert() else "tls" if tls is not None else "plain"
        self.writable = asyncio.Event()
        self.writable.set()

    def data_received(self, data: bytes) -> None:
        self.pending += data
        *heads, self.pending = self.pending.split(END)
        for head in heads:
            self.answer(head)

    def answer(self, head: bytes) -> None:
        host = head.lower().partition(b"host:")[2].split(b"\r\n")[0].strip().decode()
        if head.startswith(b"GET /counts"):
            body = json.dumps(COUNTED).encode()
            self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
            return
        COUNTED[f"{host} {self.known}"] += 1
        if head.startswith(b"GET /large"):
            self.sending = asyncio.get_running_loop().create_task(self.send())
        else:
            self.transport.write(HELLO)

    async def send(self) -> None:
        self.transport.write(LARGE_HEAD)
        for _ in range(LARGE // len(PIECE)):
            await self.writable.wait()
            self.transport.write(PIECE)

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()


async def serve(config: dict[str, Any]) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=config["client_ca"])
    tls.load_cert_chain(config["certificate"], config["key"])
    tls.verify_mode = ssl.CERT_OPTIONAL
    tls.set_alpn_protocols(["http/1.1"])
    loop, address = asyncio.get_running_loop(), config["address"]
    await loop.create_server(Origin, address, 80, backlog=4096)
    await loop.create_server(Origin, address, 9000)
    server = await loop.create_server(Origin, address, 443, ssl=tls, backlog=4096)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(json.loads(sys.argv[1])))
