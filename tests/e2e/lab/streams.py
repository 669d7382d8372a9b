"""Accepted connections: recorded before their first byte is read, then, where the server has a certificate, TLS.

Owns listening, handshakes and the facts of both. Knows nothing of what is spoken on a connection.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from .records import Recorder

LIMIT = 1024 * 1024  # bytes of a line or head
_names: weakref.WeakKeyDictionary[ssl.SSLObject, str] = weakref.WeakKeyDictionary()


@dataclass(frozen=True)
class Tls:
    """How a server proves itself, and whether it asks for the client's certificate: no, optional or required.

    An optional certificate that `client_ca` did not issue ends the handshake, and is recorded as `tls_failed`.
    """

    cert: str
    key: str
    alpn: tuple[str, ...] = ("http/1.1",)
    client: str = "no"
    client_ca: str = ""

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        if self.alpn:
            context.set_alpn_protocols(list(self.alpn))
        context.verify_mode = {"no": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}[
            self.client
        ]
        if self.client_ca:
            context.load_verify_locations(self.client_ca)
        context.sni_callback = _note_name
        return context


@dataclass(frozen=True)
class Stream:
    """One open connection, with its facts and its place in the record."""

    server: str
    number: int
    reader: Reader
    writer: asyncio.StreamWriter
    facts: dict[str, Any]
    recorder: Recorder

    def record(self, event: str, **what: Any) -> None:
        self.recorder.event(event, self.server, self.number, **what)


class Reader(asyncio.StreamReader):
    """A stream reader that counts what arrives, decrypted."""

    received = 0

    def feed_data(self, data: bytes) -> None:
        self.received += len(data)
        super().feed_data(data)


Speak = Callable[[Stream], Awaitable[None]]


@dataclass(frozen=True)
class Origin:
    """One server: its name, what it records to, its TLS if any, and what it speaks."""

    name: str
    recorder: Recorder
    context: ssl.SSLContext | None
    speak: Speak

    async def listen(self, listener: socket.socket) -> None:
        """Accept for ever. Each connection is spoken to in a task of its own, and ends with the listener."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            while True:
                accepted, peer = await loop.sock_accept(listener)
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio knows no protocol number here
                facts = {"server": self.name, "peer": peer[:2], "local": accepted.getsockname()[:2], "tls": None}
                number = self.recorder.connection(self.name, facts["peer"], facts["local"])
                tasks.create_task(self._serve(accepted, number, {**facts, "connection": number}))

    async def _serve(self, accepted: socket.socket, number: int, facts: dict[str, Any]) -> None:
        """Whatever a peer does to one connection must not end the others."""
        reader = Reader(LIMIT)
        try:
            writer = await _open(accepted, reader, self.context)
        except (OSError, ssl.SSLError) as error:
            self.recorder.event("tls_failed", self.name, number, error=str(error))
            return
        if secured := writer.get_extra_info("ssl_object"):
            facts["tls"] = _facts(secured)
            self.recorder.event("tls", self.name, number, **facts["tls"])
        try:
            await self.speak(Stream(self.name, number, reader, writer, facts, self.recorder))
        except Exception as error:
            facts["error"] = repr(error)
        finally:
            writer.close()
            self.recorder.event("closed", self.name, number, received=reader.received, error=facts.get("error"))


async def _open(accepted: socket.socket, reader: Reader, context: ssl.SSLContext | None) -> asyncio.StreamWriter:
    """The handshake happens here, so that a connection is on record before it."""
    loop = asyncio.get_running_loop()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await loop.connect_accepted_socket(lambda: protocol, accepted, ssl=context)
    if context:
        _mend(transport)
    return asyncio.StreamWriter(transport, protocol, reader, loop)


def _mend(secured: Any) -> None:
    """Let TLS finish what it has to send after its socket was closed, and let that socket end only once.

    When a peer ends TLS in the middle of an answer, asyncio closes the socket's transport, which until 3.12.9 and
    3.13.2 forgets how to write (gh-115514). The rest then turns in the loop for ever, and once the transport is
    collected, its descriptor is closed while the selector holds it, which breaks the connection that gets it next.
    """
    if (raw := secured._ssl_protocol._transport) is None:  # over already
        return
    write, close, lost = raw._write_ready, raw.close, raw._call_connection_lost

    def closing() -> None:
        close()
        raw._write_ready = write

    def ending(error: Exception | None) -> None:
        if raw._sock is not None:
            lost(error)

    raw.close, raw._call_connection_lost = closing, ending


def _facts(secured: ssl.SSLObject) -> dict[str, Any]:
    der = secured.getpeercert(binary_form=True)
    subject = [pair for group in (secured.getpeercert() or {}).get("subject", ()) for pair in group]
    return {
        "version": secured.version(),
        "alpn": secured.selected_alpn_protocol(),
        "sni": _names.get(secured),
        "resumed": secured.session_reused,
        "client": {"subject": dict(subject), "fingerprint": hashlib.sha256(der).hexdigest()} if der else None,
    }


def _note_name(secured: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
    if name is not None:
        _names[secured] = name
