"""The admin endpoint: what a running gate is, for probes and for people on the same machine.

Owns paths, JSON and who may ask. What is told comes from a `Source`; nothing is decided here.
"""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import socket
import stat
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest
from tornado.netutil import bind_unix_socket
from tornado.web import Application, HTTPError, RequestHandler

from outgate import __version__
from outgate.door import Door
from outgate.inventory import TOLD, Having, caller_of
from outgate.policy.current import Snapshot
from outgate.policy.hosts import HostError, canonical_authority, literal
from outgate.policy.plain import plain, plain_policy
from outgate.policy.selection import parsed
from outgate.policy.snapshot import Policy
from outgate.scrape import Page, health, readiness
from outgate.settings import parse_address
from outgate.telemetry.aggregate import Scraped
from outgate.telemetry.calls import Calls
from outgate.telemetry.levels import OURS
from outgate.telemetry.usage import Usage

log = logging.getLogger(__name__)

MAX_REQUEST = 64 * 1024
"""Bytes of a request's head, and of its body."""
PATIENCE = 10.0
"""Seconds for a request to arrive, and for a connection to stay idle."""
UNIX = "unix:"


class Source(Having, Protocol):
    """What the endpoint tells of."""

    def unready(self) -> str:
        """Why no traffic is taken: starting, draining. Empty when it is."""

    def counts(self) -> Mapping[str, int]:
        """What was counted since the start, by name."""

    def trips(self) -> int:
        """How often the guard had to contain a failure."""

    def workers(self) -> list[dict[str, object]]:
        """Each process that takes traffic, where those are others than this one."""

    async def refresh(self) -> None:
        """Have what is told be of now."""

    async def scraped(self) -> Scraped:
        """What was counted of traffic, by every process that takes it."""

    async def usage(self) -> Usage:
        """When destinations were last used. Of several processes: the newest times, the earliest beginning."""

    async def calls(self) -> Calls:
        """Who called what. Of several processes: the sum, since the first of them began."""

    async def origins(self) -> list[dict[str, Any]]:
        """Origins of which the policy says more than where they are, and how they are; of several processes: each
        one's."""

    async def reload(self) -> bool:
        """Load the policy files again. False: they were refused, and `snapshot.last_error` says why."""

    async def set_level(self, level: str, name: str) -> str:
        """Log more or less. Returns why it is refused; empty where it is done."""


type UidOf = Callable[[tuple[str, int], tuple[str, int]], int | None]
"""The uid that connected from one address to another on this machine; None where it cannot be told."""


class Admin:
    """`address` is `ADDR:PORT` or `unix:PATH`. Listens from `start` to `stop`.

    `uid_of` tells who asks from this machine: of those only the gate's own uid and root are answered, for workloads
    share its addresses. Without it everybody is.
    """

    def __init__(self, address: str, source: Source, uid_of: UidOf | None = None) -> None:
        self.address = address
        self.port = 0
        """Once it listens; 0 for a socket file."""
        self._server = HTTPServer(
            _application(source, uid_of),
            max_body_size=MAX_REQUEST,
            max_header_size=MAX_REQUEST,
            idle_connection_timeout=PATIENCE,
            body_timeout=PATIENCE,
        )
        self._door = Door(self._server, lambda sock: stranger(sock, uid_of) is not None)

    def start(self) -> None:
        """Raises `OSError` where the address is taken or not ours."""
        if self.address.startswith(UNIX):
            self._door.open(_bind_file(Path(self.address.removeprefix(UNIX))))
            return
        sock = _bind(*parse_address(self.address))
        self.port = int(sock.getsockname()[1])
        self._door.open(sock)

    async def stop(self) -> None:
        await self._door.close()
        self._remove()
        await self._server.close_all_connections()

    def _remove(self) -> None:
        if self.address.startswith(UNIX):
            Path(self.address.removeprefix(UNIX)).unlink(missing_ok=True)


def refusal(request: HTTPServerRequest, local: str | None) -> str | None:
    """Why a request is not answered: a web page may have sent it, by itself or by a name that it made point here.

    `local` is the address that the connection came to, None for a socket file, which no web page reaches.
    """
    if "Origin" in request.headers:
        return "requests from web pages are refused"
    if local is None:
        return None
    try:
        host, _ = canonical_authority(request.headers.get("Host", ""), 0)
    except HostError as error:
        return str(error)
    here, asked = parsed(local.partition("%")[0]), literal(host)
    if here is not None and here.is_loopback and (host == "localhost" or (asked is not None and asked.is_loopback)):
        return None
    if asked is None:
        return "ask by address, or as localhost: a name may be made to point here"
    return None if asked == here else f"this is {here}, not {asked}"


def stranger(sock: socket.socket, uid_of: UidOf | None) -> str | None:
    """Why somebody on this machine is not answered. Others are kept out by where the endpoint listens."""
    if uid_of is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return None
    asking, asked = sock.getpeername()[:2], sock.getsockname()[:2]
    uid, address = uid_of(asking, asked), parsed(asking[0].partition("%")[0])
    if uid in (0, os.geteuid()):
        return None
    if uid is not None:
        return f"uid {uid} is neither the gate's nor root's"
    return "who asks on loopback cannot be told" if address is not None and address.is_loopback else None


class Pages:
    """The long answers, rendered once a policy and away from the event loop."""

    def __init__(self, source: Source) -> None:
        self.metrics = Page(source)
        self._known: dict[str, tuple[Policy, bytes]] = {}

    async def page(self, name: str, policy: Policy, content: Callable[[Policy], object]) -> bytes:
        policy_then, page = self._known.get(name, (None, b""))
        if policy_then is not policy:
            page = await asyncio.to_thread(lambda: _json(content(policy)))
            self._known[name] = policy, page
        return page


class Endpoint(RequestHandler):
    """Answers and errors in JSON."""

    def initialize(self, source: Source, pages: Pages, uid_of: UidOf | None) -> None:
        self.source = source
        self.pages = pages
        self.uid_of = uid_of

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")

    def prepare(self) -> None:
        sock = _socket(self.request)
        reason = refusal(self.request, _local(sock)) or stranger(sock, self.uid_of)
        if reason is not None:
            self.answer({"error": reason}, 403)

    def answer(self, content: object, status: int = 200) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(content if isinstance(content, bytes) else _json(content))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        self.answer({"error": self._reason.lower()}, status_code)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Without the request, whose path is whoever asks's to choose."""
        if not isinstance(value, HTTPError):
            log.error("the admin endpoint failed", exc_info=(typ, value, tb))


class Health(Endpoint):
    """The process lives and its event loop turns."""

    def get(self) -> None:
        self.answer(health())


class Readiness(Endpoint):
    """Whether traffic is taken."""

    def get(self) -> None:
        self.answer(*readiness(self.source.unready()))


class Config(Endpoint):
    """The compiled policy, without secrets."""

    async def get(self) -> None:
        self.answer(await self.pages.page("config", self.source.snapshot.policy, plain_policy))


class Destinations(Endpoint):
    """What is registered."""

    async def get(self) -> None:
        policy = self.source.snapshot.policy
        self.answer(await self.pages.page("destinations", policy, lambda held: plain(held.destinations)))


class Status(Endpoint):
    """What is in force, since when, and how it is going."""

    async def get(self) -> None:
        source, snapshot = self.source, self.source.snapshot
        await source.refresh()
        reason, workers = source.unready(), source.workers()
        told = {
            "version": __version__,
            "ready": not reason,
            "reason": reason,
            "policy": _in_force(snapshot),
            "connections": source.connections(),
            "counts": dict(source.counts()),
            "guard_trips": source.trips(),
        }
        self.answer(told | ({"workers": workers} if workers else {}))


def _in_force(snapshot: Snapshot) -> dict[str, object]:
    told: dict[str, object] = {
        "generation": snapshot.generation,
        "digest": snapshot.policy.generation,
        "age": max(0.0, round(time.time() - snapshot.loaded, 3)),
        "mode": str(snapshot.policy.defaults.mode),
        "destinations": len(snapshot.policy.destinations),
        "warnings": len(snapshot.policy.problems),
        "failures": snapshot.failures,
        "last_error": snapshot.last_error,
    }
    return told if snapshot.freshness is None else told | {"cluster": asdict(snapshot.freshness())}


class Metrics(Endpoint):
    """What was counted, as Prometheus reads it."""

    async def get(self) -> None:
        await self.pages.metrics.send(self)


class Inventory(Endpoint):
    """What the gate has, all of it or what one caller (`?as=NAMESPACE/SERVICEACCOUNT`) has of it."""

    async def get(self) -> None:
        caller = caller_of(self.get_query_argument("as", ""), self.source.settings)
        content = TOLD[self.request.path](self.source, caller)
        self.answer(await asyncio.to_thread(lambda: _json(content())))


class LastUsed(Endpoint):
    """When destinations were last used."""

    async def get(self) -> None:
        usage = await self.source.usage()
        self.answer(await asyncio.to_thread(lambda: _json(asdict(usage))))


class Called(Endpoint):
    """Who called what, and how it went."""

    async def get(self) -> None:
        calls = await self.source.calls()
        self.answer(await asyncio.to_thread(lambda: _json(calls.plain())))


class Origins(Endpoint):
    """How origins and their endpoints are: what is under way, what is ejected or not healthy."""

    async def get(self) -> None:
        self.answer({"origins": await self.source.origins()})


class LogLevel(Endpoint):
    """Logs more or less from now on."""

    async def post(self) -> None:
        try:
            asked = json.loads(self.request.body)
            level, name = str(asked["level"]), str(asked.get("logger", OURS))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            self.answer({"error": f'send JSON, such as {{"level": "DEBUG", "logger": "{OURS}.reload"}}'}, 400)
            return
        refused = await self.source.set_level(level, name)
        told = {"level": level, "logger": name}
        self.answer(told | {"error": refused} if refused else told, 422 if refused else 200)


class Reload(Endpoint):
    """Loads the policy files now."""

    async def post(self) -> None:
        loaded, snapshot = await self.source.reload(), self.source.snapshot
        content = {"loaded": loaded, "generation": snapshot.generation, "digest": snapshot.policy.generation}
        self.answer(content if loaded else content | {"error": snapshot.last_error}, 200 if loaded else 422)


class Unknown(Endpoint):
    """Every other path."""

    def prepare(self) -> None:
        super().prepare()
        if not self._finished:
            self.answer({"error": "no such path", "paths": sorted(PATHS)}, 404)


PATHS: Mapping[str, type[Endpoint]] = {
    "/healthz": Health,
    "/readyz": Readiness,
    "/config": Config,
    "/destinations": Destinations,
    "/status": Status,
    "/metrics": Metrics,
    "/stats/prometheus": Metrics,
    **dict.fromkeys(TOLD, Inventory),
    "/last-use": LastUsed,
    "/calls": Called,
    "/origins": Origins,
    "/log-level": LogLevel,
    "/reload": Reload,
}


def _application(source: Source, uid_of: UidOf | None) -> Application:
    given = {"source": source, "pages": Pages(source), "uid_of": uid_of}
    return Application(
        [(path, endpoint, given) for path, endpoint in PATHS.items()],
        default_handler_class=Unknown,
        default_handler_args=given,
        # Tornado would log paths.
        log_function=lambda handler: None,
    )


def _json(content: object) -> bytes:
    return json.dumps(content).encode() + b"\n"


def _socket(request: HTTPServerRequest) -> socket.socket:
    connection: Any = request.connection
    sock: socket.socket = connection.stream.socket
    return sock


def _local(sock: socket.socket) -> str | None:
    """The address that the connection came to; None for a socket file."""
    name = sock.getsockname()
    return str(name[0]) if isinstance(name, tuple) else None


def _bind(host: str, port: int) -> socket.socket:
    """A listening socket; for no host, one for every address of both families."""
    both = not host and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both or ":" in host else socket.AF_INET
    sock = socket.create_server((host, port), family=family, dualstack_ipv6=both)
    sock.setblocking(False)
    return sock


def _bind_file(path: Path) -> socket.socket:
    """A socket file that only our own uid can open, from its first moment. One left from before is replaced."""
    if path.exists() and not stat.S_ISSOCK(path.stat().st_mode):
        raise FileExistsError(errno.EEXIST, "is there and is no socket", str(path))
    before = os.umask(0o177)
    try:
        return bind_unix_socket(str(path), mode=0o600)
    finally:
        os.umask(before)
