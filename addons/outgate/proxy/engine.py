"""mitmproxy's Master with the least that its layers and addons need, and the shared parts around it.

Owns which options exist and which addons run. Listeners and signals are the app's.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import BinaryIO

from mitmproxy import hooks, master
from mitmproxy.options import Options

from outgate.pki.authority import Authority
from outgate.pki.leaf import LeafCache
from outgate.policy.current import Snapshot
from outgate.proxy.gate import Gate
from outgate.proxy.guard import HookTable
from outgate.proxy.loading import failed
from outgate.proxy.plane import Plane
from outgate.proxy.recorder import Recorder
from outgate.settings import Settings
from outgate.telemetry.accesslog import AccessLog
from outgate.upstream.environment import Environment
from outgate.upstream.headers import InjectedHeaders
from outgate.upstream.pool import Pool


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

    async def start(self) -> None:
        """Tell the addons. Raises `AddonError` where one of them fails at it: it could not do its work."""
        for hook in (hooks.ConfigureHook(set(self.master.options.keys())), hooks.RunningHook()):
            try:
                await self.plane.hooks.begin(hook)
            except BaseException as error:
                raise failed("an addon", error, "started") from error

    async def stop(self) -> None:
        self.plane.pool.close()
        if (pending := self.plane.hooks.call(hooks.DoneHook())) is not None:
            await pending
        self.master.addons.chain.clear()  # they have been told, in bounded time
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
    stream: BinaryIO | None,
    addons: Sequence[object] = (),
) -> Engine:
    """Everything wired, nothing listening. Needs a running event loop. `addons` come after the gate, in their order.

    Raises `AddonError` where one of them fails to load.
    """
    _silence()
    made = master.Master(declared_options())
    log = AccessLog(stream)
    recorder = Recorder(log)
    table = HookTable(made.addons, settings.limits.hook_timeout)
    made.addons.add(Gate(snapshot, InjectedHeaders()))
    for addon in addons:
        _add(made, addon)
    made.addons.add(recorder)
    plane = Plane(
        settings, LayerOptions(), table, snapshot, environment, Pool(), authority, LeafCache(authority), recorder
    )
    plane.generation = snapshot.policy.generation
    return Engine(made, plane, log)


def _add(made: master.Master, addon: object) -> None:
    try:
        made.addons.add(addon)
    except BaseException as error:
        raise failed(repr(addon), error, "loaded") from error


def _silence() -> None:
    """mitmproxy's log prints incomplete request heads and addresses; what matters of it is in the access log."""
    logging.getLogger("mitmproxy").setLevel(logging.CRITICAL + 1)
    for name in ("hpack", "h2", "asyncio"):
        logging.getLogger(name).setLevel(logging.ERROR)
