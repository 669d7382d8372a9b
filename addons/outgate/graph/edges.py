"""Edges for people: names, shares and percentiles out of what was counted, in a fixed order.

Owns the words and the choice. How they are drawn is beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any

from outgate.telemetry.calls import ALLOW, BOUNDS, DENY, INTERNAL, OTHER, REGISTERED, Caller, Calls, Edge, Place

VERDICTS = {"allow": "allowed", "would_deny": "would be denied", "deny": "denied"}
TLS = {
    "originated": "TLS originated",
    "decrypted": "TLS decrypted and originated",
    "mutual": "mutual TLS",
    "tunnelled": "TLS tunnelled",
}
VERSION = 1
"""Of the JSON. Fields may be added under the same one."""


@dataclass(frozen=True, slots=True)
class Row:
    """One edge. Lists are in the order of their number of requests."""

    edge: Edge
    caller: str
    destination: str
    p50: float | None
    """Seconds; None where no HTTP was seen."""
    p95: float | None
    protocols: tuple[str, ...]
    tls: tuple[str, ...]
    ports: tuple[int, ...]
    codes: tuple[str, ...]

    @property
    def verdict(self) -> str:
        return VERDICTS.get(self.edge.verdict, self.edge.verdict)

    @property
    def share(self) -> float:
        return self.edge.errors / self.edge.requests if self.edge.requests else 0.0

    @property
    def words(self) -> str:
        """All of it but its ends, in one line."""
        told = [self.verdict, count(self.edge.requests, "request")]
        if self.edge.verdict != ALLOW:
            told += self.codes
        if self.edge.verdict != DENY:
            told += [f"{self.share:.1%} errors"] if self.edge.errors else []
            told += [f"p50 {span(self.p50)}, p95 {span(self.p95)}"] if self.p50 is not None else []
        told += [*self.protocols, *(TLS.get(each, each) for each in self.tls)]
        return ", ".join(told)


@dataclass(frozen=True, slots=True)
class Graph:
    """`source` says where it was asked for or read; `since` when counting began, seconds since the epoch."""

    source: str
    since: float
    rows: tuple[Row, ...]

    @property
    def until(self) -> float:
        return max((row.edge.last for row in self.rows), default=self.since)


def graph_of(calls: Calls, source: str, namespace: str = "", since: float = 0.0) -> Graph:
    """The graph of what was counted; of one namespace's callers, and of edges that were seen since a time."""
    chosen = (
        edge for edge in calls.edges if edge.last >= since and (not namespace or edge.caller.namespace == namespace)
    )
    return Graph(source, calls.since, tuple(sorted(map(_row, chosen), key=_order)))


def _order(row: Row) -> tuple[int, str, str, str]:
    return -row.edge.requests, row.caller, row.destination, row.edge.verdict


def _row(edge: Edge) -> Row:
    protocols: Counter[str] = Counter()
    tls: Counter[str] = Counter()
    ports: Counter[int] = Counter()
    codes: Counter[str] = Counter()
    for (protocol, kind, port, code), number in edge.ways.items():
        protocols[protocol] += number
        tls[kind] += number
        ports[port] += number
        codes[code] += number
    middle, slow = percentile(edge.durations, 0.5), percentile(edge.durations, 0.95)
    lists = (_first(protocols), _first(tls), _first(ports), _first(codes))
    return Row(edge, caller_name(edge.caller), place_name(edge.place), middle, slow, *lists)


def _first[Value: (str, int)](counted: Counter[Value]) -> tuple[Value, ...]:
    """By number, and then by name, so that it is the same each time; without what was not known."""
    return tuple(value for value, _ in sorted(counted.items(), key=lambda item: (-item[1], item[0])) if value)


def caller_name(caller: Caller) -> str:
    """`NAMESPACE/ACCOUNT (WORKLOAD)`, as much of it as is known; else the address."""
    who = "/".join(filter(None, (caller.namespace, caller.service_account)))
    if not who:
        return caller.workload or caller.address or "others"
    return f"{who} ({caller.workload})" if caller.workload and caller.workload != caller.service_account else who


def place_name(place: Place) -> str:
    """A destination's name without its kind; a name or an address that no document has, as it is."""
    if place.kind in (REGISTERED, INTERNAL):
        return place.name.partition("/")[2] or place.name
    return place.name or ("others" if place.kind == OTHER else "nothing named")


def percentile(durations: Iterable[int], share: float) -> float | None:
    """Seconds within which that share of requests was over, to within two fifths; None where there are none."""
    sums = list(accumulate(durations))
    if not sums or not sums[-1]:
        return None
    wanted = share * sums[-1]
    step = next(step for step, number in enumerate(sums) if number >= wanted)
    if step == 0 or step >= len(BOUNDS):
        return BOUNDS[min(step, len(BOUNDS) - 1)]
    low, high = BOUNDS[step - 1], BOUNDS[step]
    before, inside = sums[step - 1], sums[step] - sums[step - 1]
    return low + (high - low) * (wanted - before) / inside


def plain(graph: Graph) -> dict[str, Any]:
    """The graph as data. Times in seconds since the epoch, durations in milliseconds."""
    return {
        "version": VERSION,
        "source": graph.source,
        "since": graph.since,
        "until": graph.until,
        "edges": [_plain(row) for row in graph.rows],
    }


def _plain(row: Row) -> dict[str, Any]:
    edge = row.edge
    return {
        "caller": {"name": row.caller, **edge.caller._asdict()},
        "destination": {"name": row.destination, "kind": edge.place.kind, "key": edge.place.name},
        "verdict": edge.verdict,
        "requests": edge.requests,
        "errors": edge.errors,
        "error_share": round(row.share, 4),
        "sent": edge.sent,
        "received": edge.received,
        "p50_ms": _milliseconds(row.p50),
        "p95_ms": _milliseconds(row.p95),
        "protocols": list(row.protocols),
        "tls": list(row.tls),
        "ports": list(row.ports),
        "codes": list(row.codes),
        "first": edge.first,
        "last": edge.last,
    }


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


def span(seconds: float | None) -> str:
    """A duration in three figures."""
    if seconds is None:
        return ""
    return f"{seconds * 1000:.3g} ms" if seconds < 0.9995 else f"{seconds:.3g} s"


def size(number: float) -> str:
    """Bytes in their largest unit."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"


def count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def moment(when: float) -> str:
    return f"{datetime.fromtimestamp(when, UTC):%Y-%m-%d %H:%M:%S}Z"


def legible(text: str) -> str:
    """One line of what can be seen and stands in XML: neither controls, nor changes of direction, nor halves of
    characters."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
