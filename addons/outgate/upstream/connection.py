"""A connection that is open: its streams, and what is known of it.

Owns the facts that flows, logs and pools read, and the close. Knows nothing of how it came about.
"""

from __future__ import annotations

import asyncio
import itertools
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from outgate.upstream.handshake import Judged
from outgate.upstream.key import Key
from outgate.upstream.sessions import Sessions


@dataclass(frozen=True, slots=True)
class TLSFacts:
    """What a handshake came to."""

    version: str
    """`TLSv1.2` or `TLSv1.3`."""
    cipher: str
    alpn: str | None
    chain: tuple[bytes, ...]
    """As the server sent it, leaf first, DER. For a resumed session, as it sent it when that began."""
    sni: str | None
    resumed: bool


@dataclass(frozen=True, slots=True)
class Timings:
    """How long each part took, in seconds; 0 for what did not take place. `connect` holds proxies on the way."""

    resolve: float
    connect: float
    tls: float


class Use(Protocol):
    """Who is told what becomes of a connection. It is in use from the first."""

    def active(self) -> None: ...

    def idle(self) -> None: ...

    def closed(self) -> None:
        """Once, at the end."""


@dataclass(slots=True, eq=False, weakref_slot=True)
class Connection:
    """One connection. Whoever got it closes it, aborts it or gives it to a pool."""

    key: Key
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    peername: tuple[Any, ...]
    sockname: tuple[Any, ...]
    timings: Timings
    tls: TLSFacts | None = None
    secured: Judged | None = None
    sessions: Sessions | None = None
    number: int = field(default_factory=itertools.count(1).__next__, init=False)
    """In the order in which they were opened in this process."""
    owner: int = field(default=0, init=False)
    """Who counts it among his, where somebody does."""
    most: int = field(default=0, init=False)
    """Exchanges that it may serve; 0: any number. `served`: how many it has."""
    served: int = field(default=0, init=False)
    rest: float | None = field(default=None, init=False)
    """Seconds that it may be idle, and `until` when it may be used, where that is less than for others."""
    until: float | None = field(default=None, init=False)
    _looks: int = field(default=2, init=False)
    """How often a session may still be looked for."""
    _use: Use | None = field(default=None, init=False)
    _ends: list[weakref.finalize[[], Connection]] = field(default_factory=list, init=False)

    @property
    def alpn(self) -> str | None:
        return None if self.tls is None else self.tls.alpn

    def report_to(self, use: Use) -> None:
        """From now on, and of its end whatever becomes of it: who drops a connection without a word ends it, too."""
        self._use = use
        self.when_over(use.closed)

    def when_over(self, tell: Callable[[], None]) -> None:
        """Another one who is told of its end."""
        end = weakref.finalize(self, tell)
        end.atexit = False
        self._ends.append(end)

    def active(self) -> None:
        if self._use is not None:
            self._use.active()

    def idle(self) -> None:
        if self._use is not None:
            self._use.idle()

    def over(self) -> None:
        """It is being closed; told once."""
        for end in self._ends:
            end()

    def remember(self) -> None:
        """Keeps the TLS session for the next connection of the same key; worth it once something has been read.

        Once a connection: a TLS 1.3 session that was used is not to be offered again. And twice at most where there is
        none: Python before 3.12.8, and 3.13.0, never frees the copy of a session that each look makes.
        """
        if self.secured is not None and self.sessions is not None and self._looks:
            self._looks = 0 if self.sessions.put(self.key, self.secured) else self._looks - 1

    def close(self) -> None:
        """Sends what is written, and closes with close_notify where there is TLS. Does not wait."""
        self.remember()
        self.over()
        self.writer.close()

    def abort(self) -> None:
        """Drops the connection at once, with what is not sent yet."""
        self.over()
        self.writer.transport.abort()


def facts(made: Judged, sni: str | None) -> TLSFacts:
    """The facts of a finished handshake."""
    cipher = made.cipher()
    return TLSFacts(
        made.version() or "",
        cipher[0] if cipher else "",
        made.selected_alpn_protocol(),
        made.terms.chain,
        sni,
        bool(made.session_reused),
    )
