"""Shapes of values that the native kinds share: hosts, networks, sizes, expressions, one or many.

Owns the reading of these values into their canonical form. Knows no kind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

import re2

from outgate.policy.addresses import NAT64_LENGTHS, as_routed
from outgate.policy.documents import Node
from outgate.policy.frontends.expressions import expression_fault
from outgate.policy.hosts import HostError, canonical_host, canonical_pattern
from outgate.policy.model import Network
from outgate.policy.schema import Fields, Reading, Record, Shape, Text

SIZE = re.compile(r"([0-9]{1,15})(Ki|Mi|Gi|k|M|G|)")
UNITS = {"": 1, "k": 1000, "M": 1000**2, "G": 1000**3, "Ki": 1024, "Mi": 1024**2, "Gi": 1024**3}
"""As Kubernetes writes them."""


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
class Size:
    """A number of bytes: `65536`, `64Ki`, `10M`."""

    least: int
    most: int

    def read(self, node: Node, path: str, reading: Reading) -> int | None:
        text = str(node.data) if isinstance(node.data, (int, str)) and not isinstance(node.data, bool) else ""
        found = SIZE.fullmatch(text)
        if found is None:
            reading.error(
                node.where, path, f"{str(node.data)[:60]!a} is no size", 'write bytes, or "64Ki", "10Mi", "1Gi"'
            )
            return None
        size = int(found[1]) * UNITS[found[2]]
        if not self.least <= size <= self.most:
            reading.error(node.where, path, f"{text} is out of range", f"use {self.least} to {self.most} bytes")
            return None
        return size


@dataclass(frozen=True, slots=True)
class Expression:
    """An RE2 expression; without `empty`, one that does not match where nothing is."""

    empty: bool = False

    def read(self, node: Node, path: str, reading: Reading) -> str | None:
        text = Text(empty=False, maximum=4096).read(node, path, reading)
        if text is None:
            return None
        if why := expression_fault(text):
            what = f"{text[:60]!a} is not an RE2 expression: {why}"
            reading.error(node.where, path, what, "RE2 has no look-around, back-references or repeats above 1000")
            return None
        if not self.empty and re2.match(text, "") is not None:
            reading.error(node.where, path, f"{text[:60]!a} matches where nothing is", "make it need a character")
            return None
        return text


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
