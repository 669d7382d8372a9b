"""The origin of HTTP/1: it answers every request once it is whole, and counts by name what came and who asked.

`python bench/origin.py CONFIG`, where CONFIG is JSON: `address`, `certificate`, `key`, `client_ca`. Serves HTTP on port
80 and TLS on 443, `/bytes/N` with so many bytes; `GET /counts` on port 9000 tells. Prints one line when it listens.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections import Counter
from typing import Any

HELLO = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello"
LARGE = "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: {}\r\n\r\n"
PIECE = b"x" * (256 * 1024)
END = b"\r\n\r\n"
COUNTED: Counter[str] = Counter()


class Origin(asyncio.Protocol):
    """One request at a time; bodies have a length and are thrown away."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.pending, self.head, self.body = transport, b"", b"", 0
        self.asker = _asker(transport.get_extra_info("ssl_object"))
        self.writable = asyncio.Event()
        self.writable.set()

    def data_received(self, data: bytes) -> None:
        while data or (self.head and not self.body):
            if self.head:
                read = min(self.body, len(data))
                self.body, data = self.body - read, data[read:]
                if self.body:
                    return
                self.answer(self.head)
                self.head = b""
            else:
                self.head, end, data = (self.pending + data).partition(END)
                self.pending, self.head = (b"", self.head) if end else (self.head, b"")
                self.body = int(_field(self.head, b"content-length") or 0)

    def answer(self, head: bytes) -> None:
        if head.startswith(b"GET /counts"):
            body = json.dumps(COUNTED).encode()
            self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
            return
        COUNTED[f"{_field(head, b'host').decode()} {self.asker}"] += 1
        path = head.split(b" ", 2)[1]
        if path.startswith(b"/bytes/"):
            self.sending = asyncio.get_running_loop().create_task(self.send(int(path[7:])))
        else:
            self.transport.write(HELLO)
            # As servers do: whoever asks for it is left with a closed connection.
            if _field(head, b"connection") == b"close":
                self.transport.close()

    async def send(self, size: int) -> None:
        self.transport.write(LARGE.format(size).encode())
        for start in range(0, size, len(PIECE)):
            await self.writable.wait()
            self.transport.write(PIECE[: size - start])

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()


def _field(head: bytes, name: bytes) -> bytes:
    return head.lower().partition(b"\r\n" + name + b":")[2].split(b"\r\n")[0].strip()


def _asker(tls: Any) -> str:
    """`mutual` and the common name where there is a certificate; it has been verified then."""
    if tls is None:
        return "plain"
    if not (certificate := tls.getpeercert()):
        return "tls"
    names = [value for part in certificate["subject"] for key, value in part if key == "commonName"]
    return f"mutual {', '.join(names)}"


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
