"""Places as services: hosts of one owner that are spoken to alike stand in one document.

Owns the grouping, what a port has to be for what was spoken on it, names of documents, and wildcards where they are
asked for.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import batched

from outgate.learning.places import Place
from outgate.learning.seen import Speech
from outgate.policy.model import Protocol

LARGEST = 256
"""Hosts of one document."""
_SHARED = """
akamaized.net amazonaws.com appspot.com azure.com azurewebsites.net blogspot.com cloudfront.net cloudfunctions.net
digitaloceanspaces.com fastly.net firebaseapp.com fly.dev github.io githubusercontent.com gitlab.io googleapis.com
herokuapp.com myshopify.com netlify.app ngrok.app ngrok.io ngrok-free.app onrender.com pages.dev r2.dev run.app
supabase.co trycloudflare.com vercel.app web.app windows.net workers.dev
"""
SHARED = frozenset(_SHARED.split())
"""Under these names anybody can have a host, so that no wildcard is proposed there."""
NAMED = frozenset({Protocol.HTTP, Protocol.HTTPS, Protocol.TLS, Protocol.HTTP2})
"""What names its host, so that several can share a document."""
OTHER = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True, order=True)
class Port:
    """`tunnel`: TLS passes unread. `upstream`: the port that the gate starts TLS to; 0: it starts none."""

    number: int
    protocol: Protocol
    tunnel: bool = False
    upstream: int = 0


@dataclass(frozen=True, slots=True)
class Service:
    """One document. `hosts` are names, or all of them addresses; `places` is what it stands for."""

    name: str
    hosts: tuple[str, ...]
    ports: tuple[Port, ...]
    places: tuple[Place, ...]
    addresses: bool = False
    internal: bool = False
    callers: frozenset[str] = frozenset()
    """Who alone it is for; empty: everybody."""


@dataclass(frozen=True, slots=True)
class Host:
    """One name or address, with all its ports."""

    name: str
    ports: tuple[Port, ...]
    places: tuple[Place, ...]
    callers: frozenset[str]

    @property
    def address(self) -> bool:
        return self.places[0].at.address

    @property
    def internal(self) -> bool:
        return all(place.internal for place in self.places)

    @property
    def alone(self) -> bool:
        return not self.address and any(port.protocol not in NAMED for port in self.ports)

    @property
    def group(self) -> tuple[object, ...]:
        owner = self.name if self.alone else "" if self.address else owner_of(self.name)
        return owner, self.address, self.internal, self.ports, sorted(self.callers)


def services(
    places: Iterable[Place], taken: Collection[str], *, narrow: bool = False, wildcards: int = 0
) -> list[Service]:
    """Documents for all places, with names that are not `taken`. `narrow`: apart by who calls them. `wildcards`: from
    so many hosts of a kind on, one wildcard stands for them; 0: never."""
    groups: dict[str, list[Host]] = {}
    for host in sorted(_hosts(list(places), narrow=narrow), key=lambda host: host.name):
        groups.setdefault(repr(host.group), []).append(host)
    names = set(taken)
    return [_service(part, names, wildcards) for hosts in groups.values() for part in batched(hosts, LARGEST)]


def owner_of(host: str) -> str:
    """The domain that a name is below, as far as its form tells."""
    labels = host.split(".")
    second = len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3
    return ".".join(labels[-(3 if second else 2) :])


def _hosts(places: list[Place], *, narrow: bool) -> Iterator[Host]:
    bytes_to = Counter(place.at.port for place in places if not place.at.address and Speech.TCP in place.speeches)
    by_host: dict[str, list[Place]] = {}
    for place in sorted(places, key=lambda place: place.at):
        by_host.setdefault(place.at.host, []).append(place)
    for name, its in by_host.items():
        ports = tuple(_port(place, only=bytes_to[place.at.port] == 1) for place in its)
        callers = frozenset(caller for place in its for caller in place.callers) if narrow else frozenset()
        yield Host(name, ports, tuple(its), callers)


def _port(place: Place, *, only: bool) -> Port:
    """What carries all that was spoken, and as little else as there is a word for. `only`: no other name on this port
    takes bytes, which name nobody."""
    spoken, number = place.speeches, place.at.port
    if spoken == {Speech.HTTP}:
        return Port(number, Protocol.HTTP2 if place.http2 else Protocol.HTTP, upstream=place.originated)
    if spoken == {Speech.HTTPS}:
        return Port(number, Protocol.HTTPS)
    if spoken <= {Speech.TLS, Speech.HTTPS}:
        return Port(number, Protocol.TLS, tunnel=True)
    if spoken == {Speech.TCP} and (place.at.address or only):
        return Port(number, Protocol.TCP, tunnel=True)
    if place.at.address and Speech.TLS in spoken and Speech.HTTP not in spoken:
        return Port(number, Protocol.TCP, tunnel=True)
    return Port(number, Protocol.ANY, tunnel=Speech.TLS in spoken)


def _service(hosts: tuple[Host, ...], taken: set[str], wildcards: int) -> Service:
    first = hosts[0]
    names = tuple(host.name for host in hosts)
    if wildcards and not first.address and not first.alone and len(names) >= wildcards:
        names = _wild(names)
    return Service(
        _called(first, len(hosts), taken),
        names,
        first.ports,
        tuple(place for host in hosts for place in host.places),
        first.address,
        first.internal,
        first.callers,
    )


def _wild(names: tuple[str, ...]) -> tuple[str, ...]:
    """The narrowest wildcard over names of one owner, and the owner's own name; as they are where anybody could have
    such a name."""
    owner = owner_of(names[0])
    below = [name.split(".") for name in names if name != owner]
    common: list[str] = []
    for labels in zip(*(reversed(each[1:]) for each in below), strict=False):
        if len(set(labels)) > 1:
            break
        common.insert(0, labels[0])
    suffix = ".".join(common)
    if len(below) < 2 or not suffix.endswith(owner) or owner in SHARED:
        return names
    return (f"*.{suffix}", *(name for name in names if name == owner))


def _called(host: Host, count: int, taken: set[str]) -> str:
    """After the host, or after its owner where there are several."""
    base = host.name if count == 1 or host.address else owner_of(host.name)
    if host.address and count > 1:
        base = "addresses-" + "-".join(str(port.number) for port in host.ports)
    name = base = OTHER.sub("-", base).strip("-")[:60].strip("-")
    number = 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    taken.add(name)
    return name
