"""Which addresses may be dialled for a decision.

Owns the permit of an approved attempt: public addresses, and those that its entry names. Resolves and dials nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

from outgate.policy.addresses import INTERNAL, PASSTHROUGH, PUBLIC_ONLY, Address, Permit
from outgate.policy.hosts import HostError, canonical_host, literal
from outgate.policy.model import Decision, Destination, Network, Port


def permit(decision: Decision) -> Permit:
    """The addresses that an allowed attempt may reach. Without a destination, the one that the workload dialled."""
    if not decision.allowed:
        raise ValueError("a denied attempt reaches nothing")
    if decision.destination is None:
        return PASSTHROUGH
    kinds = INTERNAL if decision.destination.internal else PUBLIC_ONLY
    return kinds.naming(_networks(decision.destination, decision.port))


def _networks(destination: Destination, port: Port | None) -> Iterator[Network]:
    yield from destination.networks
    yield from destination.allow_networks
    endpoints = port.upstream.endpoints if port is not None else ()
    for host in (*destination.hosts, *(endpoint.address for endpoint in endpoints)):
        if (ip := _spelt(host)) is not None:
            yield ip_network(ip)


def _spelt(host: str) -> Address | None:
    try:
        return literal(canonical_host(host))
    except HostError:  # a wildcard, or a socket path
        return None
