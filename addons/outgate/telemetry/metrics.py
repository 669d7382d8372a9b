"""Everything that is counted in this process: told of what is over and of connections, and read by whoever renders.

Owns the parts and who is told what. Nothing here waits, and nothing is written anywhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from outgate.policy.model import Destination
from outgate.policy.telemetry_model import Say
from outgate.telemetry import names
from outgate.telemetry.aggregate import SERIES, Count, Families, Scraped
from outgate.telemetry.event import Event
from outgate.telemetry.hosts import HOSTS, Hosts, Some
from outgate.telemetry.incoming import Incoming
from outgate.telemetry.istio_labels import Reporter
from outgate.telemetry.names import OTHER, Spec
from outgate.telemetry.outgoing import Outgoing
from outgate.telemetry.overrides import Overrides

ERRORS = 20
"""Kinds of failure of a handshake."""


class Metrics:
    """Used by one thread. `hosts` bounds names that are not registered, `series` those of each metric."""

    def __init__(self, reporter: Reporter | None = None, *, hosts: int = HOSTS, series: int = SERIES) -> None:
        self.started = time.time_ns()
        """When counting began, in nanoseconds since the epoch."""
        self._families = families = Families(series)
        self._hosts = Hosts(hosts, lambda: families.overflow("host"))
        self._overrides = Overrides(hosts, families.overflow)
        self._incoming = Incoming(families, reporter or Reporter(), self._overrides)
        self._outgoing = Outgoing(families)
        self._errors = Some(ERRORS, lambda: families.overflow("error.type"))
        self._connections = families.count(names.CONNECTIONS)
        self._lifetimes = families.histogram(names.CONNECTION_LIFETIME).at(((), ()))

    def observe(self, event: Event) -> None:
        """An attempt is over."""
        host, known = self._hosts.of(event)
        self._incoming.observe(event, host, known)
        if event.reached:
            self._outgoing.observe(event, host, known)

    def follow(self, destinations: Iterable[Destination], say: Say | None = None) -> None:
        """Another policy is in force. `say`: what its documents say, where they say something of metrics."""
        self._hosts.follow(destinations)
        self._overrides.follow(say)
        self._incoming.forget()

    def connected(self) -> None:
        """A connection of a workload was taken."""
        self._connections.value += 1

    def disconnected(self, seconds: float) -> None:
        """It has ended, after so long."""
        self._lifetimes.add(seconds)

    def shook_hands(self, seconds: float, version: str, error: str = "") -> None:
        """A workload's TLS with the gate came about, or did not. `version` as in `TLSv1.3`."""
        failed = error if not error or self._errors.has(error) else OTHER
        spec = names.CLIENT_HANDSHAKES
        self._families.histogram(spec).at((spec.labels, (version.removeprefix("TLSv"), failed))).add(seconds)

    def origin(self, host: str, port: int) -> OpenOrigin:
        """A connection to an origin is open."""
        name, known = self._hosts.named(host, None)
        return OpenOrigin(self._families, (name, str(port)), known)

    def count(self, spec: Spec, *values: str) -> Count:
        """A counter of somebody else's, to be held on to and added to: of `REDACTIONS`, `CAPTURES`, `DROPPED`. There
        have to be few such values."""
        return self._families.count(spec, *values)

    def read(self, spec: Spec, reading: Callable[[], float]) -> None:
        """A number without labels that is asked for whenever the page is."""
        self._families.readings.append(lambda: [(spec, {}, reading())])

    def read_each(self, spec: Spec, reading: Callable[[], Mapping[str, float]]) -> None:
        """The same for a number of each value of its one label. There have to be few such values."""
        (label,) = spec.labels
        self._families.readings.append(lambda: [(spec, {label: value}, read) for value, read in reading().items()])

    def read_all(self, spec: Spec, reading: Callable[[], Mapping[tuple[str, ...], float]]) -> None:
        """The same for values of several labels, in their order."""
        self._families.readings.append(
            lambda: [(spec, dict(zip(spec.labels, values, strict=True)), read) for values, read in reading().items()]
        )

    def scraped(self) -> Scraped:
        """All values of now."""
        return self._families.scraped()


class OpenOrigin:
    """A connection to an origin, in use from the first."""

    def __init__(self, families: Families, place: tuple[str, str], known: bool) -> None:
        self._families, self._place, self._known = families, place, known
        self._began = time.monotonic()
        self._state: Count | None = None
        self.active()

    def active(self) -> None:
        self._become("active")

    def idle(self) -> None:
        """It waits for the next request."""
        self._become("idle")

    def closed(self) -> None:
        """At the end, once."""
        self._leave()
        spec = names.CLIENT_LIFETIME
        lifetimes = self._families.histogram(spec)
        series = lifetimes.at((spec.labels, self._place), (spec.labels, (OTHER, "")), known=self._known)
        series.add(time.monotonic() - self._began)

    def _become(self, state: str) -> None:
        self._leave()
        spec = names.CLIENT_OPEN
        labels, folded = (spec.labels, (state, *self._place)), (spec.labels, (state, OTHER, ""))
        self._state = self._families.counter(spec).at(labels, folded, known=self._known)
        self._state.value += 1

    def _leave(self) -> None:
        if self._state is not None:
            self._state.value -= 1
            self._state = None
