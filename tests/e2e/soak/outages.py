"""How long service was away after each fault: from the fault to the first answer to a request that was made after it.

Pure: faults and answered probes in, a table out.
"""

from __future__ import annotations

import statistics
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

KILLS = ("kill_a_worker", "kill_the_supervisor")
AT_MOST = 2.0
"""Seconds until service has to be back after a kill."""

type Fault = tuple[str, float]
"""What happened, and when."""
type Probe = tuple[float, float]
"""When it was asked and when it was answered."""


def outages(faults: Iterable[Fault], probes: Sequence[Probe]) -> dict[str, dict[str, Any]]:
    """For each kind of fault: how many there were, the median and longest outage, in seconds. Probes stand in order."""
    asked = [probe[0] for probe in probes]
    found: defaultdict[str, list[float]] = defaultdict(list)
    for kind, at in faults:
        after = probes[bisect_left(asked, at) :][:1]
        found[kind].append(after[0][1] - at if after else float("inf"))
    return {
        kind: {"count": len(lasted), "median": round(statistics.median(lasted), 3), "longest": round(max(lasted), 3)}
        for kind, lasted in sorted(found.items())
    }


def late(table: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The kills after which service was not back in time."""
    return [kind for kind in KILLS if kind in table and table[kind]["longest"] > AT_MOST]


def shown(table: Mapping[str, Mapping[str, Any]]) -> str:
    """For people."""
    lines = [f"{'fault':<24}{'count':>7}{'median s':>10}{'longest s':>11}"]
    lines += [
        f"{kind:<24}{row['count']:>7}{row['median']:>10.2f}{row['longest']:>11.2f}" for kind, row in table.items()
    ]
    return "\n".join(lines) + "\n"
