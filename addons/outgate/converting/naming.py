"""What the written documents are called, and what the model's own names for destinations come to.

Owns the choice of names: those of the documents they came from, as long as no two are the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from outgate.converting.values import Unwritable
from outgate.policy.model import Destination

LONGEST = 253
"""Characters of a name."""


@dataclass(slots=True)
class Names:
    """Names that are taken, by kind and namespace."""

    taken: set[tuple[str, str, str]] = field(default_factory=set)

    def free(self, kind: str, namespace: str, wanted: str) -> str:
        """The name that is wanted, without slashes, and with a number behind it where it is taken."""
        plain = wanted.replace("/", "-")[: LONGEST - 6] or kind.lower()
        name, number = plain, 1
        while (kind, namespace, name) in self.taken:
            number += 1
            name = f"{plain}-{number}"
        self.taken.add((kind, namespace, name))
        return name


class Destinations:
    """The new names of a policy's destinations, found by their keys and by the documents behind them."""

    def __init__(self, destinations: Iterable[Destination], names: Names) -> None:
        self._by_key: dict[str, tuple[Destination, str]] = {}
        self._by_source: dict[str, list[str]] = {}
        for each in destinations:
            name = names.free("EgressDestination", each.namespace, each.name)
            reference = f"{each.namespace}/{name}"
            self._by_key[each.key] = each, reference
            source = each.source
            self._by_source.setdefault(f"{source.kind}/{source.namespace}/{source.name}", []).append(reference)

    def reference(self, destination: Destination) -> str:
        """`NAMESPACE/NAME`."""
        return self._by_key[destination.key][1]

    def owner(self, key: str) -> tuple[Destination, str, str]:
        """Of a backend's key: the destination, its reference, and the subset that is meant."""
        own, _, subset = key.partition("|")
        if own not in self._by_key:
            raise Unwritable(f"a route leads to {own}, which is no destination", "register it")
        return *self._by_key[own], subset

    def targets(self, target: str) -> list[str]:
        """The references of the destinations that a document made; none where it made none."""
        return self._by_source.get(target, [])
