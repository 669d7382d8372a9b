"""TLS sessions to resume, each under the full key of the connection that it came from.

Owns keeping and forgetting. OpenSSL resumes a session under any name that it is offered for, and verifies nothing anew:
that a session comes back only under its own key, and not after its certificate has expired, is what makes it safe.
"""

from __future__ import annotations

import ssl
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from outgate.upstream.handshake import Judged
from outgate.upstream.judge import read
from outgate.upstream.key import Key

LIFETIME = 600.0
"""Seconds at most that a session is kept: a ticket may live for days, and a certificate be revoked meanwhile."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A session, and the chain that the server presented when it began."""

    session: ssl.SSLSession
    chain: tuple[bytes, ...]
    expires: float
    single_use: bool


class Sessions:
    """Bounded twice: `keys` in all, `each` of them with a few tickets (TLS 1.3 ones are used once)."""

    def __init__(
        self, *, keys: int = 2048, each: int = 4, lifetime: float = LIFETIME, now: Callable[[], float] = time.time
    ) -> None:
        self._tickets: OrderedDict[Key, list[Ticket]] = OrderedDict()
        self._keys, self._each, self._lifetime, self._now = keys, each, lifetime, now

    def __len__(self) -> int:
        return sum(len(tickets) for tickets in self._tickets.values())

    def take(self, key: Key) -> Ticket | None:
        """The newest session under a key, or None. A TLS 1.3 one is gone with that."""
        tickets = self._tickets.get(key)
        if tickets is None:
            return None
        now = self._now()
        while tickets and tickets[-1].expires <= now:
            tickets.pop()
        ticket = tickets[-1] if tickets else None
        if ticket is not None and ticket.single_use:
            tickets.pop()
        if not tickets:
            del self._tickets[key]
        return ticket

    def put(self, key: Key, connection: Judged) -> bool:
        """Keeps what a connection can be resumed by; False where it has nothing new. TLS 1.3 servers send it after the
        handshake: put after reading."""
        session, offered = connection.session, connection.terms.session
        if session is None or not (session.has_ticket or session.id) or not connection.terms.chain:
            return False
        single_use = connection.version() == "TLSv1.3"
        if single_use and (not session.has_ticket or (offered is not None and session.id == offered.id)):
            return False
        tickets = self._tickets.setdefault(key, [])
        if all(ticket.session.id != session.id for ticket in tickets):
            tickets.append(Ticket(session, connection.terms.chain, self._expiry(session, connection), single_use))
        del tickets[: -self._each if single_use else -1]
        self._tickets.move_to_end(key)
        while len(self._tickets) > self._keys:
            self._tickets.popitem(last=False)
        return True

    def lose(self, key: Key) -> None:
        """Drops what is kept under a key, after a handshake that began with it failed."""
        self._tickets.pop(key, None)

    def forget(self, identity: str) -> None:
        """Drops every session of a TLS identity whose files have been replaced."""
        self._drop([key for key in self._tickets if key.identity == identity])

    def drop(self, generation: str) -> None:
        """Drops every session of a policy that is gone."""
        self._drop([key for key in self._tickets if key.generation == generation])

    def _drop(self, keys: list[Key]) -> None:
        for key in keys:
            del self._tickets[key]

    def _expiry(self, session: ssl.SSLSession, connection: Judged) -> float:
        lifetime = min(self._lifetime, session.timeout, session.ticket_lifetime_hint or session.timeout)
        return min(self._now() + lifetime, read(connection.terms.chain[0]).not_after)
