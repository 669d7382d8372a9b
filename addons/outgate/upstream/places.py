"""From a target to the checked addresses to dial, in the order to try them.

Owns the order of endpoints, the last look at every address, and what a proxy is asked for. Opens nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from outgate.policy.hosts import HostError, bracketed, literal
from outgate.policy.model import Endpoint
from outgate.upstream.dial import Place, is_own, shown
from outgate.upstream.environment import Environment
from outgate.upstream.errors import Failure, UpstreamError
from outgate.upstream.hops import Hop
from outgate.upstream.target import Target

MOST_ENDPOINTS = 4
"""Endpoints of a list that one connect looks at."""
MOST_NAMED = 64
"""Names of a list that are looked up where one of their addresses is to be chosen."""
KEPT = 1024
MOST_PLACES = 8
"""Addresses that one connect tries."""


async def places_of(target: Target, environment: Environment) -> list[Place]:
    """Where `target` is, permitted addresses only. Raises `UpstreamError`."""
    found: list[Place] = []
    failed: UpstreamError | None = None
    for host, port in _candidates(target, environment.random):
        try:
            addresses = await environment.resolver.addresses(host, target.permit)
        except UpstreamError as error:
            failed = failed or error
            continue
        found += [(address, port) for address in addresses]
    if not found and failed is not None:
        raise failed
    return foreign(found[:MOST_PLACES], environment.own_ports)


async def endpoints_of(target: Target, environment: Environment) -> tuple[Endpoint, ...]:
    """The places among which one is to be chosen, as far as they are permitted; names as the addresses they have.
    Raises `UpstreamError` where there is none."""
    if target.address is not None:
        return (Endpoint(target.address, target.port),)
    named = target.endpoints or (Endpoint(target.host, target.port),)
    if spelt(named):
        return named
    found: dict[tuple[str, int], Endpoint] = {}
    failed: UpstreamError | None = None
    for endpoint in named[:MOST_NAMED]:
        try:
            addresses = await environment.resolver.addresses(endpoint.address, target.permit)
        except UpstreamError as error:
            failed = failed or error
            continue
        for address in sorted(_of_one_family(addresses)):
            found.setdefault((address, endpoint.port), replace(endpoint, address=address))
    if not found and failed is not None:
        raise failed
    return tuple(found.values())


_spelt_lists: dict[int, tuple[tuple[Endpoint, ...], bool]] = {}


def spelt(endpoints: tuple[Endpoint, ...]) -> bool:
    """Whether all of them are addresses. Kept by identity, for it is asked with every request."""
    known = _spelt_lists.get(id(endpoints))
    if known is None or known[0] is not endpoints:
        if len(_spelt_lists) >= KEPT:
            _spelt_lists.clear()
        known = _spelt_lists[id(endpoints)] = endpoints, all(_is_address(one.address) for one in endpoints)
    return known[1]


def _of_one_family(addresses: Sequence[str]) -> list[str]:
    """Those of the family that the system prefers: the other one may lead nowhere, and would be chosen as often."""
    return [address for address in addresses if (":" in address) == (":" in addresses[0])]


def looked_up(target: Target) -> bool:
    """Whether a name has to be resolved: addresses are where they are."""
    if target.address is not None:
        return False
    hosts = [endpoint.address for endpoint in target.endpoints] or [target.host]
    return not all(map(_is_address, hosts))


async def places_of_hop(hop: Hop, environment: Environment) -> list[Place]:
    """Where a proxy is. Raises `UpstreamError`."""
    host, port = hop.address
    addresses = await environment.resolver.addresses(host, hop.permit)
    return foreign([(address, port) for address in addresses[:MOST_PLACES]], environment.own_ports)


def authority_of(target: Target, environment: Environment) -> str:
    """What the last proxy is asked for: the verified `host:port`. A name is the proxy's to resolve; an address is
    refused here where the target does not permit it."""
    host, port = _candidates(target, environment.random)[0]
    if _is_address(host) and (why := target.permit.refusal(host)):
        raise UpstreamError(Failure.ADDRESS_REFUSED, why)
    return f"{bracketed(host)}:{port}"


def foreign(places: list[Place], own_ports: frozenset[int]) -> list[Place]:
    """The places that are not the gate itself. Raises `UpstreamError` where none is left."""
    kept = [place for place in places if place[1] not in own_ports or not is_own(place, own_ports)]
    if places and not kept:
        why = f"{shown(places[0])} is the gate itself; correct the address that leads back to it"
        raise UpstreamError(Failure.ADDRESS_REFUSED, why)
    return kept


def ordered(endpoints: Sequence[Endpoint], random: Callable[[], float]) -> list[Endpoint]:
    """Lower priorities first; within one, by chance in proportion to weight, and those without weight last."""

    def rank(endpoint: Endpoint) -> tuple[int, float]:
        return endpoint.priority, -(random() ** (1 / endpoint.weight)) if endpoint.weight > 0 else 0.0

    return sorted(endpoints, key=rank)


def _candidates(target: Target, random: Callable[[], float]) -> list[Place]:
    """Names or addresses and their ports, not checked yet."""
    if target.address is not None:
        return [(target.address, target.port)]
    if target.endpoints:
        return [(chosen.address, chosen.port) for chosen in ordered(target.endpoints, random)[:MOST_ENDPOINTS]]
    return [(target.host, target.port)]


def _is_address(host: str) -> bool:
    try:
        return literal(host) is not None
    except (HostError, ValueError):
        return False
