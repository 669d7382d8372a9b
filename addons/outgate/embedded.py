"""A gate inside mitmdump or mitmweb: the same parts as `outgate run`, started and stopped by their host.

Owns how the parts go into a process that somebody else runs. What of the host is stopped is `proxy.takeover`'s.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from outgate import app
from outgate.admin import Admin
from outgate.proxy.engine import Host
from outgate.proxy.guard import contained_task
from outgate.proxy.loading import AddonError, load_addons
from outgate.proxy.takeover import Refusal, mitmweb
from outgate.proxy.web import Web
from outgate.pushing import push
from outgate.scrape import Listener
from outgate.settings import ListenMode, Settings, SettingsError, read_settings
from outgate.sockets import bind
from outgate.startup import UNABLE, WRONG, Unprepared, prepared

log = logging.getLogger(__name__)

DEFAULT = Path("policy")
SCRIPT = Path(__file__).with_name("script.py")


class Embedded:
    """See the module. `pairs` are settings; mode and address are the host's."""

    def __init__(self, mode: ListenMode, listen: tuple[str, int], pairs: Sequence[str]) -> None:
        self.flags = {"mode": mode, "listen": listen}
        self.pairs = pairs
        self.gate: app.Gate | None = None
        self.doors: Sequence[Admin | Listener] = ()

    def prepare(self) -> None:
        try:
            self.settings = app.within_descriptors(self._settings())
            self.prepared = prepared(self.settings)
            self.addons = load_addons(self.settings.addons)
        except Unprepared as error:
            raise Refusal(str(error), error.code) from error
        except (SettingsError, AddonError) as error:
            raise Refusal(str(error), WRONG) from error
        self.prepared.warn()

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
        if settings.workers != 1:
            raise SettingsError(f"{settings.workers} workers are set, and mitmproxy is one process; use outgate run")
        if settings.policy_from_cluster:
            raise SettingsError("policy from the cluster is not read inside mitmproxy; use outgate run")
        return replace(settings, policy=paths)

    async def start(self, host: Host, web: Web | None) -> None:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(contained_task)
        try:
            sockets = bind(*self.settings.listen)
        except OSError as error:
            raise Refusal(f"cannot listen: {error}", UNABLE) from error
        try:
            gate = self.gate = app.assemble(self.settings, self.prepared, sockets, self.addons, host=host)
            await gate.engine.start()
            push(gate.outputs.exports, gate)
            gate.outputs.start()
        except AddonError as error:
            raise Refusal(str(error), WRONG) from error
        loop.add_signal_handler(signal.SIGHUP, gate.reload_soon)
        self._open(gate, web)

    def _open(self, gate: app.Gate, web: Web | None) -> None:
        if web is not None:
            web.plane = gate.engine.plane
            gate.engine.plane.environment.own_ports |= {web.port}
        self.doors = app.doors_of(gate)
        app.open_doors(gate, self.doors)
        gate.watching = asyncio.get_running_loop().create_task(gate.watcher.run())
        gate.remembering = asyncio.get_running_loop().create_task(gate.last_use.run())
        gate.listener.start()
        gate.ready = True
        gate.say_ready()

    async def stop(self) -> None:
        if self.gate is not None:
            await app.down(self.gate, self.doors)


def run_web(settings: Settings, given: Sequence[str], page: tuple[str, int], beside: Mapping[str, str]) -> int:
    """mitmweb in this process, taken over. `given` are the pairs that the settings were read from, `beside` what is
    said of the page: `read_only`, `exports`."""
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
    return mitmweb(settings.mode, settings.listen, page, SCRIPT, {**told, **beside})
