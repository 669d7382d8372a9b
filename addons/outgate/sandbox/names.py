"""Addresses for names: each registered name gets one of its own, which means nothing but that name.

Owns the numbers. They are of the ranges set aside for measurements, lead to the gate like every other address, and let
a connection that names no host be told by its address. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

from outgate.naming.message import Address

FIRST4, FIRST6 = int(IPv4Address("198.18.1.0")), int(IPv6Address("2001:2::1:0"))
MOST = 8192
"""Names that are remembered; with more, the oldest gives up its address. Only a wildcard has so many."""


class Names:
    """Gives out addresses, always the same for a name that is remembered. `lasting` names are never forgotten."""

    def __init__(self, lasting: Iterable[str] = (), most: int = MOST) -> None:
        self.most = most
        self._lasting = {host: number for number, host in enumerate(dict.fromkeys(lasting))}
        self._numbers: dict[str, int] = {}
        self._hosts = {number: host for host, number in self._lasting.items()}

    def addresses(self, host: str) -> tuple[Address, Address]:
        """A canonical name's two addresses, IPv4 first."""
        number = self._lasting.get(host, self._numbers.get(host))
        if number is None:
            number = self._take(host)
        return IPv4Address(FIRST4 + number), IPv6Address(FIRST6 + number)

    def host(self, address: str) -> str:
        """The name behind an address; empty where it is none of these."""
        try:
            ip = ip_address(address)
        except ValueError:
            return ""
        return self._hosts.get(int(ip) - (FIRST4 if ip.version == 4 else FIRST6), "")

    def _take(self, host: str) -> int:
        number = len(self._lasting) + len(self._numbers)
        if len(self._numbers) >= self.most:
            number = self._numbers.pop(next(iter(self._numbers)))
        self._numbers[host] = number
        self._hosts[number] = host
        return number
