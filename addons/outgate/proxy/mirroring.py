"""Copies of requests to other origins, whose answers nobody waits for.

Owns their number, their time and that they are dialled under the same checks as any request. Credentials that the gate
injects stay with the destination that they are for. A mirror is spoken to as its port says, else in HTTP/1.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from h2.exceptions import H2Error
from mitmproxy import http
from mitmproxy.net.http import http1

from outgate.policy.route_model import Backend
from outgate.proxy import changes, heads, mirror_http2
from outgate.proxy.answering import Answering, Broken
from outgate.proxy.departure import target_for_backend
from outgate.proxy.exchange import Exchange
from outgate.proxy.guard import trace
from outgate.traffic.shares import falls
from outgate.upstream import connect as upstream
from outgate.upstream.connection import Connection
from outgate.upstream.errors import UpstreamError
from outgate.upstream.target import OFFERS

if TYPE_CHECKING:
    from outgate.proxy.plane import Plane

log = logging.getLogger(__name__)

MOST = 64
"""Copies under way; what comes beyond is not copied."""
PATIENCE = 15.0
"""Seconds for one of them."""
SHADOW = "-shadow"
"""What Envoy adds to the host, so that whoever receives a copy can tell it from a request."""


@dataclass(slots=True)
class Mirrors:
    """Of one process."""

    plane: Plane
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def copy(self, request: http.Request, body: bytes, exchange: Exchange) -> None:
        """Send it to all whose turn it is. Never waits, never raises."""
        passage = exchange.passage
        assert passage is not None
        for mirror in passage.route.mirrors:
            if not falls(mirror.percent, self.plane.governor.random):
                continue
            if len(self.tasks) >= MOST:
                self.plane.counts["mirrors_dropped"] += 1
                continue
            self.plane.counts["mirrored"] += 1
            task = asyncio.get_running_loop().create_task(
                self._copied(_shadow(request, body, exchange), exchange, mirror.backend)
            )
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        if self.tasks:
            await asyncio.wait(self.tasks)

    async def _copied(self, request: http.Request, exchange: Exchange, backend: Backend) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._send(request, exchange, backend)
        except (UpstreamError, Broken, OSError, H2Error):  # a timeout among them
            self.plane.counts["mirrors_failed"] += 1
        except Exception as error:
            self.plane.counts["mirrors_failed"] += 1
            log.error("a request could not be copied: %s\n%s", type(error).__name__, trace(error))

    async def _send(self, request: http.Request, exchange: Exchange, backend: Backend) -> None:
        http2 = backend.upstream.http2
        target = target_for_backend(exchange, backend, OFFERS[http2])
        key = await upstream.key_of(target, self.plane.environment)
        origin = self.plane.pool.acquire(key) or await upstream.connect(target, self.plane.environment)
        if origin.alpn == "h2" or (http2 and target.tls is None):
            await self._send_apart(request, origin, tls=target.tls is not None)
            return
        answering = Answering(origin.reader, request, self.plane.settings.limits, self._count)
        try:
            origin.writer.write(http1.assemble_request_head(request) + (request.raw_content or b""))
            await answering.head(_unheard)
            answering.take()
            while not answering.done:
                await answering.more()
                answering.take()
        finally:
            self._give_back(origin, answering)

    @staticmethod
    async def _send_apart(request: http.Request, origin: Connection, *, tls: bool) -> None:
        """Over HTTP/2, on a connection that nobody else has."""
        try:
            await mirror_http2.send(request, origin, tls=tls)
        finally:
            origin.abort()

    def _give_back(self, origin: Connection, answering: Answering) -> None:
        if answering.reusable:
            self.plane.pool.release(origin)
        else:
            origin.abort()

    def _count(self, name: str) -> None:
        self.plane.counts[name] += 1


def _shadow(request: http.Request, body: bytes, exchange: Exchange) -> http.Request:
    """The head as its route has it leave, as HTTP/1 has it and with the whole body."""
    assert exchange.passage is not None
    copy = heads.copied(request)
    changes.outgoing(copy, exchange)
    name = copy.authority or copy.headers.get("host", "")
    host, colon, port = name.rpartition(":")
    named = f"{host}{SHADOW}:{port}" if colon and port.isdigit() else f"{name}{SHADOW}"
    copy.data.http_version, copy.data.authority, copy.data.content = b"HTTP/1.1", b"", body
    for field_ in ("transfer-encoding", "content-length", "trailer", "expect"):
        copy.headers.pop(field_, None)
    copy.headers["host"] = named
    if body or request.method in ("POST", "PUT", "PATCH"):
        copy.headers["content-length"] = str(len(body))
    return copy


async def _unheard(response: http.Response) -> None:
    """Hints are for nobody."""
