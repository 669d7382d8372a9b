"""Composition root: settings in, a running gate out.

Owns the order in which the parts come up and go down, and the signals. What each part does is its own.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from dataclasses import dataclass, field

from outgate import __version__
from outgate.admin import AdminServer
from outgate.pki.authority import Authority, load_authority
from outgate.pki.problem import CertificateProblem
from outgate.policy.compile import Policy, load
from outgate.policy.current import Snapshot
from outgate.policy.frontends import Setting
from outgate.problems import PolicyError
from outgate.proxy import listen
from outgate.proxy.engine import Engine, build
from outgate.reload import PolicyWatcher
from outgate.settings import Settings, SettingsError
from outgate.upstream.connect import Environment

log = logging.getLogger(__name__)

CANNOT, WRONG, UNABLE = 1, 2, 3
"""Exit codes: the policy has problems, wrong usage or unreadable input, the environment is not able."""
KEY_LOGS = ("SSLKEYLOGFILE", "MITMPROXY_SSLKEYLOGFILE")


def run(settings: Settings) -> int:
    """Serve until a signal says otherwise. Returns the exit code; what was wrong stands on standard error."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    try:
        _refuse_key_logs()
        setting = Setting(gate=settings.gate, strict=settings.strict)
        policy = load(settings.policy, setting)
        authority = load_authority(settings.ca_certificate, settings.ca_key)
    except PolicyError as error:
        return _say(str(error), CANNOT)
    except (SettingsError, CertificateProblem, OSError) as error:
        return _say(str(error), WRONG)
    for problem in policy.problems:
        log.warning("%s", problem)
    try:
        return asyncio.run(_serve(settings, setting, policy, authority))
    except OSError as error:
        return _say(f"cannot listen: {error}", UNABLE)


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
    started: float = field(default_factory=time.time)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    ready: bool = False

    def readiness(self) -> str:
        """Why the gate is not ready; empty when it is."""
        if self.engine.plane.draining:
            return "draining"
        return "" if self.ready else "starting"

    def status(self) -> dict[str, object]:
        plane = self.engine.plane
        return {
            "version": __version__,
            "uptime": round(time.time() - self.started, 1),
            "mode": str(self.settings.mode),
            "connections": len(self.listener.open),
            "counts": dict(plane.counts),
            "guard_trips": plane.hooks.trips,
            "log_dropped": self.engine.log.dropped,
        }

    def judge_again(self, policy: Policy) -> None:
        """What is still open a moment after a swap has to be allowed by the new policy too."""
        delay = self.settings.limits.rejudge_delay
        asyncio.get_running_loop().call_later(delay, self._judge_live, policy)

    def _judge_live(self, policy: Policy) -> None:
        for live in list(self.engine.plane.live):
            try:
                live.judge_again(policy)
            except Exception as error:
                log.error("an open connection could not be judged again and was ended", exc_info=error)
                live.abort("it could not be judged again")


async def _serve(settings: Settings, setting: Setting, policy: Policy, authority: Authority) -> int:
    sockets = listen.bind(*settings.listen)
    snapshot = Snapshot(policy)
    # The environment reads identities by content; nothing of the workload reaches it.
    environment = Environment(extra_roots=settings.upstream_ca)
    stream = sys.stdout.buffer if settings.access_log else None
    engine = build(settings, snapshot, environment, authority, stream)
    watcher = PolicyWatcher(settings.policy, setting, snapshot)
    gate = Gate(settings, snapshot, engine, listen.Listener(engine.plane, sockets), watcher)
    snapshot.observers += [engine.plane.swapped, gate.judge_again]
    admin = AdminServer(settings.admin, gate) if settings.admin else None
    try:
        await _up(gate, admin)
        await gate.stop.wait()
    finally:
        await _down(gate, admin)
    return 0


async def _up(gate: Gate, admin: AdminServer | None) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, gate.stop.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: loop.create_task(gate.watcher.reload()))
    await gate.engine.master.running()
    if admin is not None:
        await admin.start()
    gate.watcher.start()
    gate.listener.start()
    gate.ready = True
    places = ", ".join(_place(sock.getsockname()) for sock in gate.listener.sockets)
    line = f"ready: {gate.settings.mode} on {places}, policy {gate.snapshot.policy.generation}"
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


async def _down(gate: Gate, admin: AdminServer | None) -> None:
    """Drain: no new connections, what is under way may finish within the grace period, the log is written."""
    gate.engine.plane.draining = True
    await gate.listener.close()
    late = await gate.listener.drained(gate.settings.drain_timeout)
    if late:
        log.warning("%d connections were still open after %g s", late, gate.settings.drain_timeout)
    await gate.watcher.stop()
    if admin is not None:
        await admin.stop()
    await gate.engine.stop()


def _place(address: tuple[object, ...]) -> str:
    host = f"[{address[0]}]" if ":" in str(address[0]) else str(address[0])
    return f"{host}:{address[1]}"
