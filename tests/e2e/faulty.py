"""An origin that does what its path says, well or badly; and a client that says what came of it.

Owns the behaviours. `/ok` tells what was asked; `/status/503/200` answers with each in turn, then the last; `/slow/0.3`
waits; `/hang` never answers; `/reset` breaks off; `/reset-once` does it the first time; `/trickle` sends a byte now and
then; `/midway` breaks off within its answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

PATIENCE = 10.0
HEAD = b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n%b\r\n"


@dataclass
class Faulty:
    """One origin. `asked` are the requests that it received whole, `opened` its connections so far."""

    port: int = 0
    asked: list[dict[str, Any]] = field(default_factory=list)
    opened: int = 0
    under_way: int = 0
    most_under_way: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    name: str = ""
    status: int = 0
    """That it answers everything with, where it is set."""
    path: str = ""
    """By which it behaves instead of the one that was asked for, where it is set."""

    def paths(self) -> list[str]:
        return [one["path"] for one in self.asked]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                asked = await self._asked(head, reader)
                self.under_way += 1
                self.most_under_way = max(self.under_way, self.most_under_way)
                try:
                    await self._behave(asked, writer)
                finally:
                    self.under_way -= 1
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    async def _asked(self, head: bytes, reader: asyncio.StreamReader) -> dict[str, Any]:
        line, *lines = head.decode("latin-1").split("\r\n")[:-2]
        method, path, _ = line.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
        body = await self._body(headers, reader)
        asked = {"method": method, "path": path, "headers": headers, "body": body.decode("latin-1"), "at": self.name}
        self.asked.append(asked)
        return asked

    @staticmethod
    async def _body(headers: dict[str, str], reader: asyncio.StreamReader) -> bytes:
        if "transfer-encoding" not in headers:
            return await reader.readexactly(int(headers.get("content-length", 0)))
        body = b""
        while size := int((await reader.readline()).strip() or b"0", 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
        return body

    async def _behave(self, asked: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        path = self.path or asked["path"].partition("?")[0]
        _, what, *words = path.split("/")
        self.seen[path] += 1
        if self.status:
            writer.write(HEAD % (self.status, 0, b""))
            return
        match what:
            case "status":
                status = int(words[min(self.seen[path], len(words)) - 1])
                writer.write(HEAD % (status, 0, b"retry-after: 0\r\n"))
            case "slow":
                await asyncio.sleep(float(words[0]))
                self._tell(asked, writer)
            case "hang":
                await asyncio.sleep(PATIENCE)
            case "reset":
                writer.transport.abort()
            case "reset-once" if self.seen[path] == 1:
                writer.transport.abort()
            case "hang-once" if self.seen[path] == 1:
                await asyncio.sleep(PATIENCE)
            case "trickle":
                writer.write(HEAD % (200, 1000, b""))
                for _ in range(1000):
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(0.05)
            case "midway":
                writer.write(HEAD % (200, 1000, b"") + b"some")
                await writer.drain()
                await asyncio.sleep(0.05)
                writer.transport.abort()
            case _:
                self._tell(asked, writer)
        await writer.drain()

    def _tell(self, asked: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        body = json.dumps(asked).encode()
        writer.write(HEAD % (200, len(body), b"x-origin: yes\r\n") + body)


@asynccontextmanager
async def faulty(name: str = "", host: str = "127.0.0.1") -> AsyncIterator[Faulty]:
    made = Faulty(name=name)
    server = await asyncio.start_server(made.serve, host, 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()


@dataclass
class Answer:
    """What came. `status` 0: nothing; `whole`: the body is as long as was announced."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    whole: bool = False
    reset: bool = False

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def flags(self) -> str:
        return self.headers.get("x-outgate-flags", "")

    @property
    def code(self) -> str:
        told: str = self.json["outgate"]["code"]
        return told


class Client:
    """One HTTP/1 connection to a gate."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, host: str, path: str = "/ok", method: str = "GET", body: bytes = b"", **more: str) -> Answer:
        self.send(host, path, method, body, **more)
        return await self.answer()

    def send(self, host: str, path: str = "/ok", method: str = "GET", body: bytes = b"", **more: str) -> None:
        fields = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in more.items())
        length = f"content-length: {len(body)}\r\n" if body or method == "POST" else ""
        self.writer.write(f"{method} {path} HTTP/1.1\r\nhost: {host}\r\n{length}{fields}\r\n".encode() + body)

    async def answer(self) -> Answer:
        made = Answer()
        try:
            async with asyncio.timeout(PATIENCE):
                head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                line, *lines = head.split("\r\n")[:-2]
                made.status = int(line.split(" ")[1])
                made.headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
                made.body = await self.reader.readexactly(int(made.headers.get("content-length", 0)))
                made.whole = True
        except asyncio.IncompleteReadError as error:
            made.body = error.partial
        except OSError:
            made.reset = True
        return made

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


@asynccontextmanager
async def client(address: tuple[str, int]) -> AsyncIterator[Client]:
    made = Client(*await asyncio.open_connection(*address))
    try:
        yield made
    finally:
        await made.close()
