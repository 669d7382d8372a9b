"""What holds for an origin, whatever route leads there, as an `EgressTraffic` writes it.

Owns the fields of `Resilience`: what is as the model has it anyway is left out.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from outgate.converting.values import Content, duration, given, text
from outgate.policy.resilience_model import (
    PLAIN_RESILIENCE,
    Balancing,
    FailurePercentage,
    HashKey,
    HealthCheck,
    Keepalive,
    Locality,
    Outliers,
    Probe,
    Resilience,
    RetryBudget,
    SuccessRate,
    Warmup,
)

TIMES = frozenset(
    {
        "interval",
        "timeout",
        "duration",
        "time",
        "base_ejection",
        "maximum_ejection",
        "initial_jitter",
        "interval_jitter",
        "no_traffic_interval",
        "idle_timeout",
        "tcp_idle_timeout",
        "maximum_duration",
    }
)
"""Fields that are seconds."""
RENAMED = {
    "idle_timeout": "connectionIdleTimeout",
    "maximum_duration": "connectionDuration",
    "consecutive_5xx": "consecutive5xx",
}
COUNTERS = ("consecutive_5xx", "consecutive_gateway", "consecutive_local")


def origin(said: Resilience) -> Content:
    """Nothing where nothing is said."""
    if said == PLAIN_RESILIENCE:
        return {}
    made: Content = _differing(
        said,
        PLAIN_RESILIENCE,
        "panic_percent",
        "panic_fails",
        "idle_timeout",
        "tcp_idle_timeout",
        "maximum_duration",
        "proxy_protocol",
        "as_client",
    )
    if said.balancing != Balancing():
        made["balancing"] = _balancing(said.balancing)
    made |= given({"limits": _differing(said.limits, PLAIN_RESILIENCE.limits)})
    if said.outliers is not None:
        made["outliers"] = _outliers(said.outliers)
    if said.retry_budget is not None:
        made["retryBudget"] = _differing(said.retry_budget, RetryBudget())
    if said.keepalive is not None:
        made["keepalive"] = _differing(said.keepalive, Keepalive())
    if said.http2_ping is not None:
        interval, timeout = said.http2_ping
        made["http2Ping"] = {"interval": duration(interval), "timeout": duration(timeout)}
    return made | given({"healthChecks": [_check(each) for each in said.health]})


def _differing(said: Any, usual: Any, *names: str) -> Content:
    """Plain fields that say something else than usual."""
    made: Content = {}
    for name in names or [field.name for field in fields(said)]:
        value = getattr(said, name)
        if value != getattr(usual, name):
            made[_camel(name)] = duration(value) if name in TIMES else value
    return made


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return RENAMED.get(name) or first + "".join(part.capitalize() for part in rest)


def _balancing(said: Balancing) -> Content:
    made: Content = {"balancer": str(said.balancer)}
    made |= _differing(said, Balancing(), "choices", "minimum_ring", "maximum_ring", "table")
    made |= given({"hash": [_hash_key(each) for each in said.hash_keys]})
    if said.locality is not None:
        made["locality"] = _locality(said.locality)
    if said.warmup is not None:
        usual = Warmup(said.warmup.duration)
        made["warmup"] = {"duration": duration(said.warmup.duration)} | _differing(said.warmup, usual)
    return made


def _hash_key(key: HashKey) -> Content:
    made: Content = {"on": str(key.on)} | given({"name": key.name})
    if key.ttl is not None:
        made["ttl"] = duration(key.ttl)
    return made | given({"path": key.path, "attributes": dict(key.attributes), "terminal": key.terminal})


def _locality(said: Locality) -> Content:
    return given(
        {
            "shares": {place: dict(parts) for place, parts in said.shares},
            "failover": dict(said.failover),
            "priorityLabels": list(said.priority_labels),
        }
    )


def _outliers(said: Outliers) -> Content:
    """A counter that is switched off is 0."""
    plain = ("split_local", "interval", "base_ejection", "maximum_ejection", "maximum_percent", "always_one")
    made = _differing(said, Outliers(), *plain)
    for name in COUNTERS:
        count = getattr(said, name)
        if count != getattr(Outliers(), name):
            made[_camel(name)] = count or 0
    if said.success_rate is not None:
        made["successRate"] = _differing(said.success_rate, SuccessRate())
    if said.failure_percentage is not None:
        made["failurePercentage"] = _differing(said.failure_percentage, FailurePercentage())
    return made | given({"statuses": list(said.statuses)})


def _check(said: HealthCheck) -> Content:
    usual = HealthCheck(said.probe)
    made: Content = {"probe": str(said.probe)}
    own = {Probe.HTTP: ("path", "authority"), Probe.TCP: (), Probe.GRPC: ("service", "authority")}[said.probe]
    timing = [
        field.name
        for field in fields(said)
        if field.name not in ("probe", "statuses", "headers", "send", "receive", "path", "authority", "service")
    ]
    made |= _differing(said, usual, *timing, *own)
    if said.statuses != usual.statuses:
        made["statuses"] = list(said.statuses)
    return made | given(
        {"headers": dict(said.headers), "send": text(said.send), "receive": [text(each) for each in said.receive]}
    )
