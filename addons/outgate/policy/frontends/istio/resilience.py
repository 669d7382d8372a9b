"""What a traffic policy comes to for one origin: balancing, limits, ejection, time.

Owns the translation of blocks, and Istio's defaults for what they leave out. Which blocks hold for a port is
`destination_rules.py`'s.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from outgate.policy.frontends.istio.locality import locality_of
from outgate.policy.resilience_model import (
    Balancer,
    Balancing,
    HashKey,
    HashOn,
    Keepalive,
    Limits,
    Outliers,
    Resilience,
    RetryBudget,
    Warmup,
)
from outgate.policy.schema import Reading, Record

IDLE = 3600.0
"""Seconds: Istio's, of connections of either kind."""
USUAL = Resilience(idle_timeout=IDLE, tcp_idle_timeout=IDLE)
"""Where no rule says anything."""
SIMPLE = {"RANDOM": Balancer.RANDOM, "ROUND_ROBIN": Balancer.ROUND_ROBIN}
VERSIONS = {"V1": 1, "V2": 2}


def resilience(blocks: Mapping[str, Record], usual: Resilience = USUAL, locality: Record | None = None) -> Resilience:
    """What some blocks of a traffic policy say, by their names. `usual` and `locality` are what the mesh says where
    they do not."""
    pool: Record | None = blocks.get("connectionPool")
    tcp: Record | None = pool.get("tcp") if pool is not None else None
    http: Record | None = pool.get("http") if pool is not None else None
    outliers: Record | None = blocks.get("outlierDetection")
    proxy: Record | None = blocks.get("proxyProtocol")
    return Resilience(
        balancing=_balancing(blocks.get("loadBalancer"), locality, outliers is not None or usual.outliers is not None),
        limits=_limits(tcp, http) if pool is not None else usual.limits,
        outliers=_outliers(outliers) if outliers is not None else usual.outliers,
        panic_percent=float(outliers.get("minHealthPercent", 0)) if outliers is not None else usual.panic_percent,
        retry_budget=_budget(blocks.get("retryBudget")),
        idle_timeout=_time(http, "idleTimeout", IDLE) if pool is not None else usual.idle_timeout,
        tcp_idle_timeout=_time(tcp, "idleTimeout", IDLE) if pool is not None else usual.tcp_idle_timeout,
        maximum_duration=_time(tcp, "maxConnectionDuration", None) if pool is not None else usual.maximum_duration,
        keepalive=keepalive(tcp.get("tcpKeepalive") if tcp is not None else None) or usual.keepalive,
        proxy_protocol=VERSIONS[proxy.get("version", "V1")] if proxy is not None else 0,
        as_client=http.get("useClientProtocol", False) if http is not None else usual.as_client,
        http2_ping=_ping(http.get("http2KeepAlive")) if http is not None else usual.http2_ping,
    )


def _time(record: Record | None, name: str, usual: float | None) -> float | None:
    """0 is off."""
    value = record.get(name, usual) if record is not None else usual
    return value or None


def _balancing(record: Record | None, usual: Record | None, ejects: bool) -> Balancing:
    setting: Record | None = record.get("localityLbSetting", usual) if record is not None else usual
    locality = locality_of(setting, ejects=ejects) if setting is not None else None
    if record is None:
        return Balancing(locality=locality)
    hashing: Record | None = record.get("consistentHash")
    keys = tuple(_hash_keys(hashing)) if hashing is not None else ()
    maglev: Record | None = hashing.get("maglev") if hashing is not None else None
    ring: Record | None = hashing.get("ringHash") if hashing is not None else None
    minimum = ring.get("minimumRingSize") if ring is not None else hashing.get("minimumRingSize") if hashing else None
    chosen, plain = SIMPLE.get(record.get("simple", ""), Balancer.LEAST_REQUEST), Balancing()
    return Balancing(
        balancer=chosen if not keys else Balancer.MAGLEV if maglev is not None else Balancer.RING_HASH,
        hash_keys=keys,
        minimum_ring=minimum or plain.minimum_ring,
        table=maglev.get("tableSize") if maglev is not None else plain.table,
        locality=locality,
        warmup=_warmup(record),
    )


def _hash_keys(hashing: Record) -> Iterator[HashKey]:
    cookie: Record | None = hashing.get("httpCookie")
    if hashing.get("httpHeaderName"):
        yield HashKey(HashOn.HEADER, hashing.get("httpHeaderName").lower())
    elif cookie is not None:
        pairs = tuple((each.get("name"), each.get("value", "")) for each in cookie.get("attributes", []))
        yield HashKey(HashOn.COOKIE, cookie.get("name"), cookie.get("ttl"), cookie.get("path", ""), pairs)
    elif hashing.get("httpQueryParameterName"):
        yield HashKey(HashOn.QUERY, hashing.get("httpQueryParameterName"))
    elif hashing.get("useSourceIp"):
        yield HashKey(HashOn.SOURCE_IP)


def _warmup(record: Record) -> Warmup | None:
    block: Record | None = record.get("warmup")
    if block is not None:
        return Warmup(block.get("duration"), block.get("minimumPercent", 10.0), block.get("aggression", 1.0))
    return Warmup(record.get("warmupDurationSecs")) if "warmupDurationSecs" in record else None


def _limits(tcp: Record | None, http: Record | None) -> Limits:
    """A limit of 0 is none."""

    def given(record: Record | None, name: str) -> int | None:
        return (record.get(name) or None) if record is not None else None

    return Limits(
        connections=given(tcp, "maxConnections"),
        pending=given(http, "http1MaxPendingRequests"),
        requests=given(http, "http2MaxRequests"),
        retries=given(http, "maxRetries"),
        requests_per_connection=given(http, "maxRequestsPerConnection"),
        streams_per_connection=given(http, "maxConcurrentStreams"),
    )


def _outliers(record: Record) -> Outliers:
    split = record.get("splitExternalLocalOriginErrors", False)
    usual = Outliers()
    return Outliers(
        consecutive_5xx=record.get("consecutive5xxErrors", 5) or None,
        consecutive_gateway=record.get("consecutiveGatewayErrors", record.get("consecutiveErrors")) or None,
        consecutive_local=(record.get("consecutiveLocalOriginFailures", 5) or None) if split else None,
        split_local=split,
        statuses=tuple(record.get("outlierDetectionHttpErrorCodes", [])),
        interval=record.get("interval", usual.interval),
        base_ejection=record.get("baseEjectionTime", usual.base_ejection),
        maximum_percent=float(record.get("maxEjectionPercent") or usual.maximum_percent),
    )


def _budget(record: Record | None) -> RetryBudget | None:
    if record is None:
        return None
    usual = RetryBudget()
    return RetryBudget(
        record.get("percent", usual.percent),
        record.get("minRetryConcurrency", usual.minimum),
        record.get("budgetInterval", usual.interval),
    )


def keepalive(record: Record | None) -> Keepalive | None:
    if record is None:
        return None
    return Keepalive(record.get("probes") or None, record.get("time"), record.get("interval"))


def _ping(record: Record | None) -> tuple[float, float] | None:
    """Where only one of the two is given, it is the other one, too."""
    if record is None:
        return None
    interval, limit = record.get("interval"), record.get("timeout")
    return (interval or limit, limit or interval) if interval or limit else None


def warn_idle(outliers: Record | None, places: int, reading: Reading) -> None:
    """Where so few places are known (0: a name alone, of one address or more) that none is ever ejected."""
    if outliers is None:
        return
    percent = outliers.get("maxEjectionPercent") or Outliers().maximum_percent
    needed = math.ceil(100 / percent)
    if needed <= max(places, 1):
        return
    whose = f"{places} endpoint{'s' * (places > 1)}" if places else f"a name with fewer than {needed} addresses"
    name = "maxEjectionPercent"
    what = f"{percent:g} % of {whose} is less than one: nothing is ever ejected"
    reading.warn(outliers.at(name), outliers.under(name), what, "write 100, or list more endpoints")
