"""What was seen, counted by where it went, and what of it no registry is to hold.

Owns names in one spelling, and the bounds: a log may name any number of places.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from outgate.learning.seen import Seen, Speech
from outgate.policy.addresses import PASSTHROUGH
from outgate.policy.hosts import HostError, canonical_host, literal
from outgate.policy.model import Code
from outgate.policy.selection import parsed

MOST = 50_000
"""Places that are told apart, and as many that are left out."""
CALLERS = 1000
"""Of one place."""
LONGEST = 253
HIGHEST = 65535
NEVER = frozenset(
    {
        Code.NAME_MALFORMED,
        Code.NAME_MISSING,
        Code.NAMES_DISAGREE,
        Code.REQUEST_MALFORMED,
        Code.PATH_AMBIGUOUS,
        Code.UPGRADE_REFUSED,
        Code.CONNECT_REFUSED,
        Code.ADDRESS_REFUSED,
        Code.LOOP,
        Code.ECH_REFUSED,
        Code.PROTOCOL_UNKNOWN,
        Code.CALLER_UNPROVEN,
    }
)
"""Denials of something that should not be made possible."""


class At(NamedTuple):
    """A canonical name or address, and a port."""

    host: str
    port: int

    @property
    def address(self) -> bool:
        return literal(self.host) is not None

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class LeftOut(NamedTuple):
    """Somewhere that is not proposed, and why."""

    where: str
    why: str


@dataclass(slots=True)
class Place:
    """Everything that was seen of one place."""

    at: At
    count: int = 0
    speeches: set[Speech] = field(default_factory=set)
    callers: Counter[str] = field(default_factory=Counter)
    denied: int = 0
    internal: bool = False
    http2: bool = False
    originated: int = 0
    mutual: bool = False

    def add(self, seen: Seen) -> None:
        self.count += 1
        self.speeches.add(seen.speech)
        if seen.caller in self.callers or len(self.callers) < CALLERS:
            self.callers[seen.caller] += 1
        self.denied += bool(seen.denied)
        self.internal |= seen.internal
        self.http2 |= seen.http2
        self.originated = seen.originated or self.originated
        self.mutual |= seen.mutual


@dataclass(slots=True)
class Places:
    """`include_denied`: propose what a person should look at first, too. `beyond`: seen where there was no room to tell
    more places apart."""

    include_denied: bool = False
    places: dict[At, Place] = field(default_factory=dict)
    left_out: Counter[LeftOut] = field(default_factory=Counter)
    seen: int = 0
    beyond: int = 0

    def add(self, seen: Seen) -> None:
        self.seen += 1
        try:
            host = canonical_host(seen.host)
        except HostError:
            self._leave(LeftOut(f"{seen.host[:LONGEST]}:{seen.port}", "no host has such a name"))
            return
        if not 0 < seen.port <= HIGHEST:
            self._leave(LeftOut(f"{host}:{seen.port}", "there is no such port"))
            return
        address = parsed(host) if literal(host) is not None else None
        at = At(str(address) if address is not None else host, seen.port)
        why = f"denied as {seen.denied}" if seen.denied in NEVER else ""
        if address is not None and not seen.internal:
            why = why or PASSTHROUGH.refusal(address)
        if why and not self.include_denied:
            self._leave(LeftOut(str(at), why))
        elif at in self.places or len(self.places) < MOST:
            self.places.setdefault(at, Place(at)).add(seen)
        else:
            self.beyond += 1

    def _leave(self, what: LeftOut) -> None:
        if what in self.left_out or len(self.left_out) < MOST:
            self.left_out[what] += 1
        else:
            self.beyond += 1
