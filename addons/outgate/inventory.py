"""What a running gate has: listeners, routes, rules, certificates.

Owns which question is answered by what. Each answer is gathered at once and put together later, away from the event
loop. Knows no HTTP: paths, JSON and who may ask are the admin endpoint's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from outgate.pki.mounted import mounted
from outgate.policy import views
from outgate.policy.current import Snapshot
from outgate.policy.model import Identity
from outgate.settings import Settings


class Having(Protocol):
    """What is told of."""

    @property
    def snapshot(self) -> Snapshot: ...

    @property
    def settings(self) -> Settings: ...

    def connections(self) -> int:
        """Open client connections."""

    def places(self) -> list[str]:
        """Where workloads arrive: addresses and ports."""


type Content = Callable[[], object]
"""Puts an answer together, on any thread."""
type Tell = Callable[[Having, Identity | None], Content]
"""Gathers it, on the event loop. The caller is the one who is asked about; None: everybody."""


def caller_of(text: str, settings: Settings) -> Identity | None:
    """Who `NAMESPACE/SERVICEACCOUNT` is; None where it is empty."""
    namespace, _, account = text.partition("/")
    return Identity(namespace, account, labels=settings.workload.labels, how="declared") if text else None


def _listeners(having: Having, _: Identity | None) -> Content:
    settings = having.settings
    told = {
        "mode": str(settings.mode),
        "places": having.places(),
        "admin": settings.admin,
        "connections": having.connections(),
        "limit": settings.limits.connections,
    }
    return lambda: told


def _routes(having: Having, caller: Identity | None) -> Content:
    policy = having.snapshot.policy
    return lambda: views.routes(policy, caller)


def _rules(having: Having, caller: Identity | None) -> Content:
    policy = having.snapshot.policy
    return lambda: views.rules(policy, caller)


def _certificates(having: Having, _: Identity | None) -> Content:
    settings, destinations = having.settings, having.snapshot.policy.destinations
    return lambda: mounted(settings.ca_certificate, settings.upstream_ca, destinations)


TOLD: Mapping[str, Tell] = {
    "/listeners": _listeners,
    "/routes": _routes,
    "/rules": _rules,
    "/certs": _certificates,
}
"""By path."""
