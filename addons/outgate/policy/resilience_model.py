"""The compiled model's policy for one origin: balancing, limits on what is under way, ejection, health, time.

Owns the vocabulary, whichever mesh it comes from. The maths are `traffic`'s; what they do to a request, `proxy`'s and
`upstream`'s. Durations are seconds; percentages go from 0 to 100; None is always "no such limit".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from outgate.policy.model import Source


class Balancer(StrEnum):
    """How an endpoint is chosen among those of one priority."""

    LEAST_REQUEST = "LEAST_REQUEST"
    ROUND_ROBIN = "ROUND_ROBIN"
    RANDOM = "RANDOM"
    RING_HASH = "RING_HASH"
    MAGLEV = "MAGLEV"


class HashOn(StrEnum):
    """What of a request is hashed."""

    HEADER = "header"
    COOKIE = "cookie"
    SOURCE_IP = "source_ip"
    QUERY = "query"
    CONNECTION = "connection"


@dataclass(frozen=True, slots=True)
class HashKey:
    """One thing that consistent hashing goes by; a request that lacks it goes by the next."""

    on: HashOn
    name: str = ""
    """Of the header (lower case), cookie or query parameter."""
    ttl: float | None = None
    """A cookie that is missing is made, with this lifetime; 0 is the session's. None: none is made."""
    path: str = ""  # of a cookie that is made
    attributes: tuple[tuple[str, str], ...] = ()
    terminal: bool = False
    """Nothing after it is looked at where it is present."""


@dataclass(frozen=True, slots=True)
class Locality:
    """Which localities (`region/zone/subzone`) are preferred. At most one of the three says something."""

    shares: tuple[tuple[str, tuple[tuple[str, int], ...]], ...] = ()
    """From a locality pattern to the percentages of others (Istio's `distribute`)."""
    failover: tuple[tuple[str, str], ...] = ()
    """Regions, and the one that stands in for each."""
    priority_labels: tuple[str, ...] = ()
    """Labels, most important first, that an endpoint should share with the gate; `key=value` is a value of its own."""


@dataclass(frozen=True, slots=True)
class Warmup:
    """An endpoint that has just appeared gets its share little by little."""

    duration: float
    minimum_percent: float = 10.0
    aggression: float = 1.0


@dataclass(frozen=True, slots=True)
class Balancing:
    """How one of the healthy endpoints is chosen."""

    balancer: Balancer = Balancer.LEAST_REQUEST
    choices: int = 2
    """Endpoints that LEAST_REQUEST compares."""
    hash_keys: tuple[HashKey, ...] = ()
    minimum_ring: int = 1024
    maximum_ring: int = 8 * 1024 * 1024
    table: int = 65537  # of MAGLEV; prime
    locality: Locality | None = None
    """None: priorities and weights as the endpoints have them."""
    warmup: Warmup | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be under way at once towards one origin, counted by its key over all callers."""

    connections: int | None = None
    """HTTP/1 and TCP."""
    pending: int | None = None
    """Requests that wait for a connection."""
    requests: int | None = None
    retries: int | None = None
    requests_per_connection: int | None = None
    streams_per_connection: int | None = None


@dataclass(frozen=True, slots=True)
class SuccessRate:
    """Ejection of endpoints far below the mean rate of success."""

    minimum_hosts: int = 5
    request_volume: int = 100
    """Requests within an interval below which an endpoint is not judged."""
    deviation_factor: float = 1.9


@dataclass(frozen=True, slots=True)
class FailurePercentage:
    """Ejection of endpoints of which too many requests fail."""

    minimum_hosts: int = 5
    request_volume: int = 50
    threshold: float = 85.0  # percent


@dataclass(frozen=True, slots=True)
class Outliers:
    """When an endpoint is taken out of use for a while."""

    consecutive_5xx: int | None = 5
    consecutive_gateway: int | None = None
    """502, 503 and 504."""
    consecutive_local: int | None = None
    """Connections that failed or broke; counted only where `split_local`."""
    split_local: bool = False
    """Failures of connections are no 5xx."""
    statuses: tuple[int, ...] = ()
    """What counts as a 5xx instead of 500 to 599."""
    success_rate: SuccessRate | None = None
    failure_percentage: FailurePercentage | None = None
    interval: float = 10.0
    base_ejection: float = 30.0
    maximum_ejection: float = 300.0
    maximum_percent: float = 10.0
    """Of endpoints that may be out at once."""
    always_one: bool = False
    """The first ejection is allowed whatever `maximum_percent` says (Kuma's rule, and Envoy's before 1.31)."""


class Probe(StrEnum):
    """What an active health check speaks."""

    HTTP = "http"
    TCP = "tcp"
    GRPC = "grpc"


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One active check of every endpoint."""

    probe: Probe
    interval: float = 60.0
    timeout: float = 15.0
    unhealthy_threshold: int = 5
    healthy_threshold: int = 1
    initial_jitter: float = 0.0
    interval_jitter: float = 0.0
    interval_jitter_percent: float = 0.0
    no_traffic_interval: float = 60.0
    """Between checks as long as no request has gone there."""
    reuse_connection: bool = True
    path: str = "/"
    statuses: tuple[int, ...] = (200,)
    headers: tuple[tuple[str, str], ...] = ()
    send: bytes = b""
    receive: tuple[bytes, ...] = ()
    """Each has to be within what is answered, in this order."""
    service: str = ""  # of gRPC
    authority: str = ""


@dataclass(frozen=True, slots=True)
class RetryBudget:
    """Retries under way are at most this share of the requests under way; replaces `Limits.retries`."""

    percent: float = 20.0
    minimum: int = 3
    interval: float = 0.0
    """Seconds over which requests are counted; 0: those under way now."""


@dataclass(frozen=True, slots=True)
class Keepalive:
    """TCP keep-alive towards an origin."""

    probes: int | None = None
    time: float | None = None
    interval: float | None = None


@dataclass(frozen=True, slots=True)
class Resilience:
    """Everything that holds for one origin, whatever asks it."""

    balancing: Balancing = Balancing()
    limits: Limits = Limits()
    outliers: Outliers | None = None
    health: tuple[HealthCheck, ...] = ()
    panic_percent: float = 0.0
    """Below this share of healthy endpoints all are used as if they were healthy; 0: never."""
    panic_fails: bool = False
    """In a panic nothing is used instead of everything."""
    retry_budget: RetryBudget | None = None
    idle_timeout: float | None = None
    """Of an HTTP connection that waits for its next request."""
    tcp_idle_timeout: float | None = None
    """Of raw TCP and tunnels, in both directions."""
    maximum_duration: float | None = None
    """Of a connection."""
    keepalive: Keepalive | None = None
    proxy_protocol: int = 0
    """Version of PROXY protocol that a connection begins with; 0: none."""
    as_client: bool = False
    """HTTP/2 towards the origin where the workload speaks it, else HTTP/1."""
    http2_ping: tuple[float, float] | None = None
    """Interval and time limit."""
    source: Source | None = field(default=None, compare=False)
    """The document that says so; None where no document does."""


PLAIN_RESILIENCE = Resilience()
