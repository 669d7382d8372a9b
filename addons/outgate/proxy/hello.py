"""The TLS ClientHello, as far as the gate needs it: server name, ALPN offers, whether the name is encrypted, and, where
somebody wants to know, by which marks its client is known again.

Pure and total: any bytes give a hello, a wish for more bytes, or `MalformedHello`. Knows no sockets and no policy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from outgate.proxy import fingerprints
from outgate.proxy.fingerprints import Offer

RECORD_HANDSHAKE = b"\x16"
CLIENT_HELLO = 1
EXTENSION_SERVER_NAME = 0
EXTENSION_ALPN = 16
EXTENSION_ECH = 0xFE0D
MAX_HELLO = 64 * 1024
MAX_SESSION = 32
"""Bytes of a session's number."""
MAX_RECORD = 1 << 14
MAX_RECORDS = 2048
"""That it may be cut into; more than one has bytes in practice."""
MAX_BYTES = MAX_HELLO + 5 * 1024
"""With the heads of the records that it was cut into."""


class MalformedHello(ValueError):
    """The bytes start like TLS and are none."""


class _Misfit(Exception):
    """A length does not fit what it measures."""


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What the client says before anything is encrypted. `sni` is as sent; empty when there is none."""

    sni: str = ""
    alpn: tuple[str, ...] = ()
    ech: bool = False
    ja3: str = ""
    """Only where it is wanted; so is `ja4`."""
    ja4: str = ""


@dataclass(slots=True)
class _Reader:
    data: bytes
    at: int = 0

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.data):
            raise _Misfit
        taken, self.at = self.data[self.at : end], end
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def block(self, size: int) -> _Reader:
        """A length-prefixed block, the length `size` bytes wide."""
        return _Reader(self.take(self.number(size)))

    @property
    def more(self) -> bool:
        return self.at < len(self.data)

    def finish(self) -> None:
        """What is left over another reader might take for something."""
        if self.more:
            raise _Misfit


def starts_like_tls(data: bytes) -> bool:
    """Whether these bytes, as far as they go, begin a TLS handshake record."""
    return data[:2] in (b"\x16", b"\x16\x03") and data[2:3] <= b"\x04"


def read_hello(data: bytes) -> ClientHello | None:
    """The ClientHello at the start of a connection, or None while more bytes are needed.

    Raises `MalformedHello` where no further byte could make it one.
    """
    return Hello().read(data)


class Hello:
    """Reads the ClientHello of one connection. Each record is looked at once, however the bytes come. `marked`: its
    fingerprints are wanted, too."""

    def __init__(self, *, marked: bool = False) -> None:
        self._marked = marked
        self._at = self._records = 0
        self._joined = bytearray()

    def read(self, data: bytes) -> ClientHello | None:
        """As `read_hello`, with what has come so far: the bytes of the call before, and more."""
        message = self._handshake(data)
        if message is None:
            return None
        try:
            hello, offer = _client_hello(_Reader(message))
        except (_Misfit, UnicodeDecodeError) as error:
            raise MalformedHello("the ClientHello contradicts its own lengths") from error
        if not self._marked:
            return hello
        return replace(hello, ja3=fingerprints.ja3(offer), ja4=fingerprints.ja4(offer))

    def _handshake(self, data: bytes) -> bytes | None:
        """The handshake message, joined from as many records as it was cut into; None while it is not whole."""
        while (record := self._record(data)) is not None:
            self._joined += record
            if len(self._joined) < 4:
                continue
            if self._joined[0] != CLIENT_HELLO:
                raise MalformedHello(f"handshake message {self._joined[0]} is no ClientHello")
            length = 4 + int.from_bytes(self._joined[1:4], "big")
            if length > MAX_HELLO:
                raise MalformedHello(f"a ClientHello of {length} bytes is longer than {MAX_HELLO}")
            if len(self._joined) > length:
                raise MalformedHello("more follows the ClientHello in its record")
            if len(self._joined) == length:
                return bytes(self._joined[4:length])
        if len(data) >= MAX_BYTES:
            raise MalformedHello(f"no whole ClientHello within {MAX_BYTES} bytes")
        return None

    def _record(self, data: bytes) -> bytes | None:
        """What the next record holds; None while it is not whole."""
        head = data[self._at : self._at + 5]
        if head[:1] not in (b"", RECORD_HANDSHAKE) or head[1:2] not in (b"", b"\x03"):
            raise MalformedHello("a record that is no handshake interrupts the ClientHello")
        if (size := int.from_bytes(head[3:5], "big")) > MAX_RECORD:
            raise MalformedHello(f"a record of {size} bytes is longer than {MAX_RECORD}")
        end = self._at + 5 + size
        if len(head) < 5 or end > min(len(data), MAX_BYTES):
            return None
        self._records += 1
        if self._records > MAX_RECORDS:
            raise MalformedHello(f"the ClientHello is cut into more than {MAX_RECORDS} records")
        record, self._at = data[self._at + 5 : end], end
        return record


def _client_hello(hello: _Reader) -> tuple[ClientHello, Offer]:
    version = hello.take(2)
    hello.take(32)
    session, ciphers, compressions = hello.block(1).data, hello.block(2).data, hello.block(1).data
    if version < b"\x03\x00" or len(session) > MAX_SESSION or not ciphers or len(ciphers) % 2 or not compressions:
        raise _Misfit
    if not hello.more:
        return ClientHello(), Offer(int.from_bytes(version), ciphers)
    sni, ech = "", False
    alpn: tuple[str, ...] = ()
    extensions = hello.block(2)
    seen: dict[int, bytes] = {}
    hello.finish()
    while extensions.more:
        kind, body = extensions.number(2), extensions.block(2)
        if kind in seen:
            raise MalformedHello(f"extension {kind} is given twice")
        seen[kind] = body.data
        if kind == EXTENSION_SERVER_NAME:
            sni = _server_name(body)
        elif kind == EXTENSION_ALPN:
            alpn = _protocols(body)
        elif kind == EXTENSION_ECH:
            ech = True
    return ClientHello(sni, alpn, ech), Offer(int.from_bytes(version), ciphers, tuple(seen.items()))


def _server_name(body: _Reader) -> str:
    """One name of the one kind that there is: of more, or of none, two readers make two things."""
    names = body.block(2)
    body.finish()
    kind, name = names.number(1), names.block(2).data
    if names.more:
        raise MalformedHello("more than one server name is given")
    if kind or not name or b"\0" in name:
        raise MalformedHello("the server name is empty, ends early, or is of an unknown kind")
    return name.decode("ascii")


def _protocols(body: _Reader) -> tuple[str, ...]:
    names, found = body.block(2), []
    body.finish()
    while names.more:
        found.append(names.block(1).data.decode("latin-1"))
    if not all(found) or not found:
        raise MalformedHello("a protocol that is offered has no name")
    return tuple(found)
