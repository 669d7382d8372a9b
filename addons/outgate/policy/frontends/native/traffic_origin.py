"""What an `EgressTraffic` says of an origin: balancing, limits, ejection, health, time.

Owns the translation into `Resilience`, field by field. What is left out is as the model has it.
"""

from __future__ import annotations

from typing import Any

from outgate.policy.frontends.native.traffic_fields import ORIGIN
from outgate.policy.model import Source
from outgate.policy.resilience_model import (
    Balancer,
    Balancing,
    FailurePercentage,
    HashKey,
    HashOn,
    HealthCheck,
    Keepalive,
    Limits,
    Locality,
    Outliers,
    Probe,
    Resilience,
    RetryBudget,
    SuccessRate,
    Warmup,
)
from outgate.policy.schema import Reading, Record

RENAMED = {
    "connectionIdleTimeout": "idle_timeout",
    "connectionDuration": "maximum_duration",
    "consecutive5xx": "consecutive_5xx",
    "http2Ping": "http2_ping",
    "healthChecks": "health",
    "hash": "hash_keys",
}
COUNTERS = ("consecutive5xx", "consecutiveGateway", "consecutiveLocal")
HASHING = (Balancer.RING_HASH, Balancer.MAGLEV)
NAMED = (HashOn.HEADER, HashOn.COOKIE, HashOn.QUERY)


def resilience(spec: Record, reading: Reading, source: Source) -> Resilience | None:
    """None where a document says nothing of the origin."""
    if not any(name in spec for name in ORIGIN):
        return None
    made: dict[str, Any] = _plain(spec, "panicPercent", "panicFails", "proxyProtocol", "asClient")
    made |= _plain(spec, "connectionIdleTimeout", "tcpIdleTimeout", "connectionDuration")
    for name, make in (("limits", Limits), ("keepalive", Keepalive), ("retryBudget", RetryBudget)):
        if name in spec:
            made[_snake(name)] = make(**_plain(spec.get(name), *spec.get(name).values))
    if "balancing" in spec:
        made["balancing"] = _balancing(spec.get("balancing"), reading)
    if "outliers" in spec:
        made["outliers"] = _outliers(spec.get("outliers"), reading)
    if "http2Ping" in spec:
        made["http2_ping"] = (spec.get("http2Ping").get("interval", 0), spec.get("http2Ping").get("timeout", 0))
    made["health"] = tuple(_check(record, reading) for record in spec.get("healthChecks", ()))
    return Resilience(source=source, **made)


def _plain(record: Record, *names: str) -> dict[str, Any]:
    """Values as they are, by the names of the model."""
    return {_snake(name): record.get(name) for name in names if name in record}


def _snake(name: str) -> str:
    if name in RENAMED:
        return RENAMED[name]
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _balancing(record: Record, reading: Reading) -> Balancing:
    balancer = Balancer(record.get("balancer", Balancer.LEAST_REQUEST))
    made = _plain(record, "choices", "minimumRing", "maximumRing", "table")
    keys = tuple(_hash_key(each, reading) for each in record.get("hash", ()))
    if bool(keys) is not (balancer in HASHING):
        what = f"{balancer} goes by {'no hash' if keys else 'a hash, and none is given'}"
        reading.error(record.at("hash"), record.under("hash"), what, "use RING_HASH or MAGLEV with hash, or neither")
    if balancer is Balancer.MAGLEV and not _is_prime(made.get("table", 65537)):
        reading.error(record.at("table"), record.under("table"), f"{made['table']} is not prime", "use 65537")
    if "locality" in record:
        made["locality"] = _locality(record.get("locality"), reading)
    if "warmup" in record:
        made["warmup"] = Warmup(**_plain(record.get("warmup"), *record.get("warmup").values))
    return Balancing(balancer=balancer, hash_keys=keys, **made)


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % factor for factor in range(2, int(number**0.5) + 1))


def _hash_key(record: Record, reading: Reading) -> HashKey:
    on, name = HashOn(record.get("on", HashOn.HEADER)), record.get("name", "")
    if bool(name) is not (on in NAMED):
        what = f"{on} {'has no name' if name else 'needs one'}"
        reading.error(record.at("name"), record.under("name"), what, "remove it" if name else "add it")
    return HashKey(
        on,
        name.lower() if on is HashOn.HEADER else name,
        record.get("ttl"),
        record.get("path", ""),
        tuple(record.get("attributes", {}).items()),
        record.get("terminal", False),
    )


def _locality(record: Record, reading: Reading) -> Locality:
    if len(record.values) > 1:
        reading.error(record.where, record.path, "says more than one thing", "keep one of them")
    shares = record.get("shares", {})
    for place, parts in shares.items():
        if sum(parts.values()) != 100:
            what = f"the shares of {place} add up to {sum(parts.values())}"
            reading.error(record.at("shares"), record.under("shares"), what, "make them 100")
    return Locality(
        shares=tuple((place, tuple(parts.items())) for place, parts in shares.items()),
        failover=tuple(record.get("failover", {}).items()),
        priority_labels=tuple(record.get("priorityLabels", ())),
    )


def _outliers(record: Record, reading: Reading) -> Outliers:
    made = _plain(record, "splitLocal", "interval", "baseEjection", "maximumEjection", "maximumPercent", "alwaysOne")
    made |= {_snake(name): record.get(name) or None for name in COUNTERS if name in record}
    if "consecutiveLocal" in record and not record.get("splitLocal"):
        reading.error(
            record.at("consecutiveLocal"), record.under("consecutiveLocal"), 'needs "splitLocal: true"', "add it"
        )
    if "successRate" in record:
        made["success_rate"] = SuccessRate(**_plain(record.get("successRate"), *record.get("successRate").values))
    if "failurePercentage" in record:
        block: Record = record.get("failurePercentage")
        made["failure_percentage"] = FailurePercentage(**_plain(block, *block.values))
    return Outliers(statuses=tuple(record.get("statuses", ())), **made)


def _check(record: Record, reading: Reading) -> HealthCheck:
    probe = Probe(record.get("probe", Probe.HTTP))
    own = {
        Probe.HTTP: ("path", "statuses", "headers", "authority"),
        Probe.TCP: ("send", "receive"),
        Probe.GRPC: ("service", "authority"),
    }
    for name in {name for names in own.values() for name in names} - set(own[probe]):
        if name in record:
            reading.error(record.at(name), record.under(name), f"means nothing to {probe}", "remove it")
    given = {"probe", "statuses", "headers", "send", "receive"}
    made = _plain(record, *(name for name in record.values if name not in given))
    return HealthCheck(
        probe,
        statuses=tuple(record.get("statuses", (200,))),
        headers=tuple((name.lower(), value) for name, value in record.get("headers", {}).items()),
        send=record.get("send", "").encode(),
        receive=tuple(text.encode() for text in record.get("receive", ())),
        **made,
    )
