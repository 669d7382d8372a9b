"""The compiled model's ways out of the gate.

Owns the vocabulary. Which way something takes is `forwarding.py`'s; how a way is gone, `upstream`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from outgate.policy.model import Source


class Via(StrEnum):
    """Through whom something leaves."""

    DIRECT = "DIRECT"
    GATEWAY = "GATEWAY"
    """The shared gateway, where it is judged again."""
    PROXY = "PROXY"
    """An upstream proxy, such as a company's, that is asked by CONNECT."""


@dataclass(frozen=True, slots=True)
class Tunnel:
    """What an origin that is a proxy is asked for by CONNECT; TLS to the origin is around it."""

    host: str
    """Canonical; the proxy's to resolve."""
    port: int
    source: Source | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Forwarding:
    """The way of some hosts and addresses; neither given: of everything."""

    via: Via
    hosts: tuple[str, ...] = ()
    """Canonical patterns."""
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    source: Source | None = None
