"""What all connections of a gate share, gathered in one object that is passed down.

Owns nothing but the references. Built by `outgate.app`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Protocol

from outgate.pki.authority import Authority
from outgate.pki.leaf import LeafCache
from outgate.policy import forwarding
from outgate.policy.current import Snapshot
from outgate.proxy import departure
from outgate.proxy.governor import Governor
from outgate.proxy.guard import HookTable
from outgate.proxy.mirroring import Mirrors
from outgate.proxy.peers import Peers
from outgate.proxy.recorder import Recorder
from outgate.settings import Settings
from outgate.telemetry.metrics import Metrics
from outgate.upstream import target
from outgate.upstream.environment import Environment
from outgate.upstream.pool import Pool
from outgate.upstream.slots import Slots

if TYPE_CHECKING:
    from outgate.policy.snapshot import Policy
    from outgate.proxy.gate import Gate


class Live(Protocol):
    """Something open that a new policy may end, or the gate's own end: an exchange, a tunnel, a WebSocket."""

    def judge_again(self, policy: Policy) -> None: ...

    def drain(self) -> None:
        """The gate is stopping: end as soon as nothing is under way."""

    def abort(self, reason: str) -> None: ...


def _nobody(address: str) -> str | None:
    return None


@dataclass(slots=True)
class Plane:
    """The gate's shared parts."""

    settings: Settings
    options: object
    """What mitmproxy's layers read; `engine.LayerOptions`."""
    hooks: HookTable
    snapshot: Snapshot
    environment: Environment
    pool: Pool
    authority: Authority
    leaves: LeafCache
    log: Recorder
    governor: Governor = field(default_factory=Governor)
    metrics: Metrics = field(default_factory=Metrics)
    live: set[Live] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    direct: Gate | None = None
    """The gate, where nobody else sees what passes: then plain requests need no layers."""
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    """Of connections, in the order in which they came."""
    host_at: Callable[[str], str | None] = _nobody
    """The host for which an address stands, where the gate answers workloads' questions for names."""
    peers: Peers | None = None
    """Who may call, where this is a gateway."""
    draining: bool = False
    generation: str = ""
    slots: Slots = field(init=False)
    mirrors: Mirrors = field(init=False)

    def __post_init__(self) -> None:
        self.slots, self.mirrors = Slots(self.pool), Mirrors(self)

    def swapped(self, policy: Policy) -> None:
        """A new policy is in force: idle connections of the one before are not used again, and what was under it is
        told of by its rules."""
        self.log.groups.flush()
        before, self.generation = self.generation, policy.generation
        self.governor.follow(policy)
        departure.forget()
        target.forget()
        forwarding.forget()
        if before != self.generation:
            self.pool.drop(before)
            self.environment.sessions.drop(before)
