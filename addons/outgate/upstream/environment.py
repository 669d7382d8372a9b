"""What connections are made with.

Owns the collaborators and the time limits, handed in as one value. Knows nothing of their use.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from outgate.policy.model import Via
from outgate.upstream.connection import Connection
from outgate.upstream.dial import STAGGER
from outgate.upstream.identity import Identities
from outgate.upstream.resolve import Resolver
from outgate.upstream.sessions import Sessions

if TYPE_CHECKING:
    from outgate.upstream.target import Target
    from outgate.upstream.ways import Gateway, Proxy


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds."""

    total: float = 30.0
    """For one connect, with everything in it."""
    tls: float = 10.0
    via: float = 10.0
    """For the answer of each proxy on the way."""
    stagger: float = STAGGER
    closing: float = 2.0
    """How long a close waits for the server's close_notify."""


@dataclass(slots=True)
class Environment:
    """One for the life of a worker."""

    resolver: Resolver
    identities: Identities
    sessions: Sessions = field(default_factory=Sessions)
    timeouts: Timeouts = field(default_factory=Timeouts)
    clock: Callable[[], float] = time.monotonic
    own_ports: frozenset[int] = frozenset()
    """Ports that the gate listens on: to dial one of them at an address of this machine would be a loop, or ask the
    admin endpoint in the gate's own name."""
    random: Callable[[], float] = random.random
    """From 0 to 1; chooses among weighted endpoints."""
    opened: Callable[[Connection], object] = lambda connection: None
    """Told of each connection that has come about."""
    gateway: Gateway | None = None
    proxy: Proxy | None = None

    def __post_init__(self) -> None:
        self.identities.replaced.append(self.sessions.forget)

    def outdated(self, connection: Connection, target: Target) -> bool:
        """Whether it was opened to `target` by other files than there are now: as somebody that this gate is not any
        more, or by roots of before. One to the gateway is by the gateway's."""
        key = connection.key
        if key.via and key.via[0] is Via.GATEWAY:
            return self.gateway is not None and self.identities.current(self.gateway.tls, ()) != key.via[2]
        return target.tls is not None and self.identities.current(target.tls, target.alpn) != key.identity
