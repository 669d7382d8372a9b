"""Idle HTTP/1 connections, kept for the next exchange with the same key.

Owns keeping, bounds and the check for life. That an exchange is complete is known to the HTTP layer alone, which
releases; a connection that an origin has authenticated (NTLM, Negotiate) belongs to one client and is never released.
"""

from __future__ import annotations

import asyncio
import select
import time
from collections.abc import Callable

from outgate.upstream.connection import Connection
from outgate.upstream.key import Key

IDLE = 30.0
"""Seconds; below what most servers wait, so that they seldom close what is about to be used."""
EACH = 32
TOTAL = 1024
SWEEP = 1.0
"""Seconds between two looks for connections that have ended or idled too long."""


class Pool:
    """Used by one event loop. `each` bounds the idle connections of one key, `total` all of them; `idle` in seconds."""

    def __init__(
        self,
        *,
        each: int = EACH,
        total: int = TOTAL,
        idle: float = IDLE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._each, self._total, self._idle, self._clock = each, total, idle, clock
        self._kept: dict[Key, list[Connection]] = {}
        """By key. A list that has come to be empty is let go by the next sweep: most are needed again at once."""
        self._since: dict[Connection, float] = {}  # in the order of release
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self.released: Callable[[Connection], None] = lambda connection: None
        """Told of each connection that is idle from now on."""

    def __len__(self) -> int:
        return len(self._since)

    def acquire(self, key: Key) -> Connection | None:
        """The connection of this key that was released last and still lives, or None."""
        kept = self._kept.get(key)
        while kept:
            connection = kept.pop()
            fresh = self._clock() < self._limit(connection)
            del self._since[connection]
            if fresh and usable(connection):
                connection.active()
                return connection
            connection.close()
        return None

    def release(self, connection: Connection) -> None:
        """Takes a connection back, its last message complete. One that cannot be used again is closed."""
        connection.remember()
        connection.served += 1
        spoken = connection.alpn in (None, "http/1.1")
        worn = self._worn(connection)
        if self._closed or worn or not spoken or connection in self._since or not usable(connection):
            self._discard(connection)
            return
        kept = self._kept.get(connection.key)
        if kept is None:
            kept = self._kept[connection.key] = []
        if len(kept) >= self._each:
            self._discard(kept[0])
        while len(self._since) >= self._total:
            self._discard(next(iter(self._since)))
        kept.append(connection)
        self._since[connection] = self._clock()
        connection.idle()
        self.released(connection)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SWEEP, self._sweep)

    def evict(self, owner: int) -> bool:
        """Closes the connection of this owner that has been idle for longest; whether there was one."""
        found = next((one for one in self._since if one.owner == owner), None)
        if found is not None:
            self._discard(found)
        return found is not None

    def _worn(self, connection: Connection) -> bool:
        """Whether it has served for as often or as long as it may."""
        often = bool(connection.most) and connection.served >= connection.most
        return often or (connection.until is not None and self._clock() >= connection.until)

    def _limit(self, connection: Connection) -> float:
        """Until when an idle connection may be used."""
        rest = self._idle if connection.rest is None else min(self._idle, connection.rest)
        limit = self._since[connection] + rest
        return limit if connection.until is None else min(limit, connection.until)

    def drop(self, generation: str) -> None:
        """Closes the idle connections of a policy that is gone."""
        for connection in [one for one in self._since if one.key.generation == generation]:
            self._discard(connection)

    def close(self) -> None:
        """Closes every idle connection, and from now on every one that is released."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for connection in list(self._since):
            self._discard(connection)

    def _sweep(self) -> None:
        now = self._clock()
        for connection in list(self._since):
            if now >= self._limit(connection) or not usable(connection):
                self._discard(connection)
        self._kept = {key: kept for key, kept in self._kept.items() if kept}
        self._timer = asyncio.get_running_loop().call_later(SWEEP, self._sweep) if self._since else None

    def _discard(self, connection: Connection) -> None:
        self._remove(connection)
        connection.close()

    def _remove(self, connection: Connection) -> None:
        if self._since.pop(connection, None) is not None:
            self._kept[connection.key].remove(connection)


def usable(connection: Connection) -> bool:
    """Whether nothing has come, and no end, since the last message: stray bytes would answer the next request."""
    transport = connection.writer.transport
    if transport.is_closing() or transport.get_write_buffer_size():
        return False
    return not _received(connection.reader) and not _readable(transport)


def _received(reader: asyncio.StreamReader) -> bool:
    """Whether a read would not have to wait: one is begun, and taken back."""
    reading = reader.read(1)
    try:
        reading.send(None)
    except Exception:  # StopIteration: it would return at once; the others: it would fail
        return True
    finally:
        reading.close()
    return False


def _readable(transport: asyncio.WriteTransport) -> bool:
    """Whether the kernel holds something that the loop has not seen yet."""
    made = transport.get_extra_info("socket")
    if made is None or made.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(made.fileno(), select.POLLIN | select.POLLRDHUP)
    return bool(poll.poll(0))
