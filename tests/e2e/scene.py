"""A lab of its own for what cannot share the session's: the whole cast in the world, a gate in the pod, a workload.

Owns putting these together and taking them down.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .journal import Journal
from .lab import world
from .lab.gate import Documents, Gate
from .lab.namespaces import Lab
from .lab.origins import LabOrigins
from .workload import Workload


@dataclass(frozen=True)
class Scene:
    """What stands, while it stands."""

    lab: Lab
    origins: LabOrigins
    gate: Gate
    workload: Workload

    def journal(self) -> Journal:
        return Journal(self.gate)


@contextmanager
def scene(pki: world.OriginPki, documents: Documents, **options: Any) -> Iterator[Scene]:
    """Everything standing. `options` are the gate's."""
    with (
        Lab(world.NAMES) as lab,
        LabOrigins(lab, world.cast(pki)) as origins,
        Gate(lab, documents, pki, **options) as gate,
    ):
        yield Scene(lab, origins, gate, Workload(lab, pki))
