"""Servers on loopback that record what reaches them."""

import asyncio
import queue
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from upstream.authorities import Pair

LIMIT = 10.0
"""Seconds any wait may take."""
VERSIONS = {"TLSv1.2": SSL.TLS1_2_VERSION, "TLSv1.3": SSL.TLS1_3_VERSION}


@dataclass
class Seen:
    """What one connection showed to the server."""

    certificates: list[str] = field(default_factory=list)
    """Common names of the client certificates that arrived, whether or not the handshake went on."""
    sni: str | None = None
    shaken: bool = False
    data: bytes = b""


class Demanding:
    """A TLS server that asks for a client certificate and records it the moment it arrives.

    Answers one line with one line. `certificate` may be replaced while it runs; sessions begun before stay known only
    when `forgetful` is False.
    """

    def __init__(self, pair: Pair, ca: str, version: str, *, required: bool = False, alpn: bytes | None = None) -> None:
        self.ca, self.version, self.required, self.alpn = ca, VERSIONS[version], required, alpn
        self.current: Seen | None = None
        self.seen: queue.Queue[Seen] = queue.Queue()
        self.certify(pair)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def certify(self, pair: Pair) -> None:
        """Presents another certificate from the next connection on, and knows none of the sessions so far."""
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_min_proto_version(self.version)
        context.set_max_proto_version(self.version)
        context.use_certificate_chain_file(pair.certificate)
        context.use_privatekey_file(pair.key)
        context.load_verify_locations(self.ca)
        context.set_session_id(b"test")
        context.set_verify(SSL.VERIFY_PEER | (SSL.VERIFY_FAIL_IF_NO_PEER_CERT if self.required else 0), self._arrived)
        if self.alpn is not None:
            context.set_alpn_select_callback(lambda _, offered: self.alpn if self.alpn in offered else b"")
        self.context = context

    def next(self) -> Seen:
        """What the next connection to end has shown."""
        return self.seen.get(timeout=LIMIT)

    def close(self) -> None:
        # Closing alone would leave the thread in accept.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(LIMIT)

    def _arrived(self, connection, certificate, number, depth, ok) -> bool:
        if depth == 0 and self.current is not None:
            self.current.certificates.append(common_name(certificate.to_cryptography()))
        return bool(ok)

    def _serve(self) -> None:
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            with raw:
                raw.settimeout(None)
                self.current = Seen()
                with suppress(SSL.Error, OSError):
                    self._answer(raw, self.current)
                self.seen.put(self.current)

    def _answer(self, raw: socket.socket, seen: Seen) -> None:
        connection = SSL.Connection(self.context, raw)
        connection.set_accept_state()
        try:
            connection.do_handshake()
            seen.shaken = True
        finally:
            name = connection.get_servername()
            seen.sni = name.decode() if name else None
        seen.data = connection.recv(1024)
        connection.sendall(b"hello\n")
        while connection.recv(1024):
            pass
        connection.shutdown()


def common_name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


@asynccontextmanager
async def serving(
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], object],
    context: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
) -> AsyncIterator[int]:
    """An asyncio server around a coroutine; yields its port."""
    open_ones: dict[asyncio.Task, asyncio.StreamWriter] = {}

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones[asyncio.current_task()] = writer
        try:
            await answer(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, host, 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task, writer in open_ones.items():
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*open_ones, return_exceptions=True)
        async with asyncio.timeout(LIMIT):
            await server.wait_closed()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers every line with itself."""
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()


def server_context(pair: Pair, version: ssl.TLSVersion | None = None, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context
