"""The one destination and port that an attempt is for, or the nearest miss.

Owns the order among what the registry finds: the most specific destination that the caller sees, that has not expired
and that has the port decides, and no other is looked at after it. Knows nothing of access rules and modes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from outgate.policy.addresses import Address, named
from outgate.policy.hosts import literal
from outgate.policy.model import (
    Attempt,
    AttemptKind,
    Code,
    Destination,
    Identity,
    Intercept,
    Port,
    Protocol,
    Resolution,
    Source,
)
from outgate.policy.registry import By, Match, is_lone
from outgate.policy.sight import Sight
from outgate.policy.snapshot import Policy
from outgate.policy.steps import Steps

PLAIN = frozenset({Protocol.HTTP, Protocol.HTTP2, Protocol.GRPC, Protocol.ANY})
SECURE = frozenset({Protocol.HTTPS, Protocol.TLS, Protocol.GRPC, Protocol.HTTP2, Protocol.ANY})
BYTES = frozenset({Protocol.TCP, Protocol.ANY})

NEARNESS = (Code.UNREGISTERED, Code.PORT_UNREGISTERED, Code.NOT_EXPORTED, Code.EXPIRED)


@dataclass(frozen=True, slots=True)
class Found:
    """What the attempt is for."""

    match: Match
    port: Port

    @property
    def destination(self) -> Destination:
        return self.match.destination


@dataclass(frozen=True, slots=True)
class Missing:
    """Why nothing is. `source` is the document that came nearest."""

    code: Code
    reason: str
    source: Source | None = None


def find(policy: Policy, attempt: Attempt, steps: Steps | None = None) -> Found | Missing:
    """The destination and port that an attempt is for, before protocol and address are compared; see `refusal`."""
    if disagreement := _disagreement(attempt):
        return disagreement
    sight, nearest = policy.sight(attempt.caller), Missing(Code.UNREGISTERED, f"{target(attempt)} is not registered")
    for match in _applicable(policy, attempt):
        miss = _miss(policy, attempt, match, sight)
        if isinstance(miss, Found):
            if steps is not None:
                steps.say(f"{target(attempt)} is {match.pattern} of {match.destination.name}", miss.destination.source)
            return miss
        if steps is not None:
            steps.say(miss.reason, miss.source)
        if NEARNESS.index(miss.code) > NEARNESS.index(nearest.code):
            nearest = miss
    return nearest


def refusal(attempt: Attempt, found: Found) -> Missing | None:
    """Why an attempt is not what its destination's port is for, or None."""
    if carries(found.port, attempt):
        return elsewhere(attempt, found)
    reason = f"{target(attempt)} is registered for {_spoken(found.port)}, not for {_speech(attempt)}"
    return Missing(Code.PROTOCOL_MISMATCH, reason, found.port.source or found.destination.source)


def elsewhere(attempt: Attempt, found: Found) -> Missing | None:
    """Why the address that was dialled, and would be dialled again, is not one of the destination's, or None."""
    ip = dialled(attempt)
    if found.match.by is not By.NAME or ip is None or not _original(found) or _holds(found.destination, ip):
        return None
    reason = f"{ip} is not an address of {found.destination.name}"
    return Missing(Code.ADDRESS_REFUSED, reason, found.port.source or found.destination.source)


def tcp_only(policy: Policy, address: str | None, port: int, caller: Identity) -> bool:
    """Whether only bytes can go to this address and port, so that nothing needs to be read before they are relayed.

    Server-first protocols depend on it. Any named destination that the caller sees on the port makes it false: its name
    would have to be read.
    """
    sight, ip = policy.sight(caller), parsed(address)
    reachable = False
    for destination in policy.registry.on(port):
        match = Match(destination, destination.hosts[0] if destination.hosts else "", By.PORT)
        number = match.port(port)
        if number is None or _expired(policy, destination) or not sight.sees(match):
            continue
        here = ip is not None and _holds(destination, ip)
        if number.protocol is not Protocol.TCP and (here or not nameless(destination)):
            return False
        reachable = reachable or here or is_lone(destination, number)
    return reachable


def target(attempt: Attempt) -> str:
    """What the attempt names, for people: `host:port` or `address:port`."""
    return f"{attempt.host or attempt.address or 'no name'}:{attempt.port}"


@lru_cache(4096)
def parsed(address: str | None) -> Address | None:
    """An address as it is routed: IPv4 inside IPv6 notation is IPv4. Raises `ValueError` for what is none."""
    ip = ip_address(address) if address is not None else None
    return ip.ipv4_mapped or ip if isinstance(ip, IPv6Address) else ip


def dialled(attempt: Attempt) -> Address | None:
    """The address that the workload dialled or spelt, or None where it gave only a name."""
    if attempt.address is not None:
        return parsed(attempt.address)
    return parsed(attempt.host) if attempt.host is not None and literal(attempt.host) is not None else None


def nameless(destination: Destination) -> bool:
    """Whether a destination is known by address alone."""
    return all(literal(host) is not None for host in destination.hosts)


def _disagreement(attempt: Attempt) -> Missing | None:
    """A host that spells an address must be the address that was dialled."""
    if attempt.address is None or attempt.host is None or literal(attempt.host) is None:
        return None
    if parsed(attempt.host) == parsed(attempt.address):
        return None
    return Missing(Code.NAMES_DISAGREE, f"{attempt.host} was named, {attempt.address} was dialled")


def _applicable(policy: Policy, attempt: Attempt) -> Iterator[Match]:
    """What could be meant. A name that was given has to be the destination's, unless it is known by address alone or
    takes bytes at that address."""
    unnamed = attempt.host is None or literal(attempt.host) is not None
    for match in policy.registry.lookup(attempt.host, dialled(attempt), attempt.port):
        if match.by is By.NAME or unnamed or (match.by is By.NETWORK and _by_address(match, attempt.port)):
            yield match


def _by_address(match: Match, number: int) -> bool:
    port = match.port(number)
    return nameless(match.destination) or (port is not None and port.protocol is Protocol.TCP)


def _miss(policy: Policy, attempt: Attempt, match: Match, sight: Sight) -> Found | Missing:
    destination, port = match.destination, match.port(attempt.port)
    if not sight.sees(match):
        reason = f"{destination.name} is not exported to namespace {sight.namespace}"
        return Missing(Code.NOT_EXPORTED, reason, destination.source)
    if port is None:
        numbers = ", ".join(str(known.number) for known in destination.ports)
        how = f"for port {numbers}, not {attempt.port}" if numbers else "without ports"
        reason = f"{match.pattern} is registered {how}"
        return Missing(Code.PORT_UNREGISTERED, reason, destination.source)
    if _expired(policy, destination):
        return Missing(Code.EXPIRED, f"{destination.name} expired at {destination.expires}", destination.source)
    return Found(match, port)


def _expired(policy: Policy, destination: Destination) -> bool:
    return destination.expires is not None and destination.expires <= policy.now()


def carries(port: Port, attempt: Attempt) -> bool:
    """Whether what the workload speaks is what the port is for."""
    if attempt.kind is AttemptKind.HTTP:
        if attempt.encrypted:
            return port.protocol in SECURE and port.intercept is Intercept.DECRYPT
        return port.protocol in PLAIN
    if attempt.kind is AttemptKind.TLS:
        return port.protocol is Protocol.TCP or (port.protocol in SECURE and port.intercept is Intercept.TUNNEL)
    return port.protocol in BYTES


def _spoken(port: Port) -> str:
    return f"{port.protocol} ({port.intercept.lower()})" if port.protocol in SECURE else str(port.protocol)


def _speech(attempt: Attempt) -> str:
    if attempt.kind is AttemptKind.HTTP:
        return "HTTP over TLS" if attempt.encrypted else "plain HTTP"
    return "tunnelled TLS" if attempt.kind is AttemptKind.TLS else "bytes that are neither HTTP nor TLS"


def _original(found: Found) -> bool:
    """Whether the address that the workload dialled is the one that the gate will dial."""
    return found.port.upstream.resolution is Resolution.NONE and bool(found.destination.networks)


def _holds(destination: Destination, ip: Address) -> bool:
    spelt = any(parsed(host) == ip for host in destination.hosts if literal(host) is not None)
    return spelt or any(named(ip, network) for network in destination.networks)
