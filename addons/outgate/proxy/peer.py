"""The uid behind a connection that comes from this machine's own network namespace.

Owns two netlink questions (sock_diag, which needs no privilege): for one socket by its four numbers, which takes
microseconds, and for all sockets between two places, which walks the kernel's table. Knows nothing of what a uid means.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

from outgate.sockets import TCP_SAVE_SYN

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
REQUEST, DUMP = 0x1, 0x300
ERROR, DONE = 2, 3
BYTECODE = 1
SOURCE, DESTINATION = 7, 8
"""Conditions on an address and a port, as operations of the kernel's filter."""
ALL_STATES = 0xFFFFFFFF
LISTEN = 10
"""A look-up for one socket falls back to who listens at its port, who may be anybody."""
CONNECTED = 1 << 1 | 1 << 4 | 1 << 5
"""Established, and half-closed from there (FIN_WAIT1 and 2): what the other end of an open connection can be."""
TCP_SAVED_SYN = 28
"""Socket option: what was kept by TCP_SAVE_SYN."""
SYN = 128
"""Bytes of it that are looked at: both headers without their options."""
CHANGED = 0xFC
"""Its type of service where the redirect changed the port that it comes from; the rules of the redirect write it."""
LASTING = (1, 8)
"""Established, and half-closed from the other end (CLOSE_WAIT)."""
ANY_COOKIE = b"\xff" * 8
ANY_ENDS = bytes(2 * (2 + 16))
BUFFER = 1 << 16
PATIENCE = 0.05  # seconds; the kernel answers before `send` returns
HEADER = struct.Struct("=IHHII")
OWNER = struct.Struct("=II")
STATE_AT = HEADER.size + 1
OWNER_AT = HEADER.size + 4 + 48 + 12
"""Behind the header: family, state, timer and retransmissions; the socket's id; expiry and both queues."""

type End = tuple[str, int]
"""Address and port."""


class Owner(NamedTuple):
    uid: int
    inode: int
    """0 for a socket that no process holds any more. The kernel then gives uid 0, whoever held it."""


def peer_uid(source: End, destination: End) -> int | None:
    """The uid of the socket that was connected from `source` to `destination`; None where it cannot be told: it is not
    of this namespace, or no process holds it any more."""
    try:
        owner = _exactly(source, destination)
    except OSError:
        return None
    return owner.uid if owner is not None and owner.inode else None


def caller_uid(sock: socket.socket, source: End, dialled: End) -> int | None:
    """The uid behind an accepted connection that came from `source`; `dialled` is what the workload connected to, for
    its socket knows no redirect.

    A redirect may change the port that a connection comes from: two sockets may share one towards different places,
    and here they would come to the same. Then the uid is told only if all sockets between the address and `dialled`
    are of the same one: the new port may be that of somebody else's socket. What has been broken off tells nothing, for
    its place may have been taken by another.
    """
    try:
        owner = None if _is_changed(sock) else _exactly(source, dialled)
        owners = [owner] if owner is not None else _between(source[0], dialled) if is_here(source[0]) else []
        lasting = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in LASTING
    except OSError:
        return None
    uids = {owner.uid for owner in owners}
    return uids.pop() if lasting and len(uids) == 1 and all(owner.inode for owner in owners) else None


def _is_changed(sock: socket.socket) -> bool:
    """Whether the rules of the redirect say that a connection comes from another port, or might have said so in a
    segment that the kernel did not keep, as in a flood of them. Raises `OSError`."""
    if not sock.getsockopt(socket.IPPROTO_TCP, TCP_SAVE_SYN):
        return False
    syn = sock.getsockopt(socket.IPPROTO_TCP, TCP_SAVED_SYN, SYN)
    if len(syn) < 2:
        return True
    service = syn[1] if syn[0] >> 4 == 4 else (syn[0] & 0xF) << 4 | syn[1] >> 4
    return service == CHANGED


def is_here(address: str) -> bool:
    """Whether an address is one of this namespace's own."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _exactly(source: End, destination: End) -> Owner | None:
    """The socket between two ends. One of IPv6 that speaks IPv4 is listed under its own family."""
    if ":" in source[0]:
        return _look_up(socket.AF_INET6, source, destination)
    mapped = _mapped(source), _mapped(destination)
    return _look_up(socket.AF_INET, source, destination) or _look_up(socket.AF_INET6, *mapped)


def _mapped(end: End) -> End:
    return f"::ffff:{end[0]}", end[1]


def _look_up(family: int, source: End, destination: End) -> Owner | None:
    ends = struct.pack("!HH", source[1], destination[1])
    for host, _ in (source, destination):
        ends += socket.inet_pton(family, host).ljust(16, b"\0")
    found = _ask(family, ALL_STATES, ends, REQUEST)
    return found[0] if found else None


def _between(source: str, destination: End) -> list[Owner]:
    """The connected sockets from any port of an address to an end."""
    families = (socket.AF_INET6,) if ":" in source else (socket.AF_INET, socket.AF_INET6)
    onward = _condition(DESTINATION, destination, b"")
    program = _condition(SOURCE, (source, 0), onward) + onward
    attribute = struct.pack("=HH", 4 + len(program), BYTECODE) + program
    return [owner for family in families for owner in _ask(family, CONNECTED, ANY_ENDS, REQUEST | DUMP, attribute)]


def _condition(what: int, end: End, behind: bytes) -> bytes:
    """One operation of the filter: go on behind it where it holds, else jump past the end, which refuses."""
    family = socket.AF_INET6 if ":" in end[0] else socket.AF_INET
    address = socket.inet_pton(family, end[0])
    host = struct.pack("=BBxxi", family, 8 * len(address), end[1] or -1) + address
    size = 4 + len(host)
    return struct.pack("=BBH", what, size, size + len(behind) + 4) + host


def _ask(family: int, states: int, ends: bytes, flags: int, attribute: bytes = b"") -> list[Owner]:
    """The owners that the kernel names; none where there is no such socket. Raises `OSError`."""
    body = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, 0, 0, states) + ends
    body += struct.pack("=I", 0) + ANY_COOKIE + attribute
    owners: list[Owner] = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as netlink:
        netlink.settimeout(PATIENCE)
        netlink.send(HEADER.pack(HEADER.size + len(body), SOCK_DIAG_BY_FAMILY, flags, 0, 0) + body)
        while True:
            found, last = read(netlink.recv(BUFFER))
            owners += found
            if last or not flags & DUMP:
                return owners


def read(answer: bytes) -> tuple[list[Owner], bool]:
    """The owners in one datagram of the kernel's, and whether it says that no other follows. Raises `OSError`."""
    owners: list[Owner] = []
    for kind, message in _messages(answer):
        if kind in (ERROR, DONE):
            return owners, True
        if len(message) < OWNER_AT + OWNER.size:
            raise OSError(errno.EBADMSG, "the kernel's answer is cut short")
        if message[STATE_AT] != LISTEN:
            owners.append(Owner(*OWNER.unpack_from(message, OWNER_AT)))
    return owners, False


def _messages(answer: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and bytes of each message in one datagram of the kernel's. Raises `OSError`."""
    while len(answer) >= HEADER.size:
        size, kind, *_ = HEADER.unpack_from(answer)
        if not HEADER.size <= size <= len(answer):  # with none at all there would be no end to them
            raise OSError(errno.EBADMSG, "the kernel's answer contradicts its own lengths")
        yield kind, answer[:size]
        answer = answer[-(-size // 4) * 4 :]
