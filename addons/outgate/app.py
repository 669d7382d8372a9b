"""Composition root: settings in, a running gate out.

Owns the order in which the parts come up and go down, and the signals. What each part does is its own.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import secrets
import signal
import socket
import sys
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from outgate.cluster.shared import SharedSet
from outgate.descriptors import fitting, raised
from outgate.hop_times import Patience
from outgate.hop_ways import gateway_of, hop_tls, proxy_of
from outgate.nameserver import NameServer, nameserver
from outgate.outputs import MASTER, Outputs, outputs_of
from outgate.policy.current import Snapshot
from outgate.policy.snapshot import Policy
from outgate.proxy import listen
from outgate.proxy.engine import Engine, Host, build
from outgate.proxy.expiry import Expiry
from outgate.proxy.guard import contained_task
from outgate.proxy.loading import AddonError, load_addons
from outgate.proxy.peer import peer_uid
from outgate.proxy.peers import Peers
from outgate.proxy.under_way import under_way
from outgate.pushing import push
from outgate.reload import Beneath, PolicyWatcher
from outgate.settings import ListenMode, Settings, shared
from outgate.sockets import bind, inherit
from outgate.startup import UNABLE, WRONG, Prepared, place, prepare, ready_line, say
from outgate.telemetry import levels, names
from outgate.telemetry.aggregate import Scraped
from outgate.telemetry.calls import Calls
from outgate.telemetry.metrics import Metrics
from outgate.telemetry.turn import Turn
from outgate.telemetry.usage import LastUse, Usage
from outgate.upstream.environment import Environment, Timeouts
from outgate.upstream.identity import Identities
from outgate.upstream.resolve import Resolver
from outgate.upstream.trust import Trust
from outgate.workers.offspring import next_seat
from outgate.workers.report import Report
from outgate.workers.seat import Seat
from outgate.workers.worker import Worker

if TYPE_CHECKING:
    from outgate.admin import Admin
    from outgate.following import Following
    from outgate.scrape import Listener

log = logging.getLogger(__name__)

SWITCH = 0.0005
"""Seconds that a thread may keep the interpreter from the event loop: a policy is compiled on one."""
UNWINDING = 1.0
"""Seconds for what still runs at the end to end by itself."""


def run(settings: Settings, addons: Sequence[object] = (), control: socket.socket | None = None) -> int:
    """Serve until a signal says otherwise. Returns the exit code; what was wrong stands on standard error.

    `addons` are called after the gate has judged and after those of the settings, under the same guard. With
    `control`, a socket to a supervisor, it waits there for seats and serves nobody; each is taken by a fork of it.
    """
    master = secrets.token_bytes(MASTER)  # before the fork: what workers capture joins
    seat = next_seat(control) if control is not None else None
    if control is not None and seat is None:
        return 0
    prepared = prepare(settings) if seat is None else prepare(settings, seat.policy, _shared(settings, seat))
    if isinstance(prepared, int):
        return prepared
    if seat is None:
        prepared.warn()
    else:
        settings = shared(settings, seat.of)
    settings = within_descriptors(settings)
    try:
        loaded = [*load_addons(settings.addons), *addons]
        return _run(_serve(settings, prepared, loaded, seat, master))
    except AddonError as error:
        return say(str(error), WRONG)
    except OSError as error:
        return say(f"cannot listen: {error}", UNABLE)


def _shared(settings: Settings, seat: Seat) -> Beneath | None:
    """What the supervisor hears from the cluster."""
    return SharedSet(seat.documents) if settings.policy_from_cluster else None


def within_descriptors(settings: Settings) -> Settings:
    """With no more connections than there are descriptors for."""
    wanted, descriptors = settings.limits.connections, raised()
    if wanted <= (most := fitting(descriptors)):
        return settings
    why = "%d descriptors are enough for %d open connections, not for %d; raise the limit of open files (ulimit -n)"
    log.warning(why, descriptors, most, wanted)
    return replace(settings, limits=replace(settings.limits, connections=most))


def _run(main: Coroutine[object, object, int]) -> int:
    """As `asyncio.run`, but a task that does not let itself be cancelled does not keep the process from ending."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(main)
    finally:
        loop.run_until_complete(_cancelled(asyncio.all_tasks(loop)))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _cancelled(tasks: set[asyncio.Task[object]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=UNWINDING)


@dataclass(slots=True)
class Gate:
    """A running gate: what the admin endpoint shows and the signals act on."""

    settings: Settings
    snapshot: Snapshot
    engine: Engine
    listener: listen.Listener
    watcher: PolicyWatcher
    last_use: LastUse
    outputs: Outputs
    names: NameServer | None = None
    following: Following | None = None
    """The cluster, where this process is the one to follow it."""
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    watching: asyncio.Task[None] | None = None
    heeding: asyncio.Task[None] | None = None
    reloading: asyncio.Task[bool] | None = None
    supervised: asyncio.Task[None] | None = None
    remembering: asyncio.Task[None] | None = None
    ready: bool = False

    def unready(self) -> str:
        """Why the gate is not ready; empty when it is."""
        if self.engine.plane.draining:
            return "draining"
        return "" if self.ready else "starting"

    def connections(self) -> int:
        return len(self.listener.open)

    def counts(self) -> Mapping[str, int]:
        followed = self.following.counts() if self.following is not None else {}
        return {**self.engine.plane.counts, **self.outputs.counts(), **followed}

    def trips(self) -> int:
        return self.engine.plane.hooks.trips

    def workers(self) -> list[dict[str, object]]:
        """None but this process."""
        return []

    def report(self) -> Report:
        """For a supervisor, which adds up what its workers say."""
        held, policy = self.snapshot, self.snapshot.policy.generation
        return Report(self.unready(), policy, held.last_error, self.connections(), self.trips(), self.counts())

    async def refresh(self) -> None:
        """What is told is always of now."""

    def say_ready(self) -> None:
        say(ready_line(self.settings, self.places(), self.snapshot.policy.generation))

    def places(self) -> list[str]:
        return [place(sock.getsockname()) for sock in self.listener.sockets]

    async def scraped(self) -> Scraped:
        self.engine.plane.log.groups.flush()
        return self.outputs.metrics.scraped()

    async def usage(self) -> Usage:
        return self.last_use.usage()

    async def calls(self) -> Calls:
        self.engine.plane.log.groups.flush()
        return self.engine.calls.calls()

    async def origins(self) -> list[dict[str, Any]]:
        return self.engine.plane.governor.shown()

    async def set_level(self, level: str, name: str) -> str:
        return levels.set_level(level, name)

    async def reload(self) -> bool:
        return await self.watcher.reload()

    def reload_soon(self) -> None:
        """For SIGHUP, whose handler cannot wait."""
        self.reloading = asyncio.get_running_loop().create_task(self.reload())

    def judge_again(self, policy: Policy) -> None:
        """What is still open a moment after a swap has to be allowed by the new policy too."""
        asyncio.get_running_loop().call_later(self.settings.limits.rejudge_delay, self.judge_live)

    def judge_live(self) -> None:
        """By the policy of now: a policy that was in force for a moment ends nothing that came after it."""
        policy = self.snapshot.policy
        for live in list(self.engine.plane.live):
            try:
                live.judge_again(policy)
            except Exception as error:
                log.error("an open connection could not be judged again and was ended", exc_info=error)
                live.abort("it could not be judged again")


async def _serve(
    settings: Settings, prepared: Prepared, addons: Sequence[object], seat: Seat | None, master: bytes
) -> int:
    asyncio.get_running_loop().set_task_factory(contained_task)
    sys.setswitchinterval(SWITCH)
    sockets = bind(*settings.listen) if seat is None else inherit(seat.listeners)
    turn = Turn(seat.turn) if seat else None
    gate = assemble(settings, prepared, sockets, addons, turn=turn, master=master)
    doors = doors_of(gate) if seat is None else []
    if settings.dns:
        engine = gate.engine
        gate.names = nameserver(settings, snapshot=gate.snapshot, plane=engine.plane, shared=seat is not None)
    worker = Worker(seat, gate, gate.stop.set) if seat is not None else None
    try:
        if seat is None:
            push(gate.outputs.exports, gate)
        await _up(gate, doors)
        if worker is not None:
            gate.supervised = asyncio.get_running_loop().create_task(worker.run())
        else:
            gate.say_ready()
        gc.freeze()  # what there is by now stays: a look through all of it would hold up the event loop
        await gate.stop.wait()
    finally:
        await down(gate, doors)
        if worker is not None:
            await worker.end()
    return 0


def doors_of(gate: Gate) -> list[Admin | Listener]:
    """Where the gate is asked how it is. None of them listens yet."""
    from outgate.admin import Admin  # a web server, which workers have none of
    from outgate.scrape import Listener

    settings = gate.settings
    admin = [Admin(settings.admin, gate, peer_uid)] if settings.admin else []
    return [*admin, *([Listener(settings.metrics, gate)] if settings.metrics else [])]


def open_doors(gate: Gate, doors: Sequence[Admin | Listener]) -> None:
    """Listen, and lead nobody there."""
    for door in doors:
        door.start()
        gate.engine.plane.environment.own_ports |= {door.port}


def assemble(
    settings: Settings,
    prepared: Prepared,
    sockets: list[socket.socket],
    addons: Sequence[object],
    *,
    turn: Turn | None = None,
    host: Host | None = None,
    master: bytes | None = None,
) -> Gate:
    """All parts, none of them started. `host` is who runs the event loop, where that is not this program; `master` is
    the key that several processes redact with.

    Raises `AddonError` where an addon does not load.
    """
    snapshot = Snapshot(prepared.policy, last_error=prepared.refused)
    environment = _environment(settings, {*settings.own_ports, *(sock.getsockname()[1] for sock in sockets)})
    outputs = outputs_of(settings, prepared.policy, turn, master)
    tracer = outputs.exports.tracer()
    engine = build(
        settings, snapshot, environment, prepared.authority, outputs.logs, addons, host, tracer, outputs.keeper, master
    )
    if settings.mode is ListenMode.GATEWAY:
        engine.plane.peers = Peers(hop_tls(settings.hops), lambda problem: log.error("%s", problem))
    watcher = PolicyWatcher(
        settings.policy, prepared.setting, snapshot, loaded=prepared.digest, beneath=prepared.beneath
    )
    folder = Path(settings.state_dir) if settings.state_dir else None
    last_use = LastUse(engine.plane.log.used, folder, lambda: under_way(engine.plane))
    _measure(outputs.metrics, engine)
    listener = listen.Listener(engine.plane, sockets)
    gate = Gate(settings, snapshot, engine, listener, watcher, last_use, outputs)
    if prepared.cluster is not None:
        from outgate.following import Following  # the client of Kubernetes

        gate.following = Following(prepared.cluster, settings, snapshot, watcher)
    expiry = Expiry(gate.judge_live)
    expiry.follow(snapshot.policy)
    snapshot.observers += [engine.plane.swapped, gate.judge_again, expiry.follow, outputs.follow]
    return gate


def _measure(metrics: Metrics, engine: Engine) -> None:
    """Count what is over, and look at what is under way."""
    plane = engine.plane
    plane.metrics = metrics
    plane.log.outputs.append(metrics.observe)
    plane.environment.opened = lambda made: made.report_to(metrics.origin(made.key.host, made.key.port))
    metrics.read(names.SERVER_ACTIVE, lambda: len(engine.plane.live))
    metrics.read_all(names.INLINE, lambda: dict(engine.inlines.masked))
    metrics.read(names.ORIGINS_IDLE, lambda: len(engine.plane.pool))


def _environment(settings: Settings, ports: set[int]) -> Environment:
    """How origins are reached. Identities report what is wrong with their files; nothing of a workload enters here."""
    trust = Trust(roots=tuple(map(str, settings.upstream_ca)))
    identities = Identities(trust, report=lambda problem: log.error("%s", problem))
    timeouts = Timeouts(total=settings.limits.connect_timeout)
    gateway, proxy = gateway_of(settings.hops, Patience(settings.limits).heard), proxy_of(settings.hops)
    made = Environment(Resolver(), identities, timeouts=timeouts, own_ports=frozenset(ports))
    made.gateway, made.proxy = gateway, proxy
    return made


async def _up(gate: Gate, doors: Sequence[Admin | Listener]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, gate.stop.set)
    loop.add_signal_handler(signal.SIGHUP, gate.reload_soon)
    await gate.engine.start()
    gate.outputs.start()
    if gate.names is not None:
        await gate.names.start()
    open_doors(gate, doors)
    gate.watching = loop.create_task(gate.watcher.run())
    if gate.following is not None:
        gate.heeding = loop.create_task(gate.following.run())
    gate.remembering = loop.create_task(gate.last_use.run())
    gate.listener.start()
    gate.ready = True


async def down(gate: Gate, doors: Sequence[Admin | Listener]) -> None:
    """Drain: no new connections, what is under way may finish within the grace period, the log is written."""
    gate.engine.plane.draining = True
    if gate.names is not None:
        gate.names.close()
    await gate.listener.close()
    late = await gate.listener.drained(gate.settings.drain_timeout)
    if late:
        log.warning("%d connections were still open after %g s", late, gate.settings.drain_timeout)
    for task in (gate.watching, gate.heeding, gate.remembering):
        if task is not None:
            task.cancel()
    with suppress(TimeoutError):
        await asyncio.wait_for(gate.last_use.flush(), UNWINDING)
    for door in doors:
        await door.stop()
    await gate.engine.stop()
    await asyncio.to_thread(gate.outputs.stop)
