"""The workload's half of SOCKS5 (RFC 1928): no authentication, CONNECT only.

Owns the handshake on a raw socket. Whether the target may be reached is asked of the caller's function.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

VERSION = 5
NO_AUTHENTICATION, NO_METHOD = 0, 0xFF
CONNECT = 1
IPV4, NAME, IPV6 = 1, 3, 4
SUCCEEDED, NOT_ALLOWED, COMMAND_REFUSED, TYPE_REFUSED = 0, 2, 7, 8


class SocksError(ConnectionError):
    """The workload does not speak SOCKS5, or asks for what is not offered."""


async def accept(sock: socket.socket, allowed: Callable[[str, int], bool], within: float) -> tuple[str, int]:
    """Carry out the handshake. Returns the target as it was sent: a name or an address, and a port.

    Raises `SocksError` after the refusal has been sent, and `TimeoutError`.
    """
    async with asyncio.timeout(within):
        version, count = await _take(sock, 2)
        if version != VERSION:
            raise SocksError(f"version {version} is not SOCKS5")
        if NO_AUTHENTICATION not in await _take(sock, count):
            await _send(sock, bytes([VERSION, NO_METHOD]))
            raise SocksError("the client insists on authentication")
        await _send(sock, bytes([VERSION, NO_AUTHENTICATION]))
        host, port = await _request(sock)
        if not allowed(host, port):
            await _answer(sock, NOT_ALLOWED)
            raise SocksError("the target is not registered")
        await _answer(sock, SUCCEEDED)
        return host, port


async def _request(sock: socket.socket) -> tuple[str, int]:
    version, command, _, kind = await _take(sock, 4)
    if version != VERSION or command != CONNECT:
        await _answer(sock, COMMAND_REFUSED)
        raise SocksError(f"command {command} is not CONNECT")
    if kind == IPV4:
        host = str(IPv4Address(await _take(sock, 4)))
    elif kind == IPV6:
        host = str(IPv6Address(await _take(sock, 16)))
    elif kind == NAME:
        # Bytes that are no host name survive to be refused as such, by the one canonicaliser.
        host = (await _take(sock, (await _take(sock, 1))[0])).decode("utf-8", "surrogateescape")
    else:
        await _answer(sock, TYPE_REFUSED)
        raise SocksError(f"address type {kind} is not known")
    return host, int.from_bytes(await _take(sock, 2), "big")


async def _take(sock: socket.socket, count: int) -> bytes:
    """Exactly so many bytes, and none that follow: they belong to what is inside."""
    loop, taken = asyncio.get_running_loop(), b""
    while len(taken) < count:
        data = await loop.sock_recv(sock, count - len(taken))
        if not data:
            raise SocksError("the client left during the handshake")
        taken += data
    return taken


async def _answer(sock: socket.socket, code: int) -> None:
    await _send(sock, bytes([VERSION, code, 0, IPV4]) + bytes(6))


async def _send(sock: socket.socket, data: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(sock, data)
