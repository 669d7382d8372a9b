"""What the redirect is asked to do: who is exempt, which ports and ranges, which resolvers.

Owns the checks of those values. Knows nothing of how they become rules, or of the machine they are for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

PORTS = re.compile(r"([0-9]{1,9})(?:[-:]([0-9]{1,9}))?")
LAST_UID = 2**32 - 2  # the kernel keeps the very last number for "no uid"


class Family(Enum):
    """An IP version, by the number that `ipaddress` gives it."""

    IPV4 = 4
    IPV6 = 6

    def __str__(self) -> str:
        return f"IPv{self.value}"


@dataclass(frozen=True, slots=True, order=True)
class Ports:
    """One port, or a range with both ends in it."""

    first: int
    last: int

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}:{self.last}"

    def __contains__(self, port: int) -> bool:
        return self.first <= port <= self.last


@dataclass(frozen=True, slots=True)
class Options:
    """The redirect, as asked for. `ports` empty means every TCP port.

    `uids` are the ranges of uids that exist here (a user namespace has fewer). `uid` None exempts nobody, for a gate
    that dials from another namespace. Raises ValueError on values that would exempt more than the gate, or exempt
    nothing that exists.
    """

    uid: int | None = 1337
    listen_port: int = 15001
    ports: tuple[Ports, ...] = ()
    exclude_ports: tuple[Ports, ...] = ()
    exclude_cidrs: tuple[Network, ...] = ()
    resolvers: tuple[Address, ...] = ()
    dns_port: int | None = None
    """Where the gate answers for names: all DNS is turned there, and no resolver is asked but by the gate."""
    uids: tuple[tuple[int, int], ...] = ((0, LAST_UID),)

    def __post_init__(self) -> None:
        if self.uid == 0:
            raise ValueError("uid 0 would exempt every process that runs as root; run the gate under a uid of its own")
        if self.uid is not None and not any(first <= self.uid <= last for first, last in self.uids):
            raise ValueError(f"uid {self.uid} does not exist in this user namespace; name one that does")
        if not 0 < self.listen_port < 65536:
            raise ValueError(f"listen port {self.listen_port} is not between 1 and 65535")

    def redirects(self, port: int) -> bool:
        """Whether a TCP connection to `port` at a public address is sent to the gate."""
        wanted = not self.ports or any(port in ports for ports in self.ports)
        return wanted and not any(port in ports for ports in self.exclude_ports)


def parse_ports(text: str) -> tuple[Ports, ...]:
    """Read `80,443,8000-8100`. Raises ValueError."""
    return tuple(_range(item.strip()) for item in text.split(",") if item.strip())


def _range(item: str) -> Ports:
    if (found := PORTS.fullmatch(item)) is None:
        raise ValueError(f"port {item!r} is not a number; use 443 or 8000-8100")
    ports = Ports(int(found[1]), int(found[2] or found[1]))
    if not 0 < ports.first <= ports.last < 65536:
        raise ValueError(f"port {item!r} is not between 1 and 65535 in rising order")
    return ports


def parse_cidrs(text: str) -> tuple[Network, ...]:
    """Read `10.0.0.0/8,fd00::/8`. Raises ValueError."""
    return tuple(_network(item.strip()) for item in text.split(",") if item.strip())


def _network(item: str) -> Network:
    try:
        network = ip_network(item)
    except ValueError as error:
        raise ValueError(f"{error}; use a range such as 10.0.0.0/8") from None
    if network.prefixlen == 0:
        raise ValueError(f"range {item!r} would exempt every address; name the ranges that may pass untouched")
    return network
