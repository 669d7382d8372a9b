"""EgressNetwork: which addresses are outside, and what happens there to traffic that no route takes.

Owns the shape and its translation to networks. Who sees which is `destinations.py`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network

from outgate.policy.addresses import as_routed
from outgate.policy.documents import Document
from outgate.policy.frontends import Contribution, Setting
from outgate.policy.frontends.linkerd.annotated import account
from outgate.policy.frontends.linkerd.resource import Resource, read
from outgate.policy.frontends.outside import ANYWHERE, without
from outgate.policy.model import Network
from outgate.policy.schema import Choice, Field, Fields, Record, Sequence, Text

SPEC = Fields(
    {
        "trafficPolicy": Field(Choice(("Allow", "Deny")), required=True),
        "networks": Field(
            Sequence(
                Fields({"cidr": Field(Text(empty=False), required=True), "except": Field(Sequence(Text(empty=False)))})
            )
        ),
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class EgressNetwork:
    """One document in words of the model."""

    resource: Resource
    allows: bool
    """What no route takes is forwarded."""
    networks: tuple[Network, ...]

    @property
    def key(self) -> str:
        return f"{self.resource.namespace}/{self.resource.name}"


def egress_network(document: Document, setting: Setting, contribution: Contribution) -> EgressNetwork | None:
    """The document, or None where it cannot be used."""
    resource = read(document, SPEC, setting, contribution)
    if resource is None:
        return None
    account(resource, network=True)
    return EgressNetwork(resource, resource.spec.get("trafficPolicy") == "Allow", _networks(resource))


def _networks(resource: Resource) -> tuple[Network, ...]:
    listed: list[Record] | None = resource.spec.get("networks")
    if listed is None:
        return ANYWHERE
    if not listed:
        where = resource.spec.at("networks")
        resource.reading.error(where, "spec.networks", "at least one network must be specified", "remove it for all")
    return tuple(dict.fromkeys(network for record in listed for network in _left(record, resource)))


def _left(record: Record, resource: Resource) -> tuple[Network, ...]:
    """A block less its exceptions."""
    block = _network(record.get("cidr", ""), record, "cidr", resource)
    holes = [_network(text, record, "except", resource) for text in record.get("except", [])]
    if block is None or None in holes:
        return ()
    for hole in (hole for hole in holes if hole is not None):
        # Networks of two families are never inside each other.
        if hole.version != block.version or not hole.subnet_of(block):  # type: ignore[arg-type]
            resource.reading.error(record.at("except"), record.under("except"), f"{hole} is not inside {block}")
        elif hole == block:
            resource.reading.error(record.at("except"), record.under("except"), f"{hole} leaves nothing of {block}")
    return without(block, [hole for hole in holes if hole is not None])


def _network(text: str, record: Record, field: str, resource: Resource) -> Network | None:
    try:
        return as_routed(ip_network(text))
    except ValueError as error:
        resource.reading.error(record.at(field), record.under(field), f'"{text}" is not a network: {error}')
        return None
