"""Addresses that stand for names: a workload that connects to one has said which host it means, whatever it speaks.

Owns which address is which host's. They are drawn by the name itself, so that all workers agree, and so does a gate
that is started again. Nobody answers at them: they lead to the gate, or nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from outgate.naming.message import Address
from outgate.policy.hosts import literal
from outgate.policy.model import Destination

POOL_4 = IPv4Network("240.0.0.0/4")
"""Reserved for ever, and routed by nobody; the last address of it is everybody's."""
POOL_6 = IPv6Network("2001:2::/48")
"""For benchmarks (RFC 5180)."""


@dataclass(frozen=True, slots=True)
class Virtual:
    """The addresses of the hosts of one policy."""

    by_host: dict[str, tuple[IPv4Address, IPv6Address]]
    by_address: dict[Address, str]

    @classmethod
    def of(cls, destinations: Iterable[Destination]) -> Virtual:
        """One address of each family for each whole name. Of two names that draw the same, the next address is for
        the one that comes later in the alphabet."""
        hosts = sorted({host for destination in destinations for host in destination.hosts if _whole(host)})
        by_host: dict[str, tuple[IPv4Address, IPv6Address]] = {}
        by_address: dict[Address, str] = {}
        for host in hosts:
            four, six = IPv4Address(_drawn(host, POOL_4, by_address)), IPv6Address(_drawn(host, POOL_6, by_address))
            by_host[host] = four, six
            by_address |= {four: host, six: host}
        return cls(by_host, by_address)


def _whole(host: str) -> bool:
    return not host.startswith("*") and literal(host) is None


def _drawn(host: str, pool: IPv4Network | IPv6Network, taken: dict[Address, str]) -> int:
    """Neither the first nor the last address of the pool."""
    size, first = pool.num_addresses - 2, int(pool.network_address) + 1
    offset = int.from_bytes(blake2b(host.encode(), digest_size=16).digest()) % size
    made = type(pool.network_address)
    while made(first + offset) in taken:
        offset = (offset + 1) % size
    return first + offset
