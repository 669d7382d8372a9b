"""A gate inside mitmdump or mitmweb: the same parts as `outgate run`, started and stopped by their host.

Owns how the parts go into a process that somebody else runs. What of the host is stopped is `proxy.takeover`'s.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from outgate import app
from outgate.admin import Admin
from outgate.pki.authority import Authority, load_authority
from outgate.pki.problem import CertificateProblem
from outgate.policy.compile import Policy, load
from outgate.policy.current import Snapshot
from outgate.policy.frontends import Setting
from outgate.problems import PolicyError
from outgate.proxy import listen
from outgate.proxy.engine import Host, build
from outgate.proxy.guard import contained_task
from outgate.proxy.loading import AddonError, load_addons
from outgate.proxy.peer import peer_uid
from outgate.proxy.takeover import Refusal, mitmweb
from outgate.proxy.web import Web
from outgate.reload import PolicyWatcher
from outgate.settings import ListenMode, Settings, SettingsError, read_settings

log = logging.getLogger(__name__)

DEFAULT = Path("policy")


class Embedded:
    """See the module. `pairs` are settings; mode and address are the host's."""

    def __init__(self, mode: ListenMode, listen: tuple[str, int], pairs: Sequence[str]) -> None:
        self.flags = {"mode": mode, "listen": listen}
        self.pairs = pairs
        self.gate: app.Gate | None = None
        self.admin: Admin | None = None

    def prepare(self) -> None:
        try:
            app._refuse_key_logs()
            self.settings = self._settings()
            self.setting = Setting(gate=self.settings.gate, strict=self.settings.strict)
            self.policy: Policy = load(self.settings.policy, self.setting)
            self.authority: Authority = load_authority(self.settings.ca_certificate, self.settings.ca_key)
            self.addons = load_addons(self.settings.addons)
        except PolicyError as error:
            raise Refusal(str(error), app.CANNOT) from error
        except (SettingsError, CertificateProblem, AddonError, OSError) as error:
            raise Refusal(str(error), app.WRONG) from error
        for problem in (*self.authority.warnings, *self.policy.problems):
            log.warning("%s", problem)

    def _settings(self) -> Settings:
        """No admin endpoint unless one is asked for: it would tell who holds the host about the gate, and no more."""
        told = {pair.partition("=")[0] for pair in self.pairs} | set(os.environ)
        quiet = {} if {"admin", "OUTGATE_ADMIN"} & told else {"admin": ""}
        settings = read_settings({**self.flags, **quiet}, self.pairs, os.environ)
        paths = settings.policy or ((DEFAULT,) if DEFAULT.is_dir() else ())
        if not paths:
            raise SettingsError("no policy is given; name one with --set outgate_policy=PATH, or make ./policy")
        if missing := [path for path in paths if not path.exists()]:
            raise SettingsError(f'the policy "{missing[0]}" does not exist; name a file or a directory')
        return replace(settings, policy=paths)

    async def start(self, host: Host, web: Web | None) -> None:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(contained_task)
        try:
            sockets = listen.bind(*self.settings.listen)
        except OSError as error:
            raise Refusal(f"cannot listen: {error}", app.UNABLE) from error
        snapshot = Snapshot(self.policy)
        environment = app._environment(self.settings, {sock.getsockname()[1] for sock in sockets})
        stream = sys.stdout.buffer if self.settings.access_log else None
        try:
            engine = build(self.settings, snapshot, environment, self.authority, stream, self.addons, host)
            await engine.start()
        except AddonError as error:
            raise Refusal(str(error), app.WRONG) from error
        watcher = PolicyWatcher(self.settings.policy, self.setting, snapshot)
        listener = listen.Listener(engine.plane, sockets)
        gate = self.gate = app.Gate(self.settings, snapshot, engine, listener, watcher)
        snapshot.observers += [engine.plane.swapped, gate.judge_again]
        loop.add_signal_handler(signal.SIGHUP, gate.reload_soon)
        self._open(gate, web)

    def _open(self, gate: app.Gate, web: Web | None) -> None:
        if web is not None:
            web.plane = gate.engine.plane
        if self.settings.admin:
            self.admin = Admin(self.settings.admin, gate, peer_uid)
            self.admin.start()
        gate.watching = asyncio.get_running_loop().create_task(gate.watcher.run())
        gate.listener.start()
        gate.ready = True
        app.say_ready(gate)

    async def stop(self) -> None:
        if self.gate is not None:
            await app._down(self.gate, self.admin)


def run_web(settings: Settings, given: Sequence[str], page: tuple[str, int]) -> int:
    """mitmweb in this process, taken over. `given` are the pairs that the settings were read from."""
    told = {
        "policy": os.pathsep.join(map(str, settings.policy)),
        "strict": str(settings.strict).lower(),
        "addons": os.pathsep.join(settings.addons),
    }
    keys = {*told, "mode", "listen"}
    kept = dict(pair.partition("=")[::2] for pair in given)
    named = {key.strip().lower().replace("-", "_"): value for key, value in kept.items()}
    told = {key: value for key, value in named.items() if key not in keys} | {
        key: told[key] for key in told if told[key]
    }
    return mitmweb(settings.mode, settings.listen, page, Path(__file__).with_name("script.py"), told)
