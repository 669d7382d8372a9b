"""Leave to open connections to an origin whose number of them is limited, and the queue of those who wait for it.

Owns the order of waiting. How many there may be is `traffic`'s to count; idle connections are the pool's.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import deque
from collections.abc import Callable

from outgate.policy.resilience_model import Keepalive
from outgate.traffic.limits import Kind
from outgate.traffic.origin import OriginState
from outgate.upstream.connection import Connection
from outgate.upstream.pool import Pool


class Overflow(Exception):
    """As many wait as may."""


class Slots:
    """Used by one event loop."""

    def __init__(self, pool: Pool, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool, self._clock = pool, clock
        self._waiting: dict[int, deque[asyncio.Future[None]]] = {}
        pool.released = self._released

    def queued(self, state: OriginState) -> bool:
        """Whether somebody waits already, before whom nobody takes an idle connection."""
        return bool(self._waiting) and bool(self._waiting.get(id(state)))

    async def take(self, state: OriginState, idle: Callable[[], Connection | None]) -> Connection | None:
        """An idle connection or (None) leave to open one, as soon as there is either. Leave has to be given back: by
        `opened`, or by `failed`. Raises `Overflow`."""
        if not self.queued(state):
            if (found := idle()) is not None:
                return found
            if self._may_open(state):
                return None
        if not state.under_way.take(Kind.PENDING, self._clock()):
            raise Overflow
        try:
            return await self._turn(state, idle)
        finally:
            state.under_way.give(Kind.PENDING)

    def open_now(self, state: OriginState) -> bool:
        """The same for who does not wait, and has no use for an idle connection."""
        return not self.queued(state) and self._may_open(state)

    def opened(self, state: OriginState, connection: Connection) -> None:
        """The connection that was allowed is open. One of HTTP/2 is not counted."""
        limits, resilience = state.resilience.limits, state.resilience
        connection.owner, connection.most = id(state), limits.requests_per_connection or 0
        connection.rest = resilience.idle_timeout
        _keep_alive(connection, resilience.keepalive)
        connection.until = self._clock() + resilience.maximum_duration if resilience.maximum_duration else None
        if connection.alpn == "h2":
            self.failed(state)
        else:
            connection.when_over(lambda: self.failed(state))

    def failed(self, state: OriginState) -> None:
        """It did not come to be, or is over."""
        state.under_way.give(Kind.CONNECTIONS)
        self._wake(id(state))

    def _may_open(self, state: OriginState) -> bool:
        if state.under_way.take(Kind.CONNECTIONS, self._clock()):
            return True
        # An idle one that leads elsewhere makes room.
        return self._pool.evict(id(state)) and state.under_way.take(Kind.CONNECTIONS, self._clock())

    async def _turn(self, state: OriginState, idle: Callable[[], Connection | None]) -> Connection | None:
        line = self._waiting.setdefault(id(state), deque())
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(turn)
        try:
            while True:
                await turn
                if (found := idle()) is not None or self._may_open(state):
                    return found
                turn = asyncio.get_running_loop().create_future()
                line.appendleft(turn)
        except asyncio.CancelledError:
            if turn in line:
                line.remove(turn)
            elif turn.done():
                self._wake(id(state))  # it was somebody's turn that he does not take
            raise
        finally:
            if not line:
                self._waiting.pop(id(state), None)

    def _released(self, connection: Connection) -> None:
        if self._waiting:
            self._wake(connection.owner)

    def _wake(self, owner: int) -> None:
        line = self._waiting.get(owner)
        while line:
            turn = line.popleft()
            if not turn.done():
                turn.set_result(None)
                return


def _keep_alive(connection: Connection, wanted: Keepalive | None) -> None:
    made: socket.socket | None = connection.writer.get_extra_info("socket")
    if wanted is None or made is None:
        return
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = (
        (socket.TCP_KEEPCNT, wanted.probes),
        (socket.TCP_KEEPIDLE, wanted.time),
        (socket.TCP_KEEPINTVL, wanted.interval),
    )
    for option, value in options:
        if value is not None:
            made.setsockopt(socket.IPPROTO_TCP, option, max(1, round(value)))
