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
from pathlib import Path
from typing import Any

from e2e.lab import world
from e2e.lab.gate import Gate
from e2e.lab.namespaces import METADATA4, METADATA6, Lab
from e2e.lab.origins import LabOrigins

from .faults import SETTLED, Faults, documents
from .oracle import FIRST

UID = 1000
QUIET = 12.0
"""Seconds without faults at the end, in which everything has to be in order again."""
TESTS = str(Path(__file__).resolve().parents[2])
UNAPPROVED = (*world.ADDRESSES["forbidden"], *world.ADDRESSES["private"], METADATA4, METADATA6)
SETTINGS = {"heartbeat_timeout": 3, "drain_timeout": 3}


def soak(lab: Lab, origins: LabOrigins, pki: world.OriginPki, seconds: float, seed: int) -> dict[str, Any]:
    """What was asked, what came of it, which faults there were, and packets that reached what nobody approved."""
    lab.resolve("turning.example", *world.ADDRESSES["api"])
    before = {address: lab.packets(address) for address in UNAPPROVED}
    with (
        tempfile.TemporaryDirectory() as folder,
        Gate(lab, documents(FIRST), pki, settings=SETTINGS, flags=["--workers", "2"]) as gate,
    ):
        state = Path(folder, "state")
        Path(folder).chmod(0o755)
        state.write_text(FIRST)
        client = _client(lab, pki, state, seconds, seed)
        faults = Faults(lab, gate, origins, state, seed)
        _make(faults, seconds)
        output, _ = client.communicate(timeout=QUIET + 60)
        said, workers = gate.stderr(), gate.admin("/status")["workers"]
    packets = {address: lab.packets(address) - before[address] for address in UNAPPROVED}
    return {
        **json.loads(output),
        "faults": dict(faults.counted),
        "packets_to_unapproved": sum(packets.values()),
        "tracebacks": said.count("Traceback"),
        "ready_at_the_end": not any(worker["unready"] for worker in workers),
        "restarts": sum(worker["restarts"] for worker in workers),
    }


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
