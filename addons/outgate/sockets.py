"""Listening sockets: bound here, or inherited from the process that bound them.

Owns their options. Who accepts from them is elsewhere.
"""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterable

BACKLOG = 4096
TCP_SAVE_SYN = 27
"""Socket option: keep the first segment of each connection that is accepted."""
LOOPBACK = ("127.0.0.1", "::1")
NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


def bind(host: str, port: int, *, shared: bool = False) -> list[socket.socket]:
    """Listening sockets for an address; for an empty host, one for IPv4 and one for IPv6 where the machine has it.

    Among `shared` ones (SO_REUSEPORT) the kernel distributes connections. Raises `OSError`.
    """
    if host:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return [_listener(family, host, port, shared)]
    sockets = [_listener(socket.AF_INET, "0.0.0.0", port, shared)]
    port = sockets[0].getsockname()[1]
    try:
        sockets.append(_listener(socket.AF_INET6, "::", port, shared))
    except OSError as error:
        if socket.has_ipv6 and error.errno not in NO_IPV6:
            sockets[0].close()
            raise
    return sockets


def resolving(host: str, port: int, *, shared: bool = False) -> list[tuple[socket.socket, socket.socket]]:
    """Pairs of sockets for datagrams and for connections, all on one port; for an empty host one on loopback of either
    family, where the machine has it. Raises `OSError`."""
    pairs: list[tuple[socket.socket, socket.socket]] = []
    try:
        for address in (host,) if host else LOOPBACK:
            try:
                pairs.append(_pair(address, port, shared))
            except OSError as error:
                if not pairs or error.errno not in NO_IPV6:
                    raise
            port = pairs[0][0].getsockname()[1]
    except BaseException:
        for sock in (sock for pair in pairs for sock in pair):
            sock.close()
        raise
    return pairs


def _pair(address: str, port: int, shared: bool) -> tuple[socket.socket, socket.socket]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    queries = _datagrams(family, address, port, shared)
    try:
        return queries, _listener(family, address, queries.getsockname()[1], shared)
    except BaseException:
        queries.close()
        raise


def inherit(descriptors: Iterable[int]) -> list[socket.socket]:
    """Listening sockets that another process bound."""
    return [_ready(socket.socket(fileno=descriptor)) for descriptor in descriptors]


def _listener(family: socket.AddressFamily, host: str, port: int, shared: bool) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bound(sock, host, port, shared)
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return _ready(sock)


def _datagrams(family: socket.AddressFamily, host: str, port: int, shared: bool) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        _bound(sock, host, port, shared)
    except BaseException:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def _bound(sock: socket.socket, host: str, port: int, shared: bool) -> None:
    if shared:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if sock.family is socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind((host, port))


def _ready(sock: socket.socket) -> socket.socket:
    sock.setblocking(False)
    with contextlib.suppress(OSError):  # whoever asks who is calling is then told less
        sock.setsockopt(socket.IPPROTO_TCP, TCP_SAVE_SYN, 1)
    return sock
