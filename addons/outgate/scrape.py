"""The page of metrics, and a listener of its own for who scrapes and probes from outside.

Owns when values are gathered, how the page is sent, and the few paths of that listener. The admin endpoint shows the
same page. What is counted, and how it is written, is `telemetry`'s.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Protocol

from tornado.httpserver import HTTPServer
from tornado.iostream import StreamClosedError
from tornado.web import Application, HTTPError, RequestHandler

from outgate import __version__
from outgate.door import Door
from outgate.inventory import Having
from outgate.pki.mounted import mounted
from outgate.settings import parse_address
from outgate.sockets import bind
from outgate.telemetry.aggregate import Scraped
from outgate.telemetry.exposition import CONTENT_TYPE, exposition
from outgate.telemetry.merged import merged
from outgate.telemetry.own import Standing, own

log = logging.getLogger(__name__)

FRESH = 1.0
"""Seconds for which values are shown again: who asks more often costs no more."""
CERTIFICATES = 300.0
"""Seconds between two looks at the certificates that are mounted."""
SENDING = 30.0
"""Seconds in which a page has to be taken."""
MAX_HEAD = 16 * 1024
PATIENCE = 10.0
"""Seconds for a request to arrive, and for a connection to stay idle."""


class Counting(Having, Protocol):
    """What the page tells of."""

    def unready(self) -> str:
        """Why no traffic is taken; empty when it is."""

    def counts(self) -> Mapping[str, int]: ...

    def trips(self) -> int: ...

    def workers(self) -> list[dict[str, object]]: ...

    async def scraped(self) -> Scraped:
        """What was counted of traffic, by every process that takes it."""


class Page:
    """The page of one gate. Several may ask for it at once. `fresh`: seconds for which values are shown again."""

    def __init__(self, source: Counting, clock: Callable[[], float] = time.monotonic, *, fresh: float = FRESH) -> None:
        self._source, self._clock, self._fresh = source, clock, fresh
        self._lock = asyncio.Lock()
        self._values: Scraped = {}
        self._until = self._look = -1.0
        self._certificates: Mapping[tuple[str, str], float] = {}

    async def scraped(self) -> Scraped:
        """All values, of traffic and of the gate."""
        async with self._lock:
            if self._clock() >= self._until:
                counted, standing = await self._source.scraped(), await self._standing()
                self._values = await asyncio.to_thread(merged, (counted, own(standing)))
                self._until = self._clock() + self._fresh
            return self._values

    async def send(self, handler: RequestHandler) -> None:
        """Answer with the page. Each piece is made, away from the event loop, when the one before has been taken."""
        pieces = exposition(await self.scraped())
        handler.set_header("Content-Type", CONTENT_TYPE)
        try:
            with suppress(StreamClosedError):
                async with asyncio.timeout(SENDING):
                    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
                        handler.write(piece)
                        await handler.flush()
        except TimeoutError:
            connection: Any = handler.request.connection
            connection.stream.close()

    async def _standing(self) -> Standing:
        source, snapshot = self._source, self._source.snapshot
        return Standing(
            __version__,
            time.time(),
            ready=not source.unready(),
            generation=snapshot.generation,
            loaded=snapshot.loaded,
            failures=snapshot.failures,
            refused=bool(snapshot.last_error),
            cluster=snapshot.freshness().age if snapshot.freshness is not None else None,
            destinations=len(snapshot.policy.destinations),
            warnings=len(snapshot.policy.problems),
            trips=source.trips(),
            connections=source.connections(),
            counts=source.counts(),
            restarts={str(each["worker"]): int(str(each.get("restarts", 0))) for each in source.workers()},
            certificates=await self._expiry(),
        )

    async def _expiry(self) -> Mapping[tuple[str, str], float]:
        """When mounted certificates expire, as it was at the last look."""
        if self._clock() >= self._look:
            self._look = self._clock() + CERTIFICATES
            settings, destinations = self._source.settings, self._source.snapshot.policy.destinations
            told = await asyncio.to_thread(mounted, settings.ca_certificate, settings.upstream_ca, destinations)
            self._certificates = expiry(told)
        return self._certificates


def expiry(told: Mapping[str, Any]) -> dict[tuple[str, str], float]:
    """By role and file; of a file that holds several, the first that expires."""
    found: dict[tuple[str, str], float] = {}
    for each in told["certificates"]:
        place, when = (each["role"], each["file"]), datetime.fromisoformat(each["not_after"]).timestamp()
        found[place] = min(when, found.get(place, when))
    return found


def health() -> dict[str, object]:
    """The process lives and its event loop turns."""
    return {"status": "ok"}


def readiness(reason: str) -> tuple[dict[str, object], int]:
    """Whether traffic is taken, and the status of the answer. `reason`: why not."""
    return {"ready": not reason} | ({"reason": reason} if reason else {}), 503 if reason else 200


class Shown(RequestHandler):
    """Answers to GET and HEAD, and to nothing else."""

    SUPPORTED_METHODS = ("GET", "HEAD")

    def initialize(self, page: Page, source: Counting) -> None:
        self.page, self.source = page, source

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")

    def answer(self, content: dict[str, object], status: int = 200) -> None:
        self.set_status(status)
        self.finish(content)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        self.answer({"error": self._reason.lower()}, status_code)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Without the request, whose path is whoever asks's to choose."""
        if not isinstance(value, HTTPError):
            log.error("the metrics listener failed", exc_info=(typ, value, tb))


class Health(Shown):
    def get(self) -> None:
        self.answer(health())

    head = get


class Readiness(Shown):
    def get(self) -> None:
        self.answer(*readiness(self.source.unready()))

    head = get


class Text(Shown):
    """The page."""

    async def get(self) -> None:
        await self.page.send(self)

    def head(self) -> None:
        self.set_header("Content-Type", CONTENT_TYPE)


class Nothing(Shown):
    """Every other path."""

    def prepare(self) -> None:
        self.answer({"error": "no such path", "paths": sorted(PATHS)}, 404)


PATHS: Mapping[str, type[Shown]] = {
    "/metrics": Text,
    "/stats/prometheus": Text,
    "/healthz": Health,
    "/readyz": Readiness,
}


class Listener:
    """`address` is `ADDR:PORT`. Listens from `start` to `stop`. Everybody who reaches it is answered."""

    def __init__(self, address: str, source: Counting) -> None:
        self.address = address
        self.port = 0
        """Once it listens."""
        given = {"page": Page(source), "source": source}
        application = Application(
            [(path, shown, given) for path, shown in PATHS.items()],
            default_handler_class=Nothing,
            default_handler_args=given,
            # Tornado would log paths.
            log_function=lambda handler: None,
        )
        self._server = HTTPServer(
            application,
            max_body_size=0,
            max_header_size=MAX_HEAD,
            idle_connection_timeout=PATIENCE,
            body_timeout=PATIENCE,
        )
        self._door = Door(self._server, lambda sock: False)

    def start(self) -> None:
        """Raises `OSError` where the address is taken or not ours."""
        for sock in bind(*parse_address(self.address)):
            self.port = int(sock.getsockname()[1])
            self._door.open(sock)

    async def stop(self) -> None:
        await self._door.close()
        await self._server.close_all_connections()
