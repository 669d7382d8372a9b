"""The uid behind a connection that comes from this machine's own network namespace.

Owns one netlink question (sock_diag, an exact look-up, which needs no privilege and takes microseconds). Knows nothing
of what a uid means.
"""

from __future__ import annotations

import socket
import struct

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
REQUEST = 1
ERROR = 2
ALL_STATES = 0xFFFFFFFF
ANY_COOKIE = b"\xff" * 8
HEADER = struct.Struct("=IHHII")
UID_AT = HEADER.size + 4 + 48 + 12
"""Behind the header: family, state, timer and retransmissions; the socket's id; expiry and both queues."""


def peer_uid(source: tuple[str, int], destination: tuple[str, int]) -> int | None:
    """The uid of the socket that was connected from `source` to `destination`; None where it is not of this namespace.

    `destination` is what the workload dialled, for its socket knows nothing of a redirect.
    """
    if ":" in source[0]:
        return _uid(socket.AF_INET6, source, destination)
    uid = _uid(socket.AF_INET, source, destination)
    if uid is not None:
        return uid
    # A socket of IPv6 that speaks IPv4 is listed under its own family.
    return _uid(socket.AF_INET6, _mapped(source), _mapped(destination))


def _mapped(address: tuple[str, int]) -> tuple[str, int]:
    return f"::ffff:{address[0]}", address[1]


def _uid(family: int, source: tuple[str, int], destination: tuple[str, int]) -> int | None:
    try:
        answer = _ask(_question(family, source, destination))
    except OSError:
        return None
    kind = HEADER.unpack_from(answer)[1]
    if kind == ERROR or len(answer) < UID_AT + 4:
        return None
    (uid,) = struct.unpack_from("=I", answer, UID_AT)
    return int(uid)


def _question(family: int, source: tuple[str, int], destination: tuple[str, int]) -> bytes:
    ends = struct.pack("!HH", source[1], destination[1])
    for host, _ in (source, destination):
        ends += socket.inet_pton(family, host).ljust(16, b"\0")
    wanted = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, 0, 0, ALL_STATES)
    body = wanted + ends + struct.pack("=I", 0) + ANY_COOKIE
    return HEADER.pack(HEADER.size + len(body), SOCK_DIAG_BY_FAMILY, REQUEST, 0, 0) + body


def _ask(question: bytes) -> bytes:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as netlink:
        netlink.settimeout(0.05)
        netlink.send(question)
        return netlink.recv(4096)
