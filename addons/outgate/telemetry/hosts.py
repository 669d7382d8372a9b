"""Which name a host goes by in a label: others choose hosts, so there are only so many.

Owns that bound. Registered names always stand for themselves; so do the first that are not, and the first below a
pattern.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from outgate.policy.model import Destination
from outgate.telemetry.event import Event
from outgate.telemetry.names import OTHER, UNKNOWN

HOSTS = 200
"""Of those that are not registered, and of those below patterns."""
LONGEST = 253
"""Characters of a value that others choose."""


class Some:
    """The first so many values stand for themselves, the rest for nothing but themselves together."""

    def __init__(self, most: int, full: Callable[[], None]) -> None:
        self._most, self._full = most, full
        self._known: set[str] = set()

    def has(self, value: str) -> bool:
        """Whether it is one of them, or has become one."""
        if value in self._known:
            return True
        if len(self._known) >= self._most or len(value) > LONGEST:
            self._full()
            return False
        self._known.add(value)
        return True


class Hosts:
    """`full` is called where a name becomes `other` or its pattern."""

    def __init__(self, most: int, full: Callable[[], None]) -> None:
        self.registered: frozenset[str] = frozenset()
        self._below, self._strange = Some(most, full), Some(most, full)

    def follow(self, destinations: Iterable[Destination]) -> None:
        """These are registered now."""
        self.registered = frozenset(host for each in destinations for host in each.hosts if "*" not in host)

    def of(self, event: Event) -> tuple[str, bool]:
        """An event's host as a label has it, and whether the policy names it. What never became an attempt has none."""
        decision = event.decision
        host = event.named if event.attempt is not None else ""
        return self.named(host, decision.destination if decision is not None else None)

    def named(self, host: str, destination: Destination | None) -> tuple[str, bool]:
        """The same for a host and the destination that it was found to belong to."""
        if host in self.registered:
            return host, True
        if not host:
            return UNKNOWN, destination is not None
        if destination is None:
            return (host if self._strange.has(host) else OTHER), False
        if host in destination.hosts or self._below.has(host):
            return host, True
        return pattern(host, destination) or OTHER, True


def pattern(host: str, destination: Destination) -> str:
    """Which of a destination's hosts covers this one; empty where only its networks do, or every host."""
    return next((each for each in destination.hosts if each == host or (each[:1] == "*" and below(host, each))), "")


def below(host: str, each: str) -> bool:
    return len(each) > 1 and host.endswith(each[1:])
