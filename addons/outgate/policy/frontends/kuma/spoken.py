"""What of a policy holds for what its destinations speak: a block about requests says nothing of bytes.

Owns which blocks of which kinds those are. That a block says nothing changes nothing but the account of its fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from outgate.policy.frontends import Inert
from outgate.policy.frontends.kuma.entries import Entry
from outgate.policy.frontends.kuma.external_service import ExternalService
from outgate.policy.frontends.kuma.health_checks import PROBES
from outgate.policy.frontends.kuma.inbound import is_outside
from outgate.policy.frontends.kuma.policies import Policies, about
from outgate.policy.model import Protocol
from outgate.policy.schema import Record

REQUESTS = frozenset({Protocol.HTTP, Protocol.HTTP2, Protocol.GRPC})
BLOCKS = {
    "MeshRetry": {
        "http": REQUESTS - {Protocol.GRPC},
        "grpc": frozenset({Protocol.GRPC}),
        "tcp": frozenset({Protocol.TCP}),
    },
    "MeshTimeout": {"http": REQUESTS},
    "MeshRateLimit": {"local.http": REQUESTS},
}
"""By kind and path: what a destination has to speak."""
CHECKS = "MeshHealthCheck"
PROBED = frozenset({"http", "grpc", "tcp"})
OF_PANIC = frozenset({"healthyPanicThreshold", "failTrafficOnPanic"})
"""What a health check says although nothing is asked."""
REASON = "no destination that it is about speaks that"


def unspoken(policies: Policies, services: Iterable[ExternalService]) -> Iterator[Inert]:
    """The blocks of items in force that are about nothing that any of their destinations speaks."""
    known = list(services)
    for entry in policies.used:
        concerned = [service for service in known if _concerns(entry, service)]
        for name in _unread(entry, concerned, policies) if concerned else ():
            yield Inert(entry.resource.reading, entry.conf.under(name), REASON)


def _concerns(entry: Entry, service: ExternalService) -> bool:
    return about(entry, service.resource) and (entry.side == "to" or is_outside(entry, service))


def _unread(entry: Entry, services: list[ExternalService], policies: Policies) -> Iterator[str]:
    if entry.resource.kind == CHECKS:
        yield from entry.conf.places.keys() - {name for each in services for name in _asked(each, policies)}
    for name, needed in BLOCKS.get(entry.resource.kind, {}).items():
        if not any(service.protocol in needed for service in services):
            yield name


def _asked(service: ExternalService, policies: Policies) -> Iterator[str]:
    """What counts of the health check of a destination: its blocks, up to the one that is used."""
    yield from OF_PANIC
    conf = policies.said(CHECKS, service.resource).conf
    for probe in PROBES[service.protocol] if conf is not None else ():
        block: Record | None = conf.get(probe.value) if conf is not None else None
        if conf is not None and block is not None:
            yield probe.value
            if not block.get("disabled", False):
                yield from conf.places.keys() - PROBED
                return
