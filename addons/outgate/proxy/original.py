"""Where a redirected connection was going before iptables changed it.

Owns the two socket options. Knows no policy.
"""

from __future__ import annotations

import socket
import struct

SO_ORIGINAL_DST = 80
IP6T_SO_ORIGINAL_DST = 80
SOL_IPV6 = 41


class NotRedirected(ConnectionError):
    """The connection came straight to the gate's own port: a loop, or a mistake."""


def original_destination(sock: socket.socket) -> tuple[str, int]:
    """The address and port that the workload dialled. Raises `NotRedirected`."""
    try:
        address = _ipv6(sock) if sock.family is socket.AF_INET6 else _ipv4(sock)
    except OSError as error:
        raise NotRedirected("no original destination is recorded") from error
    if address == sock.getsockname()[:2]:
        raise NotRedirected(f"{address[0]}:{address[1]} is the gate itself")
    return address


def _ipv4(sock: socket.socket) -> tuple[str, int]:
    raw = sock.getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, 16)
    port, packed = struct.unpack_from("!2xH4s", raw)
    return socket.inet_ntop(socket.AF_INET, packed), port


def _ipv6(sock: socket.socket) -> tuple[str, int]:
    raw = sock.getsockopt(SOL_IPV6, IP6T_SO_ORIGINAL_DST, 28)
    port, packed = struct.unpack_from("!2xH4x16s", raw)
    return socket.inet_ntop(socket.AF_INET6, packed), port
