"""TLS with the workload, by the standard library, with a leaf from the CA that the workload trusts.

Owns the handshake and what a failed one means. Leafs are `pki`'s.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from dataclasses import replace

from mitmproxy import connection

from outgate.pki.leaf import LeafCache
from outgate.proxy.connections import Reader
from outgate.proxy.exchange import Facts
from outgate.settings import Limits
from outgate.telemetry.event import Tls

SPOKEN = ("h2", "http/1.1")
REFUSALS = ("UNKNOWN_CA", "CERTIFICATE_UNKNOWN", "BAD_CERTIFICATE", "UNSUPPORTED_CERTIFICATE", "CERTIFICATE_EXPIRED")


async def accept(
    sock: socket.socket, leaves: LeafCache, name: str, offers: tuple[str, ...], limits: Limits
) -> tuple[Reader, asyncio.StreamWriter]:
    """Complete the handshake under a leaf for `name`. Raises `ssl.SSLError`, `OSError` or `TimeoutError`."""
    try:
        context = leaves.context(name, tuple(protocol for protocol in SPOKEN if protocol in offers))
    except ValueError as error:  # such as an authority that has expired since the start
        raise ssl.SSLError(ssl.SSL_ERROR_SSL, f"there is no certificate for {name}: {error}") from error
    loop = asyncio.get_running_loop()
    reader = Reader(loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    # From here on the copy is the transport's, which closes it in every case; a second close would hit whoever got
    # the same descriptor meanwhile.
    transport, _ = await loop.connect_accepted_socket(
        lambda: protocol, sock.dup(), ssl=context, ssl_handshake_timeout=limits.handshake_timeout
    )
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


def describe(client: connection.Client, writer: asyncio.StreamWriter, facts: Facts, alpn: str) -> None:
    """Fill in what mitmproxy's flows show of the client's TLS, and which HTTP is spoken."""
    client.alpn = alpn.encode() or None
    tls = writer.get_extra_info("ssl_object")
    if tls is None:
        return
    client.tls, client.timestamp_tls_setup = True, time.time()
    client.sni = facts.sni
    client.tls_version = tls.version()
    client.cipher = (tls.cipher() or ("",))[0]
    client.alpn = (tls.selected_alpn_protocol() or alpn).encode() or None


def noted(facts: Facts, writer: asyncio.StreamWriter) -> Facts:
    """The facts with what is known of the client's TLS, where there is some."""
    tls = writer.get_extra_info("ssl_object")
    if tls is None:
        return facts
    cipher, alpn = (tls.cipher() or ("",))[0], tls.selected_alpn_protocol() or ""
    return replace(facts, tls=Tls(tls.version() or "", cipher, alpn, facts.sni or "", tls.session_reused or False))


def version_of(writer: asyncio.StreamWriter) -> str:
    """`TLSv1.3`, as it was agreed with the workload."""
    return writer.get_extra_info("ssl_object").version() or ""


def kind_of(error: BaseException) -> str:
    """What a handshake failed at, in a word: what OpenSSL names it, or `timeout`, or `connection_reset`."""
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ConnectionResetError | BrokenPipeError | ssl.SSLEOFError):
        return "connection_reset"
    return str(getattr(error, "reason", None) or type(error).__name__).lower().replace(" ", "_")


def explain(error: BaseException, name: str) -> str:
    """Why a workload broke the handshake off, and what would let it through."""
    reason = getattr(error, "reason", None) or str(error) or type(error).__name__
    way = f"make it trust the CA, or, if it pins certificates, register {name} with protocol TLS, to be tunnelled"
    if any(word in reason.upper() for word in REFUSALS):
        return f"the workload does not trust the gate's certificate for {name} ({reason}); {way}"
    if isinstance(error, ConnectionResetError | BrokenPipeError | ssl.SSLEOFError):
        return f"the workload hung up on the gate's certificate for {name}; {way}"
    return f"TLS with the workload failed: {reason}"
