"""What "any address" means to a mesh whose documents name none.

Owns the networks. They are public: what is private, local or many at once is named by who wants it.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network

from outgate.policy.model import Network

NOT_OUTSIDE = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.168.0.0/16",
            "224.0.0.0/3",
        ),
    )
)
"""The machine itself, its neighbours, and many at once."""


def without(network: Network, holes: Iterable[Network]) -> tuple[Network, ...]:
    """A network less some others, as the networks that are left."""
    parts: list[Network] = [network]
    for hole in holes:
        parts = [rest for part in parts for rest in _less(part, hole)]
    return tuple(sorted(parts, key=lambda part: (int(part.network_address), part.prefixlen)))


def _less(part: Network, hole: Network) -> list[Network]:
    if isinstance(part, IPv4Network) and isinstance(hole, IPv4Network):
        return [] if part.subnet_of(hole) else list(part.address_exclude(hole)) if hole.subnet_of(part) else [part]
    if isinstance(part, IPv6Network) and isinstance(hole, IPv6Network):
        return [] if part.subnet_of(hole) else list(part.address_exclude(hole)) if hole.subnet_of(part) else [part]
    return [part]


ANYWHERE: tuple[Network, ...] = (*without(IPv4Network("0.0.0.0/0"), NOT_OUTSIDE), IPv6Network("2000::/3"))
