"""The resolver of a gate, put together.

Owns the wiring: sockets from the settings, names from the policy in force, addresses from the gate's own resolver, and
what is refused into the gate's log. What is answered is `known_names.py`'s.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import ip_address

from outgate.naming.known_names import KnownNames
from outgate.naming.resolver import Resolver
from outgate.policy.current import Snapshot
from outgate.policy.model import Code
from outgate.proxy.exchange import Facts
from outgate.proxy.plane import Plane
from outgate.settings import ListenMode, Settings, parse_address
from outgate.sockets import resolving

PORT = 53


@dataclass(frozen=True, slots=True)
class NameServer:
    """A resolver and where it listens."""

    resolver: Resolver
    sockets: list[tuple[socket.socket, socket.socket]]
    """For datagrams and for connections, by address."""

    async def start(self) -> None:
        for queries, calls in self.sockets:
            await self.resolver.start(queries, calls)

    def close(self) -> None:
        self.resolver.close()


def nameserver(settings: Settings, *, snapshot: Snapshot, plane: Plane, shared: bool) -> NameServer:
    """Bound, and not yet answering. Raises `OSError`."""
    transparent = settings.mode is ListenMode.TRANSPARENT

    def refused(name: str) -> None:
        facts = Facts(settings.mode, settings.workload, PORT)
        plane.log.rejected(facts, Code.UNREGISTERED, f"{name} is not registered, so it has no address")

    known = KnownNames(snapshot, plane.environment.resolver, settings.workload, transparent, refused, plane.counts)
    plane.host_at = lambda address: known.host_at(ip_address(address))
    return NameServer(Resolver(known.look), resolving(*parse_address(settings.dns), shared=shared))
