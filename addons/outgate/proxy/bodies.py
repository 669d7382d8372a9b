"""Bodies of requests of HTTP/2 that do not go on: the stream is ended, and the others of its connection are not.

Owns when a stream is late. In HTTP/1 there is one body at a time, and `handler` waits for it as it reads. A stream
whose answer has begun is never late: in a call that goes both ways both sides may be silent.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from outgate.proxy.commands import Stopped
from outgate.proxy.http2 import GateHttp2Server
from outgate.proxy.stream import GateStream

if TYPE_CHECKING:
    from outgate.proxy.handler import Handler

LATE = "the request's body did not go on"


class Bodies:
    """Of one connection. One timer serves all its streams, and runs only while one of them owes something."""

    def __init__(self, handler: Handler) -> None:
        self.handler, self.within = handler, handler.limits.body_timeout
        self.timer: asyncio.TimerHandle | None = None

    def watch(self) -> None:
        """To be called whenever something was received."""
        if self.timer is None and (owed := self.handler.http.owed):
            remaining = min(owed.values()) + self.within - time.monotonic()
            self.timer = asyncio.get_running_loop().call_later(max(remaining, 0), self._look)

    def stop(self) -> None:
        if self.timer is not None:
            self.timer.cancel()

    def _look(self) -> None:
        self.timer, handler, now = None, self.handler, time.monotonic()
        if handler.closed.is_set():
            return
        for stream_id in [number for number, since in handler.http.owed.items() if now - since >= self.within]:
            if self._late(stream_id, now):
                handler.plane.counts["body_timeout"] += 1
                handler.feed(Stopped(stream_id))
        self.watch()

    def _late(self, stream_id: int, now: float) -> bool:
        """Whether it is the workload that keeps a stream waiting; then its exchange says so."""
        side, stream = self.handler.http.server_side, self.handler.http.streams.get(stream_id)
        assert isinstance(side, GateHttp2Server)
        if not isinstance(stream, GateStream) or stream.response_begun:
            side.owed.pop(stream_id, None)
            return False
        if stream._paused is not None or side.debts[stream_id]:  # it waits for us, or may not send before we let it
            side.owed[stream_id] = now
            return False
        side.owed.pop(stream_id, None)
        stream.exchange.failure = stream.exchange.failure or LATE
        stream.exchange.status, stream.exchange.error_code = 408, "body_timeout"
        return True
