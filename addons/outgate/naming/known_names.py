"""What a workload is told of a name.

Owns the answers: a name that is registered has the gate's address for it, or the one that the gate itself finds; any
other does not exist, and nobody is asked about it. What a name leads to is judged when it is used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Protocol

from outgate.naming.message import Address, Kind
from outgate.naming.virtual import Virtual
from outgate.policy.addresses import INTERNAL, PUBLIC_ONLY, Permit
from outgate.policy.current import Snapshot
from outgate.policy.hosts import matches
from outgate.policy.model import Destination, Identity, Mode
from outgate.policy.snapshot import Policy
from outgate.upstream.target import single

ADDRESSES = (Kind.A, Kind.AAAA)


class Addresses(Protocol):
    """Who finds the real addresses; `upstream`'s resolver."""

    async def addresses(self, host: str, permit: Permit) -> tuple[str, ...]: ...


def unheard(name: str) -> None:
    """Nobody is told."""


@dataclass(slots=True)
class KnownNames:
    """The answers of one gate. `refused` is told each name that is not registered."""

    snapshot: Snapshot
    resolver: Addresses
    caller: Identity
    """For whom it answers, as far as the mode is another for some."""
    stands_in: bool = True
    """Whether there are addresses that stand for names: where traffic is turned to the gate."""
    refused: Callable[[str], None] = unheard
    counts: Counter[str] = field(default_factory=Counter)
    _virtual: tuple[Policy, Virtual] | None = None

    def host_at(self, address: Address) -> str | None:
        """The host for which an address stands under the policy of now."""
        return self._addresses().by_address.get(address) if self.stands_in else None

    async def look(self, host: str, kind: int) -> Sequence[Address] | None:
        """The addresses of a canonical name, of both families; None where it does not exist. Raises `UpstreamError`."""
        policy = self.snapshot.policy
        permit = self._permit(policy, host)
        if permit is None:
            self.counts["dns_refused"] += 1
            self.refused(host)
            return None
        self.counts["dns_answered"] += 1
        if kind not in ADDRESSES:
            # Also what would tell of encrypted server names (HTTPS, SVCB), by which nothing could be judged.
            return ()
        if self.stands_in and (virtual := self._addresses().by_host.get(host)) is not None:
            return virtual
        return [ip_address(address) for address in await self.resolver.addresses(host, permit)]

    def _permit(self, policy: Policy, host: str) -> Permit | None:
        """The addresses that a name may have; None where it is nobody's."""
        nat64 = policy.defaults.nat64
        if any(matches(pattern, host) for pattern in policy.defaults.internal_hosts):
            return INTERNAL.beyond(nat64)
        for match in policy.registry.named(host):
            if not _over(policy, match.destination):
                return _permitted(match.destination).beyond(nat64)
        return None if policy.sight(self.caller).mode is Mode.REGISTRY_ONLY else PUBLIC_ONLY.beyond(nat64)

    def _addresses(self) -> Virtual:
        policy = self.snapshot.policy
        if self._virtual is None or self._virtual[0] is not policy:
            self._virtual = policy, Virtual.of(policy.destinations)
        return self._virtual[1]


def _permitted(destination: Destination) -> Permit:
    base = INTERNAL if destination.internal else PUBLIC_ONLY
    return base.naming((*destination.networks, *destination.allow_networks, *single(destination.hosts)))


def _over(policy: Policy, destination: Destination) -> bool:
    return destination.expires is not None and destination.expires <= policy.now()
