"""In-mesh traffic: what stays inside is forwarded as it is and never denied as unregistered.

Owns the choice between a registered destination and the names and networks that are declared internal. An internal name
is resolved by the gate, never dialled where the workload says: else any address could be reached by using such a name.
"""

from __future__ import annotations

from ipaddress import ip_network

from outgate.policy.addresses import named
from outgate.policy.hosts import literal, matches, weight
from outgate.policy.model import (
    Attempt,
    Defaults,
    Destination,
    Intercept,
    Network,
    Port,
    Protocol,
    Resolution,
    Source,
    Upstream,
)
from outgate.policy.registry import By
from outgate.policy.selection import Found, Missing, dialled
from outgate.problems import Where

UNSAID = Source(Where("defaults"), "EgressDefaults", "default")


def internal(defaults: Defaults, attempt: Attempt, found: Found | Missing) -> tuple[Destination, Port] | None:
    """The in-mesh destination of an attempt, or None where it leaves the mesh.

    An internal name beats a registered pattern that is less specific (`*`), an internal network beats a registered one
    that is wider, and a registered name beats an internal network.
    """
    if isinstance(found, Found) and found.destination.internal:
        return found.destination, found.port
    if (pattern := _name(defaults, attempt, found)) is not None:
        return _made(defaults, attempt.port, (pattern,), (), Resolution.DNS)
    if (network := _network(defaults, attempt, found)) is not None:
        return _made(defaults, attempt.port, (), (network,), Resolution.NONE)
    return None


def _name(defaults: Defaults, attempt: Attempt, found: Found | Missing) -> str | None:
    if attempt.host is None or literal(attempt.host) is not None:
        return None
    least = weight(found.match.pattern) if isinstance(found, Found) and found.match.by is By.NAME else -1
    fitting = [pattern for pattern in defaults.internal_hosts if matches(pattern, attempt.host)]
    best = max(fitting, key=weight, default=None)
    return best if best is not None and weight(best) > least else None


def _network(defaults: Defaults, attempt: Attempt, found: Found | Missing) -> Network | None:
    ip = dialled(attempt)
    if ip is None or (isinstance(found, Found) and found.match.by is By.NAME):
        return None
    by_network = isinstance(found, Found) and found.match.by is By.NETWORK
    least = ip_network(found.match.pattern).prefixlen if by_network and isinstance(found, Found) else -1
    fitting = [network for network in defaults.internal_networks if named(ip, network)]
    best = max(fitting, key=lambda network: network.prefixlen, default=None)
    return best if best is not None and best.prefixlen > least else None


def _made(
    defaults: Defaults, port: int, hosts: tuple[str, ...], networks: tuple[Network, ...], how: Resolution
) -> tuple[Destination, Port]:
    source = defaults.source or UNSAID
    name = hosts[0] if hosts else str(networks[0])
    entry = Port(port, Protocol.ANY, Upstream(port, how), Intercept.TUNNEL, source=source)
    return Destination(f"internal/{name}", name, "", hosts, networks, (entry,), source, internal=True), entry
