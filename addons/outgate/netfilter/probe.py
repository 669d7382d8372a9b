"""One attempt to leave, made by a child process under another uid, and what became of it.

Owns forking, the sockets of the attempt and the reading of the kernel's socket table. Judges nothing: `verify` does.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from outgate.netfilter.options import Address, Family

PATIENCE = 3.0  # seconds for a connection that nothing answers
ORIGINAL_DST = 80  # SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST alike; Python names neither
SOCKET = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}


class Attempt:
    """A TCP connection or datagram tried by a process of `uid`, which keeps it open until `close`.

    `error` is an errno, 0 for success; `source` the local port it had.
    """

    def __init__(self, uid: int, try_it: Callable[[], tuple[int, socket.socket | None]]) -> None:
        answer, told = os.pipe()
        hold, self._release = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            os.close(self._release)
            _tell(uid, try_it, told, hold)
        os.close(told)
        os.close(hold)
        with os.fdopen(answer, "rb") as report:
            self.error, self.source = struct.unpack("=iH", report.read() or struct.pack("=iH", errno.EPIPE, 0))

    def close(self) -> None:
        os.close(self._release)
        os.waitpid(self._child, 0)


def _tell(uid: int, try_it: Callable[[], tuple[int, socket.socket | None]], told: int, hold: int) -> None:
    """The child: never returns, whatever happens, or it would go on as a second verifier."""
    try:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
        error, kept = try_it()
        source = kept.getsockname()[1] if kept else 0
        os.write(told, struct.pack("=iH", error, source))
        os.close(told)
        os.read(hold, 1)  # end of file: the parent has seen what it wanted
    except OSError as error:
        os.write(told, struct.pack("=iH", error.errno or errno.EIO, 0))
    finally:
        os._exit(0)


def connect(family: Family, address: Address, port: int) -> tuple[int, socket.socket | None]:
    """Open a TCP connection. Gives an errno (0 for success) and the socket, which the caller keeps."""
    opened = socket.socket(SOCKET[family], socket.SOCK_STREAM)
    opened.settimeout(PATIENCE)
    try:
        opened.connect((str(address), port))
    except OSError as error:
        opened.close()
        return error.errno or errno.ETIMEDOUT, None  # Python's own timeout has no number
    return 0, opened


def routed(family: Family, address: Address) -> bool:
    """Whether this namespace has a route to the address. Sends nothing."""
    try:
        with socket.socket(SOCKET[family], socket.SOCK_DGRAM) as unsent:
            unsent.connect((str(address), 9))
    except OSError:
        return False
    return True


def send(family: Family, address: Address, port: int) -> tuple[int, socket.socket | None]:
    """Send one datagram and wait a moment for a refusal. Silence counts as sent."""
    opened = socket.socket(SOCKET[family], socket.SOCK_DGRAM)
    opened.settimeout(PATIENCE / 3)
    try:
        opened.connect((str(address), port))
        opened.send(b"outgate verify")
        opened.recv(1)
    except TimeoutError:
        return 0, opened
    except OSError as error:
        opened.close()
        return error.errno or errno.EIO, None
    return 0, opened


def original(accepted: socket.socket, family: Family) -> tuple[str, int]:
    """Where an accepted connection was going before any redirect. Raises OSError where the kernel tracks none."""
    if family is Family.IPV4:
        port, packed = struct.unpack("!2xH4s8x", accepted.getsockopt(socket.SOL_IP, ORIGINAL_DST, 16))
        return str(IPv4Address(packed)), port
    port, packed = struct.unpack("!2xH4x16s4x", accepted.getsockopt(socket.IPPROTO_IPV6, ORIGINAL_DST, 28))
    return str(IPv6Address(packed)), port


def arrived(port: int, source: int, net: Path = Path("/proc/thread-self/net")) -> bool:
    """Whether the kernel has a connection whose local port is `port` and whose other end is port `source`."""
    tables = (net / name for name in ("tcp", "tcp6"))
    rows = (line.split() for table in tables if table.exists() for line in table.read_text().splitlines()[1:])
    return any((_port(row[1]), _port(row[2])) == (port, source) for row in rows)


def _port(end: str) -> int:
    return int(end.rpartition(":")[2], 16)
