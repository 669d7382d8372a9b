"""Traffic policy: the blocks of DestinationRule that Sidecar and mesh settings share.

Owns the shapes of load balancing, connection pools, outlier detection and tunnels, and what their fields ask of each
other. What they come to is `resilience.py`'s.
"""

from __future__ import annotations

from math import isqrt

from outgate.policy.frontends.istio import client_tls
from outgate.policy.frontends.istio.common import PORT, Checked, address_fault, name_fault, one_of
from outgate.policy.frontends.istio.locality import LOCALITY, ZONES, ZONES_NOTE, check_locality, check_zones
from outgate.policy.model import Fate
from outgate.policy.schema import (
    Boolean,
    Choice,
    Duration,
    Field,
    Fields,
    Integer,
    Number,
    Reading,
    Record,
    Sequence,
    Text,
)

COUNT = Integer(0, 2**31 - 1)
WHOLE = Integer(0, 2**32 - 1)
PERCENT = Integer(0, 100)
BIG = Integer(0, 2**64 - 1)
MAGLEV_LIMIT = 5000011

SIMPLE = ("UNSPECIFIED", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "ROUND_ROBIN", "LEAST_REQUEST")
HASH_KEYS = ("httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName")
BLOCKS = ("loadBalancer", "connectionPool", "outlierDetection", "tls")

COOKIE = Fields(
    {
        "name": Field(Text(empty=False), required=True),
        "path": Field(Text()),
        "ttl": Field(Duration(least=0)),
        "attributes": Field(
            Sequence(
                Fields(
                    {
                        "name": Field(Text(empty=False), required=True),
                        "value": Field(Text()),
                    },
                    snake=True,
                )
            )
        ),
    },
    snake=True,
)

CONSISTENT_HASH = Fields(
    {
        "httpHeaderName": Field(Text()),
        "httpCookie": Field(COOKIE),
        "useSourceIp": Field(Boolean()),
        "httpQueryParameterName": Field(Text()),
        "ringHash": Field(Fields({"minimumRingSize": Field(BIG)}, snake=True)),
        "maglev": Field(Fields({"tableSize": Field(BIG)}, snake=True)),
        "minimumRingSize": Field(BIG),
    },
    snake=True,
)

WARMUP = Fields(
    {
        "duration": Field(Duration(), required=True),
        "minimumPercent": Field(Number(0, 100)),
        "aggression": Field(Number(1)),
    },
    snake=True,
)

LOAD_BALANCER = Fields(
    {
        "simple": Field(Choice(SIMPLE)),
        "consistentHash": Field(CONSISTENT_HASH),
        "localityLbSetting": Field(LOCALITY),
        "zoneAwareLbSetting": Field(ZONES, fate=Fate.LATER, note=ZONES_NOTE),
        "warmupDurationSecs": Field(Duration()),
        "warmup": Field(WARMUP),
    },
    snake=True,
)

KEEPALIVE = Fields(
    {
        "probes": Field(WHOLE),
        "time": Field(Duration()),
        "interval": Field(Duration()),
    },
    snake=True,
)

TCP_POOL = Fields(
    {
        "maxConnections": Field(COUNT),
        "connectTimeout": Field(Duration()),
        "tcpKeepalive": Field(KEEPALIVE),
        "maxConnectionDuration": Field(Duration()),
        "idleTimeout": Field(Duration(least=0)),
    },
    snake=True,
)

PINGS = Fields(
    {
        "interval": Field(Duration()),
        "timeout": Field(
            Duration(),
            fate=Fate.APPROXIMATED,
            note="a connection whose pings are not answered ends when TCP finds it out",
        ),
    },
    snake=True,
)

HTTP_POOL = Fields(
    {
        "http1MaxPendingRequests": Field(COUNT),
        "http2MaxRequests": Field(COUNT),
        "maxRequestsPerConnection": Field(COUNT),
        "maxRetries": Field(COUNT),
        "idleTimeout": Field(Duration()),
        "h2UpgradePolicy": Field(Choice(("DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"))),
        "useClientProtocol": Field(Boolean()),
        "maxConcurrentStreams": Field(COUNT),
        "http2KeepAlive": Field(PINGS),
    },
    snake=True,
)

POOL = Fields({"tcp": Field(TCP_POOL), "http": Field(HTTP_POOL)}, snake=True)

OUTLIERS = Fields(
    {
        "consecutiveErrors": Field(COUNT),
        "splitExternalLocalOriginErrors": Field(Boolean()),
        "consecutiveLocalOriginFailures": Field(WHOLE),
        "consecutiveGatewayErrors": Field(WHOLE),
        "consecutive5xxErrors": Field(WHOLE),
        "interval": Field(Duration()),
        "baseEjectionTime": Field(Duration()),
        "maxEjectionPercent": Field(PERCENT),
        "minHealthPercent": Field(PERCENT),
        "outlierDetectionHttpErrorCodes": Field(Sequence(Integer(100, 599))),
    },
    snake=True,
)

TUNNEL = Fields(
    {
        "protocol": Field(Choice(("CONNECT", "POST"))),
        "targetHost": Field(Checked(lambda text: name_fault(text) and address_fault(text)), required=True),
        "targetPort": Field(PORT, required=True),
    },
    snake=True,
)

_COMMON = {
    "loadBalancer": Field(LOAD_BALANCER, note="PASSTHROUGH is refused where names are resolved"),
    "connectionPool": Field(POOL),
    "outlierDetection": Field(OUTLIERS),
    "tls": Field(client_tls.TLS),
}

PORT_POLICY = Fields({"port": Field(Fields({"number": Field(PORT)}, snake=True)), **_COMMON}, snake=True)

POLICY = Fields(
    {
        **_COMMON,
        "portLevelSettings": Field(Sequence(PORT_POLICY, most=4096)),
        "tunnel": Field(TUNNEL, note="of TLS that is passed on and of raw TCP; POST is refused"),
        "proxyProtocol": Field(Fields({"version": Field(Choice(("V1", "V2")))}, snake=True)),
        "retryBudget": Field(
            Fields(
                {
                    "percent": Field(Number(0, 100)),
                    "minRetryConcurrency": Field(WHOLE),
                    "budgetInterval": Field(Duration()),
                },
                snake=True,
            )
        ),
    },
    snake=True,
)


def connecting(pool: Record | None) -> tuple[float | None, bool | None]:
    """What a pool says of connecting: the time limit, and whether plain HTTP is sent on as HTTP/2. None: nothing."""
    tcp: Record | None = pool.get("tcp") if pool is not None else None
    http: Record | None = pool.get("http") if pool is not None else None
    timeout: float | None = tcp.get("connectTimeout") if tcp is not None else None
    said = http.get("h2UpgradePolicy", "DEFAULT") if http is not None else "DEFAULT"
    return timeout, None if said == "DEFAULT" else said == "UPGRADE"


def check(policy: Record | None, namespace: str, reading: Reading) -> None:
    """Of a destination or a subset: what its blocks ask of each other, and each port's."""
    if policy is None:
        return
    if not policy.values and not policy.places:
        reading.error(policy.where, policy.path, "an empty traffic policy", "fill it in or remove it")
    one_of(policy, ("tunnel", "proxyProtocol"), reading)
    check_blocks(policy, namespace, reading)
    seen: set[int] = set()
    for port in policy.get("portLevelSettings", []):
        _check_port(port, namespace, seen, reading)


def _check_port(policy: Record, namespace: str, seen: set[int], reading: Reading) -> None:
    port: Record | None = policy.get("port")
    number = port.get("number") if port is not None else None
    if number is None:
        missing = policy.under("port") if port is None else port.under("number")
        reading.error(policy.at("port"), missing, "required value is missing", "add it")
    elif number in seen:
        reading.error(policy.at("port"), policy.under("port.number"), f"port {number} is given twice", "keep one")
    else:
        seen.add(number)
    if not any(name in policy.places for name in BLOCKS):
        reading.error(policy.where, policy.path, "nothing is set for the port", f"set one of {', '.join(BLOCKS)}")
    check_blocks(policy, namespace, reading)


def check_blocks(policy: Record, namespace: str, reading: Reading) -> None:
    _check_balancer(policy.get("loadBalancer"), policy.get("outlierDetection"), reading)
    check_pool(policy.get("connectionPool"), reading)
    check_outliers(policy.get("outlierDetection"), reading)
    client_tls.check(policy.get("tls"), namespace, reading)


def check_pool(pool: Record | None, reading: Reading) -> None:
    if pool is None:
        return
    if not pool.places:
        reading.error(pool.where, pool.path, "an empty connection pool", "set tcp or http")
    http: Record | None = pool.get("http")
    if http is not None and http.get("h2UpgradePolicy") == "UPGRADE" and http.get("useClientProtocol"):
        reading.error(
            http.at("useClientProtocol"),
            http.under("useClientProtocol"),
            'cannot be true beside "h2UpgradePolicy: UPGRADE"',
            "keep one of them",
        )


def check_outliers(outliers: Record | None, reading: Reading) -> None:
    if outliers is None:
        return
    name = "consecutiveLocalOriginFailures"
    if outliers.get(name, 0) > 0 and not outliers.get("splitExternalLocalOriginErrors"):
        reading.error(outliers.at(name), outliers.under(name), 'needs "splitExternalLocalOriginErrors: true"')
    if outliers.get("consecutiveErrors"):
        reading.warn(
            outliers.at("consecutiveErrors"),
            outliers.under("consecutiveErrors"),
            "is deprecated",
            "use consecutiveGatewayErrors or consecutive5xxErrors",
        )


def _check_balancer(balancer: Record | None, outliers: Record | None, reading: Reading) -> None:
    if balancer is None:
        return
    one_of(balancer, ("simple", "consistentHash"), reading)
    one_of(balancer, ("warmupDurationSecs", "warmup"), reading)
    _check_hash(balancer.get("consistentHash"), reading)
    check_locality(balancer.get("localityLbSetting"), outliers is not None, reading)
    check_zones(balancer.get("zoneAwareLbSetting"), outliers is not None, reading)


def _check_hash(hashing: Record | None, reading: Reading) -> None:
    if hashing is None:
        return
    one_of(hashing, HASH_KEYS, reading)
    one_of(hashing, ("ringHash", "maglev", "minimumRingSize"), reading)
    if "minimumRingSize" in hashing:
        reading.warn(hashing.at("minimumRingSize"), hashing.under("minimumRingSize"), "is deprecated", "use ringHash")
    maglev: Record | None = hashing.get("maglev")
    if maglev is not None:
        size = maglev.get("tableSize", 0)
        if size >= MAGLEV_LIMIT or not _is_prime(size):
            reading.error(
                maglev.at("tableSize"),
                maglev.under("tableSize"),
                f"{size} is not a table size",
                f"use a prime number below {MAGLEV_LIMIT}",
            )


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % factor for factor in range(2, min(isqrt(number), MAGLEV_LIMIT) + 1))
