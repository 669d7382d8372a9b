"""The network of a confined command: a link that leads nowhere, the redirect to the gate, and the gate's sockets.

Owns addresses and their order. Even without a rule nothing would leave: the other end of the link is here. Runs in the
new network namespace, as its root.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from outgate.netfilter import installation, surroundings
from outgate.netfilter.backend import Unable, run
from outgate.netfilter.options import Options

PORT = 15001
NAMESERVER = "127.0.0.1"
IPV4, IPV6 = "198.18.0.1", "2001:2::1"
"""The command's own addresses, of the ranges set aside for measurements: nobody has them."""
BACKLOG = 512
LINKS = {"dummy": ("outgate0",), "veth peer name outgate1": ("outgate0", "outgate1")}
"""Kinds of link, one of which kernels have, and the ends of each."""


@dataclass(frozen=True, slots=True)
class Sockets:
    """Made in the namespace, served from outside it. `gates` listen, for IPv4 and, where there is one, IPv6."""

    gates: tuple[socket.socket, ...]
    queries: socket.socket
    """DNS over UDP."""
    calls: socket.socket
    """DNS over TCP; listens."""

    def all(self) -> tuple[socket.socket, ...]:
        return (self.queries, self.calls, *self.gates)


def build() -> Sockets:
    """Bring the namespace up. Raises Unable."""
    ipv6 = _has_ipv6()
    _configure(ipv6)
    # Nobody is exempt: the gate dials from another namespace.
    installation.install(Options(uid=None, listen_port=PORT, uids=surroundings.uids()), ipv6)
    with suppress(OSError):  # a convenience: in there, port 80 is nobody else's
        Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").write_text("0", encoding="ascii")
    try:
        return Sockets(tuple(_gates(ipv6)), _bound(socket.SOCK_DGRAM), _listening(_bound(socket.SOCK_STREAM)))
    except OSError as error:
        raise Unable(f"the gate's sockets cannot be made in the namespace: {error.strerror}") from error


def _has_ipv6(switches: Path = Path("/proc/sys/net/ipv6/conf")) -> bool:
    files = [switches / name / "disable_ipv6" for name in ("all", "default")]
    return all(file.exists() and file.read_text(encoding="ascii").strip() == "0" for file in files)


def _configure(ipv6: bool) -> None:
    links = _linked()
    for words in _commands(links, ipv6):
        run(["ip", *words.split()])


def _linked() -> tuple[str, ...]:
    """The ends of a link of the first kind that this kernel has."""
    complaints = []
    for kind, links in LINKS.items():
        try:
            run(["ip", "link", "add", "outgate0", "type", *kind.split()])
        except Unable as error:
            complaints.append(str(error))
        else:
            return links
    raise Unable(f"no link can be made in the namespace: {'; '.join(complaints)}; is iproute2 installed?")


def _commands(links: tuple[str, ...], ipv6: bool) -> Iterator[str]:
    yield from (f"link set {link} up" for link in ("lo", *links))
    yield f"addr add {IPV4}/32 dev outgate0"
    yield "route add default dev outgate0"
    if ipv6:
        yield f"-6 addr add {IPV6}/128 dev outgate0 nodad"
        yield "-6 route add default dev outgate0"


def _gates(ipv6: bool) -> Iterator[socket.socket]:
    yield _listening(_bound(socket.SOCK_STREAM, "0.0.0.0", PORT))
    if ipv6:
        yield _listening(_bound(socket.SOCK_STREAM, "::", PORT))


def _bound(kind: int, host: str = NAMESERVER, port: int = 53) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    if made.family is socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    made.bind((host, port))
    made.setblocking(False)
    return made


def _listening(made: socket.socket) -> socket.socket:
    made.listen(BACKLOG)
    return made
