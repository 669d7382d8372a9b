"""Which destinations could be meant, most specific first, at a cost that does not grow with their number.

Owns the indexes by name, by network and by port. Knows nothing of callers, ports' protocols or verdicts: `selection.py`
chooses among what is found here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import ip_network

from outgate.policy.addresses import Address, as_routed
from outgate.policy.hosts import literal
from outgate.policy.model import EVERY_PORT, Destination, Network, Port, Protocol

KEPT = 4096


class By(StrEnum):
    """What a destination was found by."""

    NAME = "name"
    NETWORK = "network"
    PORT = "port"


@dataclass(frozen=True, slots=True)
class Match:
    """A destination that could be meant, and the pattern or network that says so (for a port, the host to dial)."""

    destination: Destination
    pattern: str
    by: By

    def port(self, number: int) -> Port | None:
        return numbered_port(self.destination, number)


class Registry:
    """Built once. Destinations of one pattern keep the order in which they were given."""

    def __init__(self, destinations: Iterable[Destination]) -> None:
        self.destinations = tuple(destinations)
        self._names: dict[str, list[Match]] = {}
        self._networks: dict[int, dict[int, dict[int, list[Match]]]] = {4: {}, 6: {}}
        self._lone: dict[int, list[Match]] = {}
        self._ports: dict[int, dict[str, Destination]] = {}
        self._keys = {destination.key: destination for destination in self.destinations}
        for destination in self.destinations:
            self._add(destination)
        self._lengths = {version: sorted(found, reverse=True) for version, found in self._networks.items()}

    def named(self, host: str) -> tuple[Match, ...]:
        """By a canonical name: exact, then the longest suffix, then `*`."""
        return tuple(match for key in _keys(host) for match in self._names.get(key, ()))

    def addressed(self, ip: Address) -> tuple[Match, ...]:
        """By address: the longest prefix first."""
        whole, bits = int(ip), ip.max_prefixlen
        found: list[Match] = []
        for length in self._lengths[ip.version]:
            shift = bits - length
            found += self._networks[ip.version][length].get(whole >> shift, ())
        return tuple(found)

    def owner(self, key: str) -> Destination | None:
        """Of a backend's key: the destination that it is of, or a subset of."""
        return self._keys.get(key.partition("|")[0])

    def lone(self, port: int) -> tuple[Match, ...]:
        """TCP destinations known by name alone: bytes do not name a host, so they take the whole port."""
        return tuple(self._lone.get(port, ()))

    def on(self, port: int) -> Iterable[Destination]:
        """Every destination that has the port."""
        return (self._ports.get(EVERY_PORT, {}) | self._ports.get(port, {})).values()

    def lookup(self, host: str | None, address: Address | None, port: int) -> tuple[Match, ...]:
        """All that could be meant: by name, then by address, then by port. Not all have the port: whoever says that
        a port is missing can name the document."""
        named = self.named(host) if host is not None and literal(host) is None else ()
        return named + (self.addressed(address) if address is not None else ()) + self.lone(port)

    def _add(self, destination: Destination) -> None:
        for host in destination.hosts:
            if (ip := literal(host)) is not None:
                self._add_network(destination, as_routed(ip_network(ip)), host)
            else:
                self._names.setdefault(host, []).append(Match(destination, host, By.NAME))
        for network in destination.networks:
            self._add_network(destination, network, str(network))
        for port in destination.ports:
            self._ports.setdefault(port.number, {})[destination.key] = destination
            if is_lone(destination, port):
                lone = self._lone.setdefault(port.number, [])
                lone.append(Match(destination, destination.hosts[0], By.PORT))

    def _add_network(self, destination: Destination, network: Network, pattern: str) -> None:
        bucket = self._networks[network.version].setdefault(network.prefixlen, {})
        key = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
        bucket.setdefault(key, []).append(Match(destination, pattern, By.NETWORK))


def numbered_port(destination: Destination, number: int) -> Port | None:
    """The port of this number, else the one that stands for every other."""
    every = None
    for port in destination.ports:
        if port.number == number:
            return port
        every = port if port.number == EVERY_PORT else every
    return None if every is None else _numbered(every, number)


_known: dict[tuple[int, int], tuple[Port, Port]] = {}


def _numbered(every: Port, number: int) -> Port:
    """The port that stands for every other, as one of them. Kept by identity, for it is asked with every attempt: the
    ports are held, so their ids stay theirs."""
    known = _known.get((id(every), number))
    if known is not None and known[0] is every:
        return known[1]
    made = replace(every, number=number, upstream=replace(every.upstream, port=number))
    if len(_known) >= KEPT:
        _known.clear()
    _known[id(every), number] = every, made
    return made


def is_lone(destination: Destination, port: Port) -> bool:
    """Whether a port carries bytes to a destination that no address tells apart, and that the gate can dial: one
    exact name, or endpoints."""
    if port.protocol is not Protocol.TCP or port.number == EVERY_PORT or destination.networks or not destination.hosts:
        return False
    if any(literal(host) is not None for host in destination.hosts):
        return False
    exact = len(destination.hosts) == 1 and not destination.hosts[0].startswith("*")
    return exact or bool(port.upstream.endpoints)


def _keys(host: str) -> Iterator[str]:
    yield host
    start = host.find(".")
    while start >= 0:
        yield f"*{host[start:]}"
        start = host.find(".", start + 1)
    yield "*"
