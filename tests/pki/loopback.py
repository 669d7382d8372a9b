"""TLS over loopback, for the tests beside this file: a server on a real socket, clients that verify, and handshakes in
memory where a test needs hundreds.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

LIMIT = 20  # seconds any wait may take
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"


@dataclass
class Shaken:
    """What a client saw of a handshake."""

    version: str | None
    alpn: str | None
    peer: dict
    leaf: bytes


def client(authorities: bytes, *, strict: bool = True, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """A client that trusts `authorities` (PEM) and nothing else, and checks names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=authorities.decode())
    flags = context.verify_flags & ~ssl.VERIFY_X509_STRICT & ~ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags = flags | ssl.VERIFY_X509_STRICT if strict else flags
    if version:
        context.minimum_version = context.maximum_version = version
    return context


@asynccontextmanager
async def serving(context: ssl.SSLContext, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """An HTTPS server that answers everything alike; yields its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(ANSWER)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, host, 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def shake(port: int, name: str, context: ssl.SSLContext, host: str = "127.0.0.1") -> Shaken:
    """Connect, verify `name`, ask, and hang up. Raises what the client raises."""
    async with asyncio.timeout(LIMIT):
        reader, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=name)
        try:
            writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            assert await reader.read() == ANSWER
            session = writer.get_extra_info("ssl_object")
            return Shaken(
                session.version(), session.selected_alpn_protocol(), session.getpeercert(), session.getpeercert(True)
            )
        finally:
            writer.close()


def in_memory(
    server: ssl.SSLContext, client: ssl.SSLContext, name: str, session: ssl.SSLSession | None = None
) -> ssl.SSLObject:
    """One handshake without a socket; the client's side. Raises what either side raises."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(down, up, server_hostname=name, session=session),
        server.wrap_bio(up, down, server_side=True),
    ]
    left = list(ends)
    for _ in range(10):
        for end in list(left):
            try:
                end.do_handshake()
                left.remove(end)
            except ssl.SSLWantReadError:
                continue
        if not left:
            ends[1].write(b"x")  # what carries TLS 1.3's tickets to the client
            ends[0].read(1)
            _close(ends)
            return ends[0]
    raise AssertionError("the handshake came to no end")


def _close(ends: list[ssl.SSLObject]) -> None:
    """Exchange close_notify: a server forgets the session of a connection that ends without."""
    for end in ends * 2:
        try:
            end.unwrap()
        except ssl.SSLWantReadError:
            continue
