"""What an origin answers to one request, on a connection that nobody else reads: its head, and its body as it comes.

Owns the framing of answers in HTTP/1, read and written again. Answers that are plain are read in one pass, all others
as `http1` reads them. Knows neither the policy nor the workload.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import h11
from h11._receivebuffer import ReceiveBuffer
from mitmproxy import http
from mitmproxy.net.http import http1
from mitmproxy.proxy.layers.http import _http1 as stock

from outgate.proxy import heads, soundness
from outgate.proxy.connections import READ_SIZE
from outgate.proxy.http1 import overlong, response_head
from outgate.proxy.taps import Half
from outgate.settings import Limits

RESET, FAILED = "upstream_reset", "upstream_failed"
LOST = "server closed connection"
EARLY, BREAKS, INVALID = "the body ends early", "the body breaks off", "the body is not valid HTTP/1"


class Broken(Exception):
    """The answer cannot be passed on. `status` and `code` are what the workload is told, where it still can be."""

    def __init__(self, reason: str, status: int = 503, code: str = RESET) -> None:
        super().__init__(reason)
        self.reason, self.status, self.code = reason, status, code


class Answering:
    """First `head`, then `take` and `more` until `done`."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        request: http.Request,
        limits: Limits,
        count: Callable[[str], None],
        tap: Half | None = None,
    ) -> None:
        self.reader, self.request, self.limits, self.count = reader, request, limits, count
        self.tap = tap
        """What takes down what is taken."""
        self.response: http.Response | None = None
        self.received = 0
        """Bytes of the body."""
        self.done = self.closing = False
        self.left = b""
        """What was read and not taken."""
        self.wrong = ""
        """What is wrong with the body behind what was taken."""
        self.size: int | None = 0
        """Of the body, as announced: None for chunks, -1 where the connection ends with it."""
        self.chunks = stock.make_body_reader(None)
        self.buffer = ReceiveBuffer()

    @property
    def reusable(self) -> bool:
        """Whether the connection can serve another request."""
        return self.done and not self.closing and not self.left and not self.buffer and self.size != -1

    @property
    def last(self) -> bool:
        """Whether the workload reads to the end of its connection, or expects it: HTTP/1.0 knows nothing else."""
        return self.size == -1 or (self.response is not None and self.response.data.http_version == b"HTTP/1.0")

    # The head.

    async def head(self, hint: Callable[[http.Response], Awaitable[None]]) -> http.Response:
        """The final answer's head; `hint` is given each 103 before it. Raises `Broken`."""
        data = await self._read(LOST, LOST)
        if (plain := self._plain(data)) is not None:
            return plain
        self.buffer += data
        while self.response is None:
            lines = self.buffer.maybe_extract_lines()
            if (len(self.buffer) if lines is None else sum(map(len, lines))) > (most := self.limits.header_bytes):
                self.count("header_bytes")
                raise Broken(f"the response head is longer than {most} bytes")
            if lines is None:
                self.buffer += await self._read(LOST, LOST)
            else:
                early = self._head_of([bytes(line) for line in lines])
                if early is not None:
                    await hint(early)
        self.left, self.buffer = bytes(self.buffer), ReceiveBuffer()
        return self.response

    def _plain(self, data: bytes) -> http.Response | None:
        """The response where all of its head came at once, and is plain."""
        limits, end = self.limits, data.find(heads.END)
        if not 0 < end <= limits.header_bytes or self.request.data.method == b"HEAD":
            return None
        found = heads.response(data[: end + 2], most_fields=limits.header_fields)
        if found is None:
            return None
        self.response, self.size = found
        self.left = data[end + len(heads.END) :]
        return self.response

    def _head_of(self, lines: list[bytes]) -> http.Response | None:
        """Takes the final one, and returns a 103. The others before it are swallowed."""
        try:
            response = response_head(lines)
            self.size = http1.expected_http_body_size(self.request, response)
        except (ValueError, IndexError) as error:
            raise Broken("the response head is not valid HTTP/1") from error
        if response.status_code == 101 or not 100 <= response.status_code < 200:
            self.response = self._sound(response)
        return response if response.status_code == 103 else None

    def _sound(self, response: http.Response) -> http.Response:
        if why := soundness.unsound(response, self.request, ended=False):
            raise Broken(why, 502, FAILED)
        if len(response.headers.fields) > (most := self.limits.header_fields):
            self.count("header_fields")
            raise Broken(f"the origin's answer has more than {most} header fields", 502, FAILED)
        self.closing = http1.connection_close(response.http_version, response.headers)
        return response

    # The body.

    def take(self) -> bytes:
        """What was received of the body, framed as it came."""
        if self.size is None:
            return self._take_chunks()
        piece, self.left = self.left, b""
        if self.size >= 0 and len(piece) > (missing := self.size - self.received):
            piece, self.left = piece[:missing], piece[missing:]
        self.received += len(piece)
        self.done = self.done or self.received == self.size
        if self.tap is not None and piece:
            self.tap.take(piece)
        return piece

    async def more(self) -> None:
        """Wait for more of the body. Raises `Broken`, also for what followed on what was taken."""
        if self.wrong:
            raise Broken(self.wrong)
        if self.size == -1:
            self.left = await self._read(BREAKS, "")
            self.done = not self.left
        else:
            self.left = await self._read(BREAKS, EARLY)

    def _take_chunks(self) -> bytes:
        self.buffer += self.left
        self.left = b""
        framed: list[bytes] = []
        try:
            while (message := self.chunks(self.buffer)) is not None:
                if isinstance(message, h11.EndOfMessage):
                    framed.append(self._end_of_chunks(message))
                    break
                piece = bytes(message.data)
                self.received += len(piece)
                if self.tap is not None:
                    self.tap.take(piece)
                framed.append(b"%x\r\n%b\r\n" % (len(piece), piece))
        except h11.ProtocolError:
            self.wrong = INVALID
        if not self.done:
            self.wrong = self.wrong or overlong(self.chunks, self.buffer, self.limits.header_bytes)
        return b"".join(framed)

    def _end_of_chunks(self, message: h11.EndOfMessage) -> bytes:
        self.done = True
        received = http.Headers([(bytes(name), bytes(value)) for name, value in message.headers])
        trailers = soundness.trailing(received)
        if trailers.fields and self.response is not None:
            self.response.trailers = trailers
        return b"0\r\n%b\r\n" % bytes(trailers)

    async def _read(self, broken: str, ended: str) -> bytes:
        """The next bytes. An end is one where `ended` is empty, otherwise it is `Broken`."""
        try:
            data = await self.reader.read(READ_SIZE)
        except OSError as error:
            raise Broken(broken) from error
        if not data and ended:
            raise Broken(ended)
        return data
