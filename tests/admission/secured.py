"""The webhook's certificate, as the API server trusts it, and what it says over TLS."""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.lab.pki import Authority, Certified

NAME = "outgate-webhook.outgate-system.svc"
WITHIN = 20.0
"""Seconds that anything may take."""


@dataclass
class Pair:
    """Certificate and key where the webhook reads them, and the CA that signs them."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.authority = Authority(self.folder, "webhook-ca")
        self.cert, self.key = self.folder / "tls.crt", self.folder / "tls.key"

    def renew(self, name: str = NAME) -> Certified:
        """Another certificate, put there as a kubelet does it: each file is whole at every moment."""
        made = self.authority.server(f"served-{len(list(self.folder.iterdir()))}", [name])
        for source, target in ((made.key, self.key), (made.cert, self.cert)):
            shutil.copy(source, target.with_suffix(".new"))
            target.with_suffix(".new").rename(target)
        return made

    def client(self) -> ssl.SSLContext:
        """As the API server verifies it."""
        return ssl.create_default_context(cafile=str(self.authority.cert))


@dataclass
class Said:
    """What came back, and whose certificate it came by."""

    status: int
    headers: dict[str, str]
    body: bytes
    certificate: bytes

    @property
    def content(self) -> Any:
        return json.loads(self.body)


async def raw(port: int, sent: bytes, context: ssl.SSLContext | None, *, ends: bool = False) -> tuple[bytes, bytes]:
    """Everything that comes back, and the certificate in DER. `ends`: nothing more comes, and it is said so."""
    async with asyncio.timeout(WITHIN):
        name = NAME if context else None
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
        try:
            secured = writer.get_extra_info("ssl_object")
            writer.write(sent)
            await writer.drain()
            if ends:
                writer.close()
                return b"", b""
            return await reader.read(), secured.getpeercert(True) if secured else b""
        finally:
            writer.close()


async def ask(
    port: int,
    context: ssl.SSLContext | None,
    content: bytes | Any = b"",
    path: str = "/inject",
    method: str = "POST",
    **headers: str,
) -> Said:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    fields = {
        "Host": NAME,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return parsed(*await raw(port, f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body, context))


def parsed(answer: bytes, certificate: bytes) -> Said:
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *fields = head.decode().split("\r\n")
    pairs = (line.partition(": ") for line in fields)
    return Said(int(status.split(" ")[1]), {name.lower(): value for name, _, value in pairs}, body, certificate)
