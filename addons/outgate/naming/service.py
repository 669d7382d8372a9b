"""The resolver of a gate, put together.

Owns the wiring: sockets from the settings, names from the policy in force, addresses from the gate's own resolver, and
what is refused into the gate's log. What is answered is `answering.py`'s.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from outgate.naming.answering import Answering
from outgate.naming.server import NameServer
from outgate.policy.current import Snapshot
from outgate.policy.model import Code
from outgate.proxy.exchange import Facts
from outgate.proxy.plane import Plane
from outgate.settings import ListenMode, Settings, parse_address
from outgate.sockets import resolving

PORT = 53


def nameserver(settings: Settings, *, snapshot: Snapshot, plane: Plane, shared: bool) -> NameServer:
    """Bound, and not yet answering. Raises `OSError`."""
    transparent = settings.mode is ListenMode.TRANSPARENT

    def refused(name: str) -> None:
        facts = Facts(settings.mode, replace(settings.workload), PORT)
        plane.log.rejected(facts, Code.UNREGISTERED, f"{name} is not registered, so it has no address")

    answering = Answering(snapshot, plane.environment.resolver, settings.workload, transparent, refused, plane.counts)
    plane.host_at = lambda address: answering.host_at(ip_address(address))
    return NameServer(answering.answer, *resolving(*parse_address(settings.dns), shared=shared))
