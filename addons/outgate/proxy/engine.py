"""mitmproxy's Master with the least that its layers and addons need, and the shared parts around it.

Owns which options exist and which addons run. Listeners and signals are the app's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from mitmproxy import hooks
from mitmproxy.options import Options

from outgate.capture.keeper import Keeper
from outgate.pki.authority import Authority
from outgate.pki.leaf import LeafCache
from outgate.policy.current import Snapshot
from outgate.problems import Problem
from outgate.proxy.capturing import Capturing
from outgate.proxy.gate import Gate
from outgate.proxy.governor import Governor, home_of
from outgate.proxy.guard import HookTable, trace
from outgate.proxy.inline import Inlines
from outgate.proxy.lean import master
from outgate.proxy.loading import failed
from outgate.proxy.plane import Plane
from outgate.proxy.recorder import Recorder
from outgate.proxy.watch import Watch
from outgate.settings import Settings
from outgate.telemetry.accesslogs import AccessLogs
from outgate.telemetry.calls import Tally
from outgate.telemetry.levels import silence
from outgate.telemetry.tracer import Tracer
from outgate.upstream.environment import Environment
from outgate.upstream.headers import InjectedHeaders
from outgate.upstream.pool import TOTAL, Pool
from outgate.upstream.shared_buckets import RedisBuckets

log = logging.getLogger(__name__)

LOOKED = 0.8
"""Of the time that hooks have, what one look at a live message may take: it is refused before its hook fails."""


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
class Host:
    """A master that somebody else runs, such as mitmweb's, and what of its own sees what passes.

    It keeps its chain, for its own events; of traffic, only `watching` is called, after other people's addons.
    """

    master: master.Master
    watching: Sequence[object] = ()


@dataclass(slots=True)
class Chain:
    """The addons that are called for traffic, where that is not the master's chain."""

    chain: list[object]


@dataclass(slots=True)
class Engine:
    """The running parts, for the app to start and stop."""

    master: master.Master
    plane: Plane
    log: AccessLogs
    calls: Tally
    addons: Sequence[object] = ()
    """Other people's."""
    hosted: bool = False
    inlines: Inlines = field(default_factory=Inlines)

    async def start(self) -> None:
        """Tell the addons. Raises `AddonError` where one of them fails at it: it could not do its work."""
        for hook in (hooks.ConfigureHook(set(self.master.options.keys())), hooks.RunningHook()):
            for addon in self.addons:
                try:
                    await self.plane.hooks.begin(hook, addon)
                except BaseException as error:
                    raise failed(repr(addon), error, "started") from error

    async def stop(self) -> None:
        await self.plane.mirrors.stop()
        self.plane.pool.close()
        await self.plane.governor.stop()
        for addon in self.addons:
            try:
                await self.plane.hooks.begin(hooks.DoneHook(), addon)
            except Exception as error:
                log.error("%r failed at the end: %s\n%s", addon, type(error).__name__, trace(error))
        if not self.hosted:
            self.master.addons.chain.clear()  # they have been told
            await self.master.done()
        self.plane.log.groups.flush()
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
    logs: AccessLogs,
    addons: Sequence[object] = (),
    host: Host | None = None,
    tracer: Tracer | None = None,
    keeper: Keeper | None = None,
    key: bytes | None = None,
) -> Engine:
    """Everything wired, nothing listening. Needs a running event loop. `addons` come after the gate, in their order.
    `key`: that of replacements in live messages, where several processes are to make the same ones.

    Raises `AddonError` where one of them fails to load.
    """
    silence()
    made = host.master if host is not None else master.Master(declared_options())
    calls = Tally()
    recorder = Recorder(logs.observe, calls.observe)
    recorder.groups.later = asyncio.get_running_loop().call_later
    recorder.wanted = lambda: logs.wanted
    recorder.in_force = lambda: snapshot.policy.generation
    if tracer is not None:
        recorder.traced = lambda caller: tracer.begin(rule=snapshot.policy.telemetry_of(caller).trace)
        recorder.outputs.append(tracer.observe)
    watching = host.watching if host is not None else ()
    governor = Governor(settings.workers, home_of(settings.gate))
    governor.shared = RedisBuckets(settings.redis) if settings.redis else None
    governor.follow(snapshot.policy)
    inlines = Inlines(key, LOOKED * settings.limits.hook_timeout)
    gate = Gate(snapshot, InjectedHeaders(_report), inlines, tracer, governor)
    gate.capturing = recorder.capturing = Capturing(keeper, snapshot) if keeper is not None else None
    chain = Chain([gate, *addons, Watch(), *watching, recorder])
    for addon in addons:
        _register(made, addon)
    if host is None:
        made.addons.chain = chain.chain
    table = HookTable(chain, settings.limits.hook_timeout)
    counts, limits = recorder.counts, settings.limits
    environment.resolver.bound(kept=limits.dns_cache, ttl=limits.dns_ttl, pending=limits.lookups, counts=counts)
    leaves = LeafCache(authority, limits.leaf_cache, dropped=lambda: counts.update(leaves_dropped=1))
    pool = Pool(total=min(TOTAL, max(1, limits.connections)))
    plane = Plane(settings, LayerOptions(), table, snapshot, environment, pool, authority, leaves, recorder, governor)
    plane.generation, plane.counts = snapshot.policy.generation, counts
    plane.direct = None if addons or watching or host is not None else gate
    return Engine(made, plane, logs, calls, addons, host is not None, inlines)


def _register(made: master.Master, addon: object) -> None:
    """Load it. It does not stand in the host's chain, whose events swallow what is raised."""
    try:
        made.addons.register(addon)
    except BaseException as error:
        raise failed(repr(addon), error, "loaded") from error


def _report(problem: Problem) -> None:
    log.error("%s", problem)
