"""A soak: a gate with two workers in a lab, load from the pod, one fault after another, and what it all came to.

Owns the order of things and the account. `python -m e2e.soak --minutes 30` from `tests/` prints it.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from e2e.lab import world
from e2e.lab.gate import Gate
from e2e.lab.namespaces import METADATA4, METADATA6, Lab
from e2e.lab.origins import LabOrigins

from .disk import Disk
from .faults import SETTLED, Faults, Scene
from .oracle import FIRST
from .outages import outages
from .reloads import Reloads, documents

UID = 1000
QUIET = 12.0
"""Seconds without faults at the end, in which everything has to be in order again."""
TESTS = str(Path(__file__).resolve().parents[2])
UNAPPROVED = (*world.ADDRESSES["forbidden"], *world.ADDRESSES["private"], METADATA4, METADATA6)
SETTINGS = {"heartbeat_timeout": 3, "drain_timeout": 3}
FLAGS = ["--workers", "2"]


def soak(lab: Lab, origins: LabOrigins, pki: world.OriginPki, seconds: float, seed: int) -> dict[str, Any]:
    """What was asked, what came of it, which faults there were, and packets that reached what nobody approved."""
    lab.resolve("turning.example", *world.ADDRESSES["api"])
    before = {address: lab.packets(address) for address in UNAPPROVED}
    with (
        tempfile.TemporaryDirectory() as folder,
        Disk(Path(folder, "disk")) as disk,
        Gate(lab, documents(FIRST), pki, settings=SETTINGS, flags=FLAGS, output=disk.log) as gate,
    ):
        state = Path(folder, "state")
        Path(folder).chmod(0o755)
        state.write_text(FIRST)
        client = _client(lab, pki, state, seconds, seed)
        with Reloads(gate, seed) as reloads:
            faults = Faults(Scene(lab, gate, origins, disk, reloads, state), seed)
            _make(faults, seconds)
        output, _ = client.communicate(timeout=QUIET + 60)
        said, workers = gate.stderr(), gate.admin("/status")["workers"]
        disk.read()
    asked = json.loads(output)
    packets = {address: lab.packets(address) - before[address] for address in UNAPPROVED}
    return {
        "outages": outages(faults.happened, asked.pop("probes")),
        **asked,
        "reloads": reloads.count,
        "log": {"lines": disk.lines, "cut_off": disk.cut, "silent_with_room": disk.silent},
        "packets_to_unapproved": sum(packets.values()),
        "tracebacks": said.count("Traceback"),
        "ready_at_the_end": not any(worker["unready"] for worker in workers),
        "restarts": sum(worker["restarts"] for worker in workers),
    }


def failures(found: Mapping[str, Any]) -> list[str]:
    """What of it must not be, however slow the machine is."""
    return [
        *found["wrong"],
        *(key for key in ("packets_to_unapproved", "tracebacks") if found[key]),
        *(["a worker is not ready at the end"] if not found["ready_at_the_end"] else []),
        *(["the log stays silent where there is room"] if found["log"]["silent_with_room"] else []),
    ]


def _client(lab: Lab, pki: world.OriginPki, state: Path, seconds: float, seed: int) -> subprocess.Popen[str]:
    config = {"state": str(state), "seconds": seconds, "width": 6, "trust": str(pki.gate_ca.cert), "seed": seed}
    command = [sys.executable, "-m", "e2e.soak.client", json.dumps(config)]
    environment = {**os.environ, "PYTHONPATH": TESTS}
    return lab.popen_in(lab.pod, command, UID, stdout=subprocess.PIPE, text=True, env=environment)


def _make(faults: Faults, seconds: float) -> None:
    """Faults until the quiet end."""
    until, draw = time.monotonic() + seconds - QUIET, random.Random(faults.draw.random())
    while time.monotonic() < until - SETTLED:
        faults.once()
        time.sleep(draw.random() * 2)
