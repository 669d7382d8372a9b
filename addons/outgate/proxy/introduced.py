"""The PROXY header, versions 1 and 2, by which a load balancer says for whom it connects.

Owns reading it and not one byte more. It is read from trusted networks alone, where it has to be there: from anywhere
else these bytes are a workload's own, which nobody believes.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from ipaddress import ip_address

from outgate.policy.addresses import named
from outgate.policy.model import Network
from outgate.proxy.peek import Gone, peek_until, peeked
from outgate.upstream.preface import PROXIED, SIGNATURE, TCP4, TCP6

HEAD = struct.Struct("!12sBBH")
V1 = re.compile(rb"PROXY (TCP[46]) ([0-9a-fA-F.:]{2,45}) [0-9a-fA-F.:]{2,45} ([0-9]{1,5}) [0-9]{1,5}\r\n")
UNKNOWN = re.compile(rb"PROXY UNKNOWN[^\r\n]*\r\n")
LONGEST_V1 = 107
MOST_V2 = 4096
"""Bytes behind the head of version 2: addresses, and what else it may say, which is passed over."""
LOCAL = 0x20
FAMILIES = {TCP4: (socket.AF_INET, 4), TCP6: (socket.AF_INET6, 16)}
"""TCP over IPv4 and IPv6."""

type Source = tuple[str, int]


class Unintroduced(ValueError):
    """A header that has to be there is not, or cannot be read."""


def trusts(networks: tuple[Network, ...], address: str) -> bool:
    """Whether connections from an address begin with a header."""
    ip = ip_address(address)
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return any(named(ip, network) for network in networks)


async def read_source(sock: socket.socket, within: float) -> Source | None:
    """For whom a connection is; None: for nobody but who connects. Raises `Unintroduced`, `Gone` and `TimeoutError`."""
    async with asyncio.timeout(within):
        begun = await peeked(sock, len(SIGNATURE))
        if begun == SIGNATURE:
            head = await peeked(sock, HEAD.size)
            length = HEAD.unpack(head)[3]
            if length > MOST_V2:
                raise Unintroduced(f"a PROXY header of {length} bytes; {MOST_V2} are the most")
            whole = await peeked(sock, HEAD.size + length)
            source = parse_v2(whole)
        else:
            whole = await _line(sock, begun, within)
            source = parse_v1(whole)
        await _consume(sock, len(whole))
    return source


async def _line(sock: socket.socket, begun: bytes, within: float) -> bytes:
    if not begun.startswith(b"PROXY "):
        raise Unintroduced("the connection does not begin with a PROXY header; have the load balancer send one")
    try:
        return await peek_until(sock, b"\r\n", LONGEST_V1, within)
    except ValueError as error:
        raise Unintroduced("the PROXY header has no end") from error


def parse_v1(line: bytes) -> Source | None:
    """Raises `Unintroduced`."""
    if UNKNOWN.fullmatch(line):
        return None
    found = V1.fullmatch(line)
    if found is None:
        raise Unintroduced("the PROXY header cannot be read")
    return _checked(found[2].decode(), int(found[3]), 4 if found[1] == b"TCP4" else 6)


def parse_v2(whole: bytes) -> Source | None:
    """Raises `Unintroduced`."""
    _, command, family, _ = HEAD.unpack_from(whole)
    if command == LOCAL:
        return None
    if command != PROXIED or family not in FAMILIES:
        raise Unintroduced("the PROXY header is for something else than TCP")
    kind, size = FAMILIES[family]
    addresses = whole[HEAD.size :]
    if len(addresses) < 2 * size + 4:
        raise Unintroduced("the PROXY header ends too early")
    port = struct.unpack_from("!H", addresses, 2 * size)[0]
    return _checked(socket.inet_ntop(kind, addresses[:size]), port, 4 if size == 4 else 6)


def _checked(text: str, port: int, version: int) -> Source:
    try:
        address = ip_address(text)
    except ValueError as error:
        raise Unintroduced("the PROXY header names no address") from error
    if address.version != version or port > 65535:
        raise Unintroduced("the PROXY header contradicts itself")
    return str(address), port


async def _consume(sock: socket.socket, count: int) -> None:
    """What was looked at is all there."""
    if len(await asyncio.get_running_loop().sock_recv(sock, count)) < count:
        raise Gone("the connection was closed")
