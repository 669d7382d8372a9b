"""What has to come out of a proxy's telemetry for what it carried: spans at a collector, lines in a file, and a page.

Owns who takes them, and how many are right. A proxy whose telemetry is lost costs nothing, and is worth no row.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from origins import HERE, started

from e2e.lab.namespaces import Lab

ADDRESS, PORT = "93.184.216.62", 4318
SCRAPES = 5
"""Seconds between two."""
PATIENCE = 20.0
CHANCE = 6
"""Standard deviations within which a number of sampled traces is right."""


@dataclass(frozen=True)
class Signals:
    """`service` is whom its spans are from, `sampling` the part of the traces that are kept, `log` where its lines
    are, and `port` where it shows its metrics."""

    service: str
    sampling: float
    log: Path
    port: int

    def fault(self, told: Counter[str], carried: int, width: int) -> str:
        """What is missing of what so many requests have to be told by, or too much; `width` may be under way.
        Metrics come at intervals, so that any are enough."""
        for name, part in (("spans", self.sampling), ("lines", 1.0)):
            most = CHANCE * math.sqrt(carried * part * (1 - part)) + width
            if abs(told[name] - carried * part) > most:
                return f"{told[name]} {name} for {carried} requests, of which {part:.0%} are to be told"
        return "" if told["points"] else "no metrics"

    @contextmanager
    def scraped(self, lab: Lab, core: str) -> Iterator[None]:
        """As Prometheus does, all the time."""
        page = f"http://127.0.0.1:{self.port}/metrics"
        ask = f"while curl -sf --retry 3 --retry-connrefused -o /dev/null {page}; do sleep {SCRAPES}; done"
        process = lab.popen_in(lab.pod, ["taskset", "-c", core, "sh", "-c", ask])
        try:
            yield
            if process.poll() is not None:
                raise RuntimeError(f"{self.service}: {page} was not to be had")
        finally:
            process.kill()
            process.wait()


class Collector:
    """A process of its own, in the world."""

    def __init__(self, lab: Lab, core: str) -> None:
        self.lab = lab
        lab.address(ADDRESS)
        started(lab, ["taskset", "-c", core, sys.executable, str(HERE / "collector.py"), ADDRESS, str(PORT)])

    def told(self, signals: Signals) -> Counter[str]:
        """So far, of one proxy: `spans` and `points` that came, and `lines` that were written."""
        done = self.lab.run_in(self.lab.world, ["curl", "-s", f"http://{ADDRESS}:{PORT}/"])
        lines = signals.log.read_bytes().count(b"\n") if signals.log.exists() else 0
        return Counter(json.loads(done.stdout).get(signals.service, {})) + Counter(lines=lines)

    @contextmanager
    def hearing(self, signals: Signals, carried: Callable[[], int], width: int) -> Iterator[None]:
        """What is carried meanwhile has to be told of, within a time. `carried` counts requests."""
        before, begun = self.told(signals), carried()
        del before["points"]
        yield
        deadline = time.monotonic() + PATIENCE
        while fault := signals.fault(self.told(signals) - before, carried() - begun, width):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{signals.service}: {fault}")
            time.sleep(0.1)
