"""Proxies on the way: what they are, and the CONNECT by which one is asked for the next place.

Owns the exchange with a proxy, byte for byte: nothing that it sends beyond its answer may be taken for the server's.
Knows nothing of who dials and who shakes hands.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from outgate.policy.addresses import INTERNAL, Permit
from outgate.policy.model import UpstreamTLS
from outgate.upstream.errors import Failure, UpstreamError
from outgate.upstream.secret import Secret

MAX_HEAD = 16 * 1024
STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([0-9]{3})(?: [^\r\n]*)?\r?\n")
END = b"\r\n\r\n"
OPENED = "x-outgate-opened"
"""What a gateway is told of what follows: it was inside TLS that has been opened."""


class Declined(UpstreamError):
    """A proxy answered, and the answer is no."""


class HopKind(StrEnum):
    CONNECT_PROXY = "connect-proxy"
    """An HTTP proxy that is asked by CONNECT, such as a company's."""
    GATEWAY = "gateway"
    """A gate that is asked in the same way, by mutual TLS."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One proxy. `permit` says where its name may lead: by default not to loopback and metadata addresses."""

    kind: HopKind
    address: tuple[str, int]
    tls: UpstreamTLS | None = None
    authorization: Secret | None = None
    """Value of `Proxy-Authorization`."""
    permit: Permit = INTERNAL
    opened: bool = False
    """What it is asked for was inside TLS."""
    heard: Callable[[bytes], None] | None = field(default=None, compare=False)
    """Told of the head of its answer."""


def basic(user: bytes, password: bytes) -> Secret:
    """The `authorization` of a hop that takes a user and a password."""
    return Secret(b"Basic " + base64.b64encode(user + b":" + password))


class Quiet(asyncio.Protocol):
    """Holds a transport until someone reads: nothing is received before its reader is there."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()


class Exchange(asyncio.Protocol):
    """Reads the head of one answer, and stops there. `early` is what came behind it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._data = bytearray()
        self._head: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.early = b""

    async def ask(self, request: bytes) -> bytes:
        """The head of the answer. Raises `UpstreamError`."""
        self._transport.set_protocol(self)
        self._transport.resume_reading()
        self._transport.write(request)
        return await self._head

    def data_received(self, data: bytes) -> None:
        self._data += data
        end = self._data.find(END)
        if end < 0 and len(self._data) <= MAX_HEAD:
            return
        self._transport.pause_reading()
        if self._head.done():
            return
        if end < 0:
            self._head.set_exception(_failed(f"its answer has no end within {MAX_HEAD} bytes"))
            return
        self.early = bytes(self._data[end + len(END) :])
        self._head.set_result(bytes(self._data[: end + len(END)]))

    def eof_received(self) -> None:
        self.connection_lost(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self._head.done():
            self._head.set_exception(_failed(f"it closed the connection ({error or 'without an answer'})"))


async def tunnel(transport: asyncio.Transport, hop: Hop, authority: str) -> bytes:
    """Asks the proxy at the other end of `transport` for `authority`, and leaves the transport paused.

    Returns what the server sent already, which only a protocol where the server speaks first allows. Raises
    `UpstreamError` with `via_failed`.
    """
    exchange = Exchange(transport)
    try:
        head = await exchange.ask(_request(hop, authority))
        _judge(head)
    except UpstreamError as error:
        why = f"{_named(hop)} {hop.address[0]}:{hop.address[1]} gives no way to {authority}: {error.message}"
        raise type(error)(Failure.VIA_FAILED, why) from error
    if hop.heard is not None:
        hop.heard(head)
    transport.set_protocol(Quiet())
    return exchange.early


def _request(hop: Hop, authority: str) -> bytes:
    lines = [f"CONNECT {authority} HTTP/1.1".encode(), f"Host: {authority}".encode()]
    if hop.opened:
        lines.append(f"{OPENED}: tls".encode())
    if hop.authorization is not None:
        value = hop.authorization.reveal()
        if any(byte in value for byte in b"\r\n\0"):
            raise _failed("its authorization has a line break or a NUL in it; use a single line")
        lines.append(b"Proxy-Authorization: " + value)
    return b"\r\n".join(lines) + END


def _judge(head: bytes) -> None:
    line = STATUS_LINE.match(head)
    if line is None:
        raise _failed("its answer is not HTTP/1")
    status = int(line[1])
    if status == 407:
        raise Declined(Failure.VIA_FAILED, "it wants credentials (407); correct those of the upstream proxy")
    if not 200 <= status < 300:
        raise Declined(Failure.VIA_FAILED, f"it answered {status}")


def _named(hop: Hop) -> str:
    return "gateway" if hop.kind is HopKind.GATEWAY else "proxy"


def _failed(why: str) -> UpstreamError:
    return UpstreamError(Failure.VIA_FAILED, why)
