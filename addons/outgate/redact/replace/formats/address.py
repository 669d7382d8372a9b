"""IP addresses: others of the same version, from the ranges that tests and books have."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from outgate.redact.replace.draws import Draws

TESTS = int(IPv4Address("198.18.0.0"))
"""Of RFC 2544, 131072 of them."""
BOOKS = int(IPv6Address("2001:db8::"))
"""Of RFC 3849, with 96 bits behind."""


def read(text: str) -> str | None:
    try:
        return str(ip_address(text))
    except ValueError:
        return None


def make(value: str, draws: Draws) -> str:
    if ":" not in value:
        return str(IPv4Address(TESTS + draws.below(1 << 17)))
    return str(IPv6Address(BOOKS + (draws.below(1 << 48) << 48) + draws.below(1 << 48)))


def write(text: str, fake: str) -> str:
    return fake
