"""How the gate itself is, as values beside what was counted of traffic.

Owns which fact of a gate becomes which metric. Where the facts come from, and when they are asked for, is elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from outgate.telemetry import names
from outgate.telemetry.aggregate import Scraped
from outgate.telemetry.names import Spec

DENIED = "denied_"
"""Of counts: told by code and more among the decisions."""
LOST = {
    "log_dropped": "access_log",
    "log_lines_dropped": "access_log_otlp",
    "traces_dropped": "traces",
    "metric_exports_failed": "metrics",
}
ARRIVED = {"log_lines_exported": "access_log_otlp", "traces_exported": "traces", "metric_exports": "metrics"}
KEPT = {"captures_written": "written", "captures_dropped": "dropped", "captures_failed": "failed"}
"""By how it went."""
INCIDENTS = frozenset(
    (
        "client_tls_failed",
        "cluster_lists",
        "cluster_reconnects",
        "cluster_status_failed",
        "cluster_status_written",
        "crashes",
        "filters_failed",
        "left_early",
        "outputs_failed",
        "redaction_failed",
        "revoked",
        "unapproved",
        "vault_failed",
    )
)
"""Counts that are of no bound."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A gate at one moment. Times in seconds since the epoch."""

    version: str
    now: float
    ready: bool = False
    generation: int = 0
    loaded: float = 0.0
    """When the policy in force was."""
    failures: int = 0
    refused: bool = False
    """The policy files are not what is in force."""
    cluster: float | None = None
    """Seconds since the documents of the cluster were last sure to be all; None where none are policy."""
    destinations: int = 0
    warnings: int = 0
    trips: int = 0
    connections: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    restarts: Mapping[str, int] = field(default_factory=dict)
    """By worker; empty where this process takes traffic itself."""
    certificates: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """When they expire, by role and file."""


def own(standing: Standing) -> Scraped:
    """What a gate tells of itself."""
    found: Scraped = {}

    def say(spec: Spec, value: float, *values: str) -> None:
        found.setdefault(spec.name, {})[spec.labels, values] = value

    say(names.ISTIO_BUILD, 1, "proxy", standing.version)
    say(names.BUILD, 1, standing.version)
    say(names.READY, int(standing.ready))
    say(names.WORKERS, max(1, len(standing.restarts)))
    say(names.CONNECTIONS_OPEN, standing.connections)
    say(names.GUARD_TRIPS, standing.trips)
    say(names.GENERATION, standing.generation)
    say(names.POLICY_LOADED, standing.loaded)
    say(names.POLICY_AGE, max(0.0, round(standing.now - standing.loaded, 3)))
    say(names.POLICY_DESTINATIONS, standing.destinations)
    say(names.POLICY_WARNINGS, standing.warnings)
    say(names.RELOADS, max(0, standing.generation - 1), "loaded")
    say(names.RELOADS, standing.failures, "refused")
    say(names.LAST_RELOAD, int(not standing.refused))
    if standing.cluster is not None:
        say(names.SOURCE_AGE, round(standing.cluster, 3))
    for worker, restarts in standing.restarts.items():
        say(names.RESTARTS, restarts, worker)
    for (role, file), expires in standing.certificates.items():
        say(names.CERTIFICATE, expires, role, file)
    for name, count in standing.counts.items():
        if not name.startswith(DENIED):
            say(*_counted(name, count))
    return found


def _counted(name: str, count: int) -> tuple[Spec, int, str]:
    if name in LOST:
        return names.DROPPED, count, LOST[name]
    if name in ARRIVED:
        return names.EXPORTED, count, ARRIVED[name]
    if name in KEPT:
        return names.CAPTURES, count, KEPT[name]
    return names.INCIDENTS if name in INCIDENTS else names.BOUNDS, count, name
