"""What the cluster has, as far as it is known, and when that is whole.

Owns the parts, one for each kind in each place that is listed, and the sets that are made of them. A set is made only
while every part is known to be of now; it never has half of a list. Waits for nobody: who follows a part says what
came.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from outgate.cluster.kinds import Kind
from outgate.cluster.objects import Key, Object

UNKNOWN = "not listed yet"


@dataclass(frozen=True, slots=True)
class Set:
    """Everything at one moment."""

    objects: tuple[Object, ...] = ()
    digest: str = ""
    """Of what its authors wrote."""


class Store:
    """`stirred` is set whenever there may be another set."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.parts: list[Part] = []
        self.stirred = asyncio.Event()
        self.clock = clock

    def part(self, kind: Kind, namespace: str = "") -> Part:
        """Another part, of one namespace or of all."""
        made = Part(self, kind, namespace, since=self.clock())
        self.parts.append(made)
        return made

    def standing(self) -> bool:
        """Whether every part is known to be of now."""
        return all(part.stands for part in self.parts)

    def absent(self) -> tuple[str, ...]:
        """The kinds that are known not to be served, in order."""
        return tuple(dict.fromkeys(str(part.kind) for part in self.parts if part.absent))

    def whole(self) -> Set:
        """The set of now. Only to be used while the store stands."""
        found = [each for part in self.parts for each in sorted(part.objects.values(), key=lambda each: each.age)]
        digest = hashlib.sha256()
        for each in found:
            digest.update(each.digest)
        return Set(tuple(found), digest.hexdigest())

    def away(self) -> tuple[float, str]:
        """For how many seconds some part has not been known to be of now, and why; 0 and nothing while all are."""
        fallen = [part for part in self.parts if not part.stands]
        if not fallen:
            return 0.0, ""
        first = min(fallen, key=lambda part: part.since)
        # Whoever is just connecting again has no reason yet.
        told = next((part for part in fallen if part.reason not in ("", UNKNOWN)), first)
        return max(0.0, self.clock() - first.since), f"{told.name}: {told.reason}" if told.reason else ""


@dataclass(slots=True, eq=False)
class Part:
    """One kind in one place."""

    store: Store
    kind: Kind
    namespace: str
    since: float
    """When it was last known to be of now, while it does not stand."""
    objects: dict[Key, Object] = field(default_factory=dict)
    version: str = ""
    """What was seen of it; empty where it has to be listed."""
    served: str = ""
    """The version of the API that serves it; empty where none does."""
    absent: bool = False
    """Whether none does, as far as is known."""
    stands: bool = False
    reason: str = UNKNOWN

    @property
    def name(self) -> str:
        return f"{self.kind} in {self.namespace}" if self.namespace else str(self.kind)

    def replace(self, objects: Iterable[Object], version: str) -> None:
        """All of them, in place of what was known."""
        self.objects = {each.key: each for each in objects}
        self.version = version
        self.store.stirred.set()

    def put(self, found: Object) -> None:
        self.objects[found.key] = found
        self.version = found.version
        self.store.stirred.set()

    def remove(self, found: Object) -> None:
        self.objects.pop(found.key, None)
        self.version = found.version
        self.store.stirred.set()

    def stand(self) -> None:
        """What is known is of now, until it falls."""
        self.stands, self.reason = True, ""
        self.store.stirred.set()

    def fall(self, reason: str = "") -> None:
        """It is not known any more what is there; what was known is kept."""
        if self.stands:
            self.since = self.store.clock()
        self.stands, self.reason = False, reason


def contents(found: Set) -> list[Mapping[str, object]]:
    """What the authors wrote, in the order of the set."""
    return [each.content for each in found.objects]
