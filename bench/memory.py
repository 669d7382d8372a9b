"""How much memory a proxy takes: idle, with many idle connections, and while it answers many requests.

Owns the order of these. The two loads have a process each, so that neither measures what the other left behind.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from typing import Any

from loads import Span
from place import Place
from proxies import Proxy
from rows import HELD, LONG
from usage import rss

SAMPLES = 10


@dataclass(frozen=True)
class Amounts:
    """How much is asked for; `settle` are seconds before memory is read, for what is cleaned up a little later."""

    connections: int = 2000
    requests: int = 100_000
    settle: float = 3.0


def held(place: Place, proxy: Proxy, amounts: Amounts) -> dict[str, Any]:
    """RSS in MiB: `idle` after the start, and with `connections` open that have had an answer each. That they were all
    open is shown by another answer on each."""
    row = replace(HELD, width=amounts.connections)
    with place.running(proxy) as pid:
        place.turn(proxy)
        time.sleep(amounts.settle)
        idle, before = rss(pid), place.origins.counts()
        with place.holding(proxy, row) as load:
            assert load.stdin is not None
            assert load.stdout is not None
            _heard(proxy, load.stdout.readline())
            time.sleep(amounts.settle)
            full = rss(pid)
            load.stdin.write("again\n")
            load.stdin.flush()
            _heard(proxy, load.stdout.readline())
        place.check(proxy, replace(row, width=0), before, 2 * amounts.connections)
    return {"idle": idle, "held": full, "connections": amounts.connections}


def served(place: Place, proxy: Proxy, amounts: Amounts) -> dict[str, Any]:
    """RSS in MiB after every tenth of `requests`."""
    samples = []
    with place.running(proxy) as pid:
        place.turn(proxy)
        for _ in range(SAMPLES):
            span = Span(0, amounts.requests // SAMPLES)
            samples.append(place.measure(proxy, LONG, pid, span, warm=Span(0))["rss"])
            sys.stderr.write(".")
            sys.stderr.flush()
    sys.stderr.write("\n")
    return {"samples": samples, "requests": amounts.requests}


def _heard(proxy: Proxy, line: str) -> None:
    if not line:
        raise RuntimeError(f"{proxy.name}: connections that are held were not answered")
