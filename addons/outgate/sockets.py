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


def resolving(host: str, port: int, *, shared: bool = False) -> tuple[list[socket.socket], list[socket.socket]]:
    """Sockets for datagrams and for connections, on one port; for an empty host, on loopback of both families, where
    the machine has them. Raises `OSError`."""
    datagrams: list[socket.socket] = []
    listeners: list[socket.socket] = []
    try:
        for address in (host,) if host else LOOPBACK:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            try:
                datagrams.append(_datagrams(family, address, port, shared))
            except OSError as error:
                if host or family is socket.AF_INET or error.errno not in NO_IPV6:
                    raise
                continue
            port = datagrams[0].getsockname()[1]
            listeners.append(_listener(family, address, port, shared))
    except BaseException:
        for sock in (*datagrams, *listeners):
            sock.close()
        raise
    return datagrams, listeners


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
