"""What an HTTP origin answers, whatever version it was asked in.

Owns requests and responses as data, and the table of paths. Knows nothing of sockets or framing.
Query parameters are strings of seconds, counts and sizes, as each function says.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Header = tuple[str, str]
PIECE = bytes(range(256)) * 256  # 64 KiB
MIB = 1024 * 1024


class Body:
    """A request body as it arrives: counted, digested, and recorded as `body` once it has ended.

    `trailers` fills while the last piece is read.
    """

    def __init__(self, pieces: AsyncIterator[bytes], trailers: list[Header], record: Callable[..., None]) -> None:
        self._pieces, self.trailers, self._record = pieces, trailers, record
        self._digest = hashlib.sha256()
        self.length = 0
        self.start = b""

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._pieces:
            self._digest.update(piece)
            self.length += len(piece)
            self.start = (self.start + piece)[:200]
            yield piece
        self._record("body", length=self.length, sha256=self.sha256, trailers=self.trailers)

    async def drain(self, rate: float = 0, during: float = 0) -> None:
        """Read to the end; `during` so many seconds no faster than `rate`, in bytes a second."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        async for _ in self:
            passed = loop.time() - began
            if passed < during and self.length > passed * rate:
                await asyncio.sleep(min(self.length / rate, during) - passed)


@dataclass(frozen=True)
class Request:
    """`connection` are the facts of its connection: number, server, addresses, TLS."""

    method: str
    target: str
    version: str
    headers: list[Header]
    body: Body
    connection: dict[str, Any]

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))


@dataclass(frozen=True)
class Response:
    """A body of bytes has a length; an iterator has the one it is given or is sent in chunks. `abort` just closes."""

    status: int = 200
    headers: list[Header] = field(default_factory=list)
    body: bytes | AsyncIterator[bytes] = b""
    length: int | None = None
    trailers: list[Header] = field(default_factory=list)
    early: list[Header] = field(default_factory=list)
    abort: bool = False


class BrokenOff(Exception):
    """Raised in the middle of a body, where the connection is to be reset."""


async def respond(request: Request) -> Response:
    """Answer by the first word of the path; any other path is echoed."""
    word = request.path.split("/")[1] if "/" in request.path else ""
    route = ROUTES.get(word, echo)
    if route is not pipe:
        rate, during = (float(request.query.get(key, 0)) for key in ("rate", "during"))
        await request.body.drain(rate, during)
    return await route(request)


async def echo(request: Request) -> Response:
    """Everything the origin knows of the request, as JSON."""
    facts = {
        "line": f"{request.method} {request.target} {request.version}",
        "headers": request.headers,
        "trailers": request.body.trailers,
        "length": request.body.length,
        "sha256": request.body.sha256,
        "body": request.body.start.decode("latin-1"),
        **request.connection,
    }
    return Response(headers=[("content-type", "application/json")], body=json.dumps(facts).encode())


async def status(request: Request) -> Response:
    """/status/503"""
    return Response(int(request.path.split("/")[2]), body=b"status\n")


async def slow(request: Request) -> Response:
    """/slow?s=1.5: nothing, not even headers, for so long."""
    await asyncio.sleep(float(request.query.get("s", "1")))
    return Response(body=b"slow\n")


async def chunks(request: Request) -> Response:
    """/chunks?n=10&size=1000&s=0.1: so many pieces of unknown total, so far apart."""
    count, size, pause = (
        float(request.query.get(key, default)) for key, default in (("n", 10), ("size", 1000), ("s", 0))
    )

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(int(count)):
            yield b"x" * int(size)
            await asyncio.sleep(pause)

    return Response(body=pieces())


async def stream(request: Request) -> Response:
    """/stream?mb=100: so many MiB of a repeating pattern."""
    size = int(float(request.query.get("mb", "1")) * MIB)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, size, len(PIECE)):
            yield PIECE[: size - start]

    return Response(headers=[("content-type", "application/octet-stream")], body=pieces(), length=size)


async def upload(request: Request) -> Response:
    """/upload?rate=1048576&during=10: length and digest of what came, read so slowly for so long (everywhere)."""
    facts = {"length": request.body.length, "sha256": request.body.sha256, "trailers": request.body.trailers}
    return Response(headers=[("content-type", "application/json")], body=json.dumps(facts).encode())


async def pipe(request: Request) -> Response:
    """/pipe: each piece of the body goes back when it arrives."""
    return Response(body=aiter(request.body))


async def sse(request: Request) -> Response:
    """/sse?n=5&s=0.2: numbered events, so far apart; without n, for ever."""
    numbers = range(int(request.query["n"])) if "n" in request.query else itertools.count()

    async def events() -> AsyncIterator[bytes]:
        for number in numbers:
            yield f"id: {number}\ndata: event {number}\n\n".encode()
            await asyncio.sleep(float(request.query.get("s", "0.2")))

    return Response(headers=[("content-type", "text/event-stream"), ("cache-control", "no-cache")], body=events())


async def trailers(request: Request) -> Response:
    """/trailers?x-checksum=...: a body, and the query as trailers; without one, a checksum."""
    fields = list(request.query.items()) or [("x-checksum", "5d41402a")]

    async def pieces() -> AsyncIterator[bytes]:
        yield b"hello"

    return Response(headers=[("trailer", ", ".join(name for name, _ in fields))], body=pieces(), trailers=fields)


async def early(_request: Request) -> Response:
    """/early: 103 with a link, then the answer."""
    return Response(body=b"final\n", early=[("link", "</style.css>; rel=preload")])


async def close(_request: Request) -> Response:
    """/close: the connection ends without an answer."""
    return Response(abort=True)


async def cut(_request: Request) -> Response:
    """/cut: half of an answer, then a reset. Of HTTP/1.1 alone."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"x" * 1000
        await asyncio.sleep(0.02)  # a reset overtakes what is still on its way
        raise BrokenOff

    return Response(body=pieces(), length=2000)


async def hang(_request: Request) -> Response:
    """/hang: nothing, ever."""
    await asyncio.Event().wait()
    return Response(abort=True)


async def flaky(request: Request) -> Response:
    """/flaky?key=K&fail=2&how=503|close: fails so often for a key, then works."""
    key = request.query.get("key", "")
    _tries[key] += 1
    if _tries[key] > int(request.query.get("fail", "2")):
        return Response(body=f"attempt {_tries[key]}\n".encode())
    how = request.query.get("how", "503")
    return Response(abort=True) if how == "close" else Response(int(how), body=b"flaky\n")


async def gzipped(_request: Request) -> Response:
    body = gzip.compress(b'{"user": "ada", "password": "hunter2"}')
    return Response(headers=[("content-type", "application/json"), ("content-encoding", "gzip")], body=body)


async def headers(request: Request) -> Response:
    """/headers?alt-svc=...: the query comes back as headers."""
    return Response(headers=list(request.query.items()), body=b"headers\n")


async def redirect(request: Request) -> Response:
    """/redirect?to=URL"""
    return Response(302, [("location", request.query["to"])])


_tries: Counter[str] = Counter()


async def git(request: Request) -> Response:
    """A repository with one branch, as far as `git ls-remote` asks."""
    commit = "1" * 40
    files = {"/git/info/refs": f"{commit}\trefs/heads/main\n", "/git/HEAD": "ref: refs/heads/main\n"}
    found = files.get(request.path)
    return Response(200 if found else 404, [("content-type", "text/plain")], (found or "").encode())


ROUTES: dict[str, Callable[[Request], Awaitable[Response]]] = {
    route.__name__: route
    for route in (
        status,
        slow,
        chunks,
        stream,
        upload,
        pipe,
        sse,
        trailers,
        early,
        close,
        cut,
        hang,
        flaky,
        headers,
        redirect,
        git,
    )
} | {"gzip": gzipped}
