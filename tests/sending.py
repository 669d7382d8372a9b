"""A drawn request, sent as a client sends it: by a redirect, CONNECT, an absolute URI or SOCKS5, in TLS or not.

Owns the bytes of the client. They are written by hand, so that what is malformed arrives.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress

from h2.config import H2Configuration
from h2.connection import H2Connection

from outgate.policy.attempts import Way
from policy.strategies import Request

BYTES = b"\x00neither HTTP nor TLS\r\n\r\n"
LOOSE = H2Configuration(validate_outbound_headers=False, normalize_outbound_headers=False, header_encoding="utf-8")


async def send(gate: tuple[str, int], request: Request, source: str, trusting: ssl.SSLContext) -> asyncio.StreamWriter:
    """The connection on which a request was sent from `source`, or as much of it as the gate let be said.

    `trusting` is a context of the client's own; its ALPN is set here.
    """
    sock = socket.socket()
    sock.bind((source, 0))
    sock.connect(gate)  # the kernel accepts it at once, before the gate can reset it
    reader, writer = await asyncio.open_connection(sock=sock)
    with suppress(OSError, EOFError):
        if await _tunnelled(reader, writer, request):
            await _secure(writer, request, trusting)
            writer.write(_said(request))
    return writer


async def _tunnelled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> bool:
    """Whether the proxy, where one is asked, goes to the target."""
    if request.way is Way.SOCKS5:
        name = _ascii(request.host).encode()
        writer.write(b"\x05\x01\x00\x05\x01\x00\x03%c%b" % (len(name), name) + request.port.to_bytes(2, "big"))
        return (await reader.readexactly(12))[3] == 0
    if request.way is Way.REGULAR and request.scheme != "http":
        writer.write(f"CONNECT {_target(request)} HTTP/1.1\r\nHost: {_target(request)}\r\n\r\n".encode())
        return (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    return True


async def _secure(writer: asyncio.StreamWriter, request: Request, trusting: ssl.SSLContext) -> None:
    """Begin TLS, where there should be some. Raises `OSError` where it is refused, or tunnelled to nowhere."""
    if request.scheme in ("https", "tls"):
        trusting.set_alpn_protocols(["h2" if request.http2 else "http/1.1"])
        await writer.start_tls(trusting, server_hostname=_ascii(request.host).removesuffix("."))


def _said(request: Request) -> bytes:
    if request.scheme in ("tls", "tcp"):
        return BYTES
    return _http2(request) if request.http2 else _http1(request)


def _http1(request: Request) -> bytes:
    target = request.path.partition("#")[0]
    if request.method == "CONNECT":
        target = _target(request)
    elif request.way is Way.REGULAR and request.scheme == "http":
        target = f"http://{_authority(request)}{target}"
    named = any(name.lower() == "host" for name, _ in request.fields)
    fields = request.fields if named else (("Host", _authority(request)), *request.fields)
    lines = [f"{request.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _http2(request: Request) -> bytes:
    """A `Host` field stands in the place of `:authority`, as clients put it."""
    named = [value for name, value in request.fields if name.lower() == "host"]
    head = [
        (":method", request.method),
        (":scheme", request.scheme),
        (":authority", named[0] if named else _authority(request)),
        (":path", request.path.partition("#")[0]),
    ]
    rest = [(name.lower(), value) for name, value in request.fields if name.lower() != "host"]
    connection = H2Connection(LOOSE)
    connection.initiate_connection()
    connection.send_headers(1, head + rest, end_stream=True)
    return connection.data_to_send()


def _authority(request: Request) -> str:
    """What a client puts into `Host`."""
    usual = {"http": 80, "https": 443}.get(request.scheme)
    return _target(request).removesuffix(f":{usual}") if request.port == usual else _target(request)


def _target(request: Request) -> str:
    host = _ascii(request.host)
    return f"[{host}]:{request.port}" if ":" in host else f"{host}:{request.port}"


def _ascii(host: str) -> str:
    return host if host.isascii() else host.encode("idna").decode()
