"""Composition root: settings in, a running gate out.

Owns the order in which the parts come up and go down, and the signals. What each part does is its own.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field

from outgate.admin import Admin
from outgate.pki.authority import Authority, load_authority
from outgate.pki.problem import CertificateProblem
from outgate.policy.compile import Policy, load
from outgate.policy.current import Snapshot
from outgate.policy.frontends import Setting
from outgate.problems import PolicyError
from outgate.proxy import listen
from outgate.proxy.engine import Engine, build
from outgate.proxy.guard import contained_task
from outgate.proxy.loading import AddonError, load_addons
from outgate.proxy.peer import peer_uid
from outgate.reload import PolicyWatcher
from outgate.settings import Settings, SettingsError
from outgate.upstream.environment import Environment, Timeouts
from outgate.upstream.identity import Identities
from outgate.upstream.resolve import Resolver
from outgate.upstream.trust import Trust

log = logging.getLogger(__name__)

CANNOT, WRONG, UNABLE = 1, 2, 3
"""Exit codes: the policy has problems, wrong usage or unreadable input, the environment is not able."""
UNWINDING = 1.0
"""Seconds for what still runs at the end to end by itself."""
KEY_LOGS = ("SSLKEYLOGFILE", "MITMPROXY_SSLKEYLOGFILE")


def run(settings: Settings, addons: Sequence[object] = ()) -> int:
    """Serve until a signal says otherwise. Returns the exit code; what was wrong stands on standard error.

    `addons` are called after the gate has judged and after those of the settings, under the same guard.
    """
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    try:
        _refuse_key_logs()
        setting = Setting(gate=settings.gate, strict=settings.strict)
        policy = load(settings.policy, setting)
        authority = load_authority(settings.ca_certificate, settings.ca_key)
        addons = [*load_addons(settings.addons), *addons]
    except PolicyError as error:
        return _say(str(error), CANNOT)
    except (SettingsError, CertificateProblem, AddonError, OSError) as error:
        return _say(str(error), WRONG)
    for problem in (*authority.warnings, *policy.problems):
        log.warning("%s", problem)
    try:
        return _run(_serve(settings, setting, policy, authority, addons))
    except AddonError as error:
        return _say(str(error), WRONG)
    except OSError as error:
        return _say(f"cannot listen: {error}", UNABLE)


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


def _say(text: str, code: int) -> int:
    sys.stderr.write(text + "\n")
    return code


def _refuse_key_logs() -> None:
    for name in KEY_LOGS:
        if os.environ.get(name):
            raise SettingsError(f"{name} is set, which writes session keys to a file; unset it")


@dataclass(slots=True)
class Gate:
    """A running gate: what the admin endpoint shows and the signals act on."""

    settings: Settings
    snapshot: Snapshot
    engine: Engine
    listener: listen.Listener
    watcher: PolicyWatcher
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    watching: asyncio.Task[None] | None = None
    reloading: asyncio.Task[bool] | None = None
    ready: bool = False

    def unready(self) -> str:
        """Why the gate is not ready; empty when it is."""
        if self.engine.plane.draining:
            return "draining"
        return "" if self.ready else "starting"

    def connections(self) -> int:
        return len(self.listener.open)

    def counts(self) -> Mapping[str, int]:
        return self.engine.plane.counts | {"log_dropped": self.engine.log.dropped}

    def trips(self) -> int:
        return self.engine.plane.hooks.trips

    async def reload(self) -> bool:
        return await self.watcher.reload()

    def reload_soon(self) -> None:
        """For SIGHUP, whose handler cannot wait."""
        self.reloading = asyncio.get_running_loop().create_task(self.reload())

    def judge_again(self, policy: Policy) -> None:
        """What is still open a moment after a swap has to be allowed by the new policy too."""
        asyncio.get_running_loop().call_later(self.settings.limits.rejudge_delay, self._judge_live)

    def _judge_live(self) -> None:
        """By the policy of now: a policy that was in force for a moment ends nothing that came after it."""
        policy = self.snapshot.policy
        for live in list(self.engine.plane.live):
            try:
                live.judge_again(policy)
            except Exception as error:
                log.error("an open connection could not be judged again and was ended", exc_info=error)
                live.abort("it could not be judged again")


async def _serve(
    settings: Settings, setting: Setting, policy: Policy, authority: Authority, addons: Sequence[object]
) -> int:
    asyncio.get_running_loop().set_task_factory(contained_task)
    sockets = listen.bind(*settings.listen)
    snapshot = Snapshot(policy)
    environment = _environment(settings, {sock.getsockname()[1] for sock in sockets})
    stream = sys.stdout.buffer if settings.access_log else None
    engine = build(settings, snapshot, environment, authority, stream, addons)
    watcher = PolicyWatcher(settings.policy, setting, snapshot)
    gate = Gate(settings, snapshot, engine, listen.Listener(engine.plane, sockets), watcher)
    snapshot.observers += [engine.plane.swapped, gate.judge_again]
    admin = Admin(settings.admin, gate, peer_uid) if settings.admin else None
    try:
        await _up(gate, admin)
        await gate.stop.wait()
    finally:
        await _down(gate, admin)
    return 0


def _environment(settings: Settings, ports: set[int]) -> Environment:
    """How origins are reached. Identities report what is wrong with their files; nothing of a workload enters here."""
    trust = Trust(roots=tuple(map(str, settings.upstream_ca)))
    identities = Identities(trust, report=lambda problem: log.error("%s", problem))
    timeouts = Timeouts(total=settings.limits.connect_timeout)
    return Environment(Resolver(), identities, timeouts=timeouts, own_ports=frozenset(ports))


async def _up(gate: Gate, admin: Admin | None) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, gate.stop.set)
    loop.add_signal_handler(signal.SIGHUP, gate.reload_soon)
    await gate.engine.start()
    if admin is not None:
        admin.start()
    gate.watching = loop.create_task(gate.watcher.run())
    gate.listener.start()
    gate.ready = True
    say_ready(gate)


def say_ready(gate: Gate) -> None:
    places = ", ".join(_place(sock.getsockname()) for sock in gate.listener.sockets)
    line = f"ready: {gate.settings.mode} on {places}, policy {gate.snapshot.policy.generation}"
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


async def _down(gate: Gate, admin: Admin | None) -> None:
    """Drain: no new connections, what is under way may finish within the grace period, the log is written."""
    gate.engine.plane.draining = True
    await gate.listener.close()
    late = await gate.listener.drained(gate.settings.drain_timeout)
    if late:
        log.warning("%d connections were still open after %g s", late, gate.settings.drain_timeout)
    if gate.watching is not None:
        gate.watching.cancel()
    if admin is not None:
        await admin.stop()
    await gate.engine.stop()


def _place(address: tuple[object, ...]) -> str:
    host = f"[{address[0]}]" if ":" in str(address[0]) else str(address[0])
    return f"{host}:{address[1]}"
