"""mitmproxy's Master with the least that its layers and addons need, and the shared parts around it.

Owns which options exist and which addons run. Listeners and signals are the app's.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields

from mitmproxy import master
from mitmproxy.options import Options

from outgate.pki.authority import Authority
from outgate.pki.leaf import LeafCache
from outgate.policy.current import Snapshot
from outgate.problems import Problem
from outgate.proxy.gate import Gate
from outgate.proxy.guard import HookTable
from outgate.proxy.plane import Plane
from outgate.proxy.recorder import Recorder
from outgate.settings import Settings
from outgate.telemetry.accesslog import AccessLog
from outgate.upstream.environment import Environment
from outgate.upstream.headers import InjectedHeaders
from outgate.upstream.pool import TOTAL, Pool


@dataclass(frozen=True, slots=True)
class LayerOptions:
    """What mitmproxy's layers read, with the only values under which they are safe.

    The layers are given this in place of mitmproxy's options: nothing can set it, and reading it is an attribute,
    where theirs copies the value each time, some twenty times a request.
    """

    validate_inbound_headers: bool = True
    stream_large_bodies: str = ""
    body_size_limit: str = ""
    store_streamed_bodies: bool = False
    normalize_outbound_headers: bool = True
    websocket: bool = True
    rawtcp: bool = False
    http2_ping_keepalive: int = 58
    connection_strategy: str = "lazy"
    keep_host_header: bool = True
    http_connect_send_host_header: bool = False
    proxy_debug: bool = False


@dataclass(slots=True)
class Engine:
    """The running parts, for the app to start and stop."""

    master: master.Master
    plane: Plane
    log: AccessLog

    async def stop(self) -> None:
        self.plane.pool.close()
        await self.master.done()
        self.log.close()


def declared_options() -> Options:
    """The same for addons, which look for them in `ctx.options`; what they set there changes nothing."""
    options = Options()
    for entry in fields(LayerOptions):
        options.add_option(entry.name, type(entry.default), entry.default, "fixed by outgate")
    return options


def build(
    settings: Settings,
    snapshot: Snapshot,
    environment: Environment,
    authority: Authority,
    log: AccessLog,
    addons: Sequence[object] = (),
) -> Engine:
    """Everything wired, nothing listening. Needs a running event loop. `addons` come after the gate, in their order."""
    _silence()
    made = master.Master(declared_options())
    recorder = Recorder(log)
    hooks = HookTable(made.addons, settings.limits.hook_timeout)
    injected = InjectedHeaders(_report)
    made.addons.add(Gate(snapshot, injected), *addons, recorder)
    pool = Pool(total=min(TOTAL, max(1, settings.limits.connections)))
    plane = Plane(
        settings, LayerOptions(), hooks, snapshot, environment, pool, authority, LeafCache(authority), recorder
    )
    plane.generation = snapshot.policy.generation
    return Engine(made, plane, log)


def _report(problem: Problem) -> None:
    logging.getLogger(__name__).error("%s", problem)


def _silence() -> None:
    """mitmproxy's log prints incomplete request heads and addresses; what matters of it is in the access log."""
    logging.getLogger("mitmproxy").setLevel(logging.CRITICAL + 1)
    for name in ("hpack", "h2", "asyncio"):
        logging.getLogger(name).setLevel(logging.ERROR)
