"""Shapes of values that the native kinds share: hosts, networks, files' paths, one or many.

Owns the reading of these values into their canonical form. Knows no kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from outgate.policy.addresses import NAT64_LENGTHS, as_routed
from outgate.policy.documents import Node
from outgate.policy.hosts import HostError, canonical_host, canonical_pattern
from outgate.policy.model import Network
from outgate.policy.schema import Fields, Reading, Record, Shape, Text


@dataclass(frozen=True, slots=True)
class Host:
    """A host in canonical form; with `pattern`, also `*.suffix` and `*`."""

    pattern: bool = True

    def read(self, node: Node, path: str, reading: Reading) -> str | None:
        text = Text(empty=False).read(node, path, reading)
        if text is None:
            return None
        try:
            made = canonical_pattern(text) if self.pattern else canonical_host(text)
        except HostError as error:
            reading.error(node.where, path, str(error))
            return None
        if not text.isascii():
            reading.warn(node.where, path, f"{text!a} is read as {made}", "write that form")
        return made


@dataclass(frozen=True, slots=True)
class Cidr:
    """An address or a network, as a network; of IPv4 where it only has the notation of IPv6."""

    def read(self, node: Node, path: str, reading: Reading) -> Network | None:
        text = Text().read(node, path, reading)
        if text is None:
            return None
        try:
            return as_routed(ip_network(text))
        except ValueError as error:
            reading.error(node.where, path, str(error), 'write an address or a network such as "10.1.0.0/16"')
            return None


@dataclass(frozen=True, slots=True)
class Nat64:
    """A prefix under which IPv6 addresses lead to the IPv4 addresses in them."""

    def read(self, node: Node, path: str, reading: Reading) -> Network | None:
        network = Cidr().read(node, path, reading)
        if network is not None and (network.version != 6 or network.prefixlen not in NAT64_LENGTHS):
            lengths = ", ".join(map(str, NAT64_LENGTHS))
            reading.error(node.where, path, f"{network} is not a NAT64 prefix", f"use IPv6 with a length of {lengths}")
            return None
        return network


@dataclass(frozen=True, slots=True)
class Filled:
    """A mapping without empty fields. Elsewhere those count as absent; here they would match everything."""

    of: Fields

    def read(self, node: Node, path: str, reading: Reading) -> Record | None:
        for key, value in node.mapping.items():
            if value.data is None:
                under = f"{path}.{key}" if path else key
                reading.error(node.keys[key], under, "has no value", "fill it in, or remove it to match everything")
        return self.of.read(node, path, reading)


@dataclass(frozen=True, slots=True)
class Either:
    """One value or a list of them, returned as a list."""

    many: Shape

    def read(self, node: Node, path: str, reading: Reading) -> Any:
        wrapped = node if isinstance(node.data, list) else Node([node], node.where)
        return self.many.read(wrapped, path, reading)
