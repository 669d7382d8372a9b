"""What goes wrong in a soak: processes die or hang, origins break off or stand still, names turn, the disk is full.

Owns each fault and its undoing. Policies that break meanwhile are `reloads`'; whether traffic was judged rightly is the
client's to say.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.lab import world
from e2e.lab.gate import Gate
from e2e.lab.namespaces import METADATA4, Lab
from e2e.lab.origins import LabOrigins

from .disk import Disk
from .network import HALF_OPEN, RESET, broken
from .outages import Fault
from .reloads import Reloads

SETTLED = 4.0
"""Seconds after which a policy is surely in force in every worker, on a busy machine too."""
NOTICED = 10.0
"""Seconds within which a worker that hangs has to be replaced."""
PLACES = (("93.184.216.10",), ("10.20.0.5",), (METADATA4,), (), ("93.184.216.10", METADATA4))
"""Where the name that turns leads: to its origin, to places that are refused, nowhere, to both."""


@dataclass(frozen=True)
class Scene:
    """What can be broken. `state` is the file that tells the client which policy is surely in force."""

    lab: Lab
    gate: Gate
    origins: LabOrigins
    disk: Disk
    reloads: Reloads
    state: Path


class Faults:
    """`once` makes one fault happen, and says in `happened` what and when."""

    def __init__(self, scene: Scene, seed: int) -> None:
        self.scene, self.gate, self.lab = scene, scene.gate, scene.lab
        self.draw = random.Random(seed)
        self.happened: list[Fault] = []
        self.kinds: tuple[Callable[[], None], ...] = (
            self.kill_a_worker,
            self.kill_the_supervisor,
            self.stop_a_worker,
            self.reset_by_origins,
            self.half_open_origins,
            self.stop_the_origins,
            self.turn_the_name,
            self.fill_the_disk,
            self.swap_the_policy,
            self.reload_without_end,
        )

    def once(self) -> None:
        self.draw.choice(self.kinds)()

    def kill_a_worker(self) -> None:
        if (pid := self._some_worker()) is not None:
            self._now("kill_a_worker")
            _signal(pid, signal.SIGKILL)

    def kill_the_supervisor(self) -> None:
        """Nobody but a container runtime helps then, which starts it again at once; it needs files that can be used."""
        assert self.gate.process is not None
        with self.scene.reloads.still():
            self._now("kill_the_supervisor")
            if self.draw.random() < 0.5:
                os.killpg(self.gate.process.pid, signal.SIGKILL)
            else:
                self.gate.process.kill()
            self.gate.process.wait()
            self.gate.start_again()

    def stop_a_worker(self) -> None:
        """It hangs; its supervisor ends it. Another fault before that would be none of its own."""
        if (pid := self._some_worker()) is None:
            return
        self._now("stop_a_worker")
        _signal(pid, signal.SIGSTOP)
        until = time.monotonic() + NOTICED
        while pid in [worker["pid"] for worker in self._workers()] and time.monotonic() < until:
            time.sleep(0.1)

    def reset_by_origins(self) -> None:
        self._break_off("reset_by_origins", RESET)

    def half_open_origins(self) -> None:
        self._break_off("half_open_origins", HALF_OPEN)

    def stop_the_origins(self) -> None:
        """They take connections and say nothing."""
        self._now("stop_the_origins")
        self.scene.origins.signal(signal.SIGSTOP)
        time.sleep(self.draw.random())
        self.scene.origins.signal(signal.SIGCONT)

    def turn_the_name(self) -> None:
        self._now("turn_the_name")
        self.lab.resolve("turning.example", *self.draw.choice(PLACES))

    def fill_the_disk(self) -> None:
        self._now("fill_the_disk")
        self.scene.disk.fill()
        time.sleep(0.5 + self.draw.random())
        self.scene.disk.empty()

    def swap_the_policy(self) -> None:
        """Under it for long enough that everybody has to know; until then nothing is sure."""
        self._now("swap_the_policy")
        with self.scene.reloads.usable():
            self.scene.state.write_text("")
            name = self.scene.reloads.swap()
            time.sleep(SETTLED)
            self.scene.state.write_text(name)

    def reload_without_end(self) -> None:
        self._now("reload_without_end")
        for _ in range(20):
            self.gate.hang_up()
            time.sleep(0.05)

    def _now(self, kind: str) -> None:
        self.happened.append((kind, time.monotonic()))

    def _break_off(self, kind: str, how: str) -> None:
        self._now(kind)
        with broken(self.lab, [*world.ADDRESSES["api"], *world.ADDRESSES["partner"]], how):
            time.sleep(0.2 + self.draw.random())

    def _workers(self) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = self.gate.admin("/status")["workers"]
        return told

    def _some_worker(self) -> int | None:
        pid: int | None = self.draw.choice(self._workers())["pid"]
        return pid


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it has ended by itself meanwhile
        os.kill(pid, number)
