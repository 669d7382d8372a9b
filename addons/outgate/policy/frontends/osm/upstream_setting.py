"""UpstreamTrafficSetting: what may be under way towards a host, and how often.

Owns the shape and its translation. Which Egress it is about is said there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from outgate.policy.documents import Document
from outgate.policy.frontends import Contribution, Setting
from outgate.policy.frontends.osm.resource import Resource, read
from outgate.policy.model import Fate
from outgate.policy.resilience_model import Limits, Resilience
from outgate.policy.route_model import Bucket, HeaderChange, RateLimit
from outgate.policy.schema import Anything, Choice, Duration, Field, Fields, Integer, Record, Sequence, Text

CONNECT_TIMEOUT = 5.0
"""Seconds, where no setting says more."""
TOO_MANY = 429
UNITS = {"second": 1.0, "minute": 60.0, "hour": 3600.0}
COUNT = Integer(0, 2**32 - 1)

RATE = {"unit": Field(Choice(tuple(UNITS))), "burst": Field(COUNT)}
HEADER = Fields({"name": Field(Text(empty=False), required=True), "value": Field(Text())})
LOCAL_HTTP = Fields(
    {
        "requests": Field(COUNT),
        **RATE,
        "responseStatusCode": Field(Integer(400, 599)),
        "responseHeadersToAdd": Field(Sequence(HEADER)),
    }
)
LOCAL_TCP = Fields({"connections": Field(COUNT), **RATE})
GLOBAL = Field(
    Anything(),
    fate=Fate.LATER,
    guards=True,
    note="the service that it names is not asked: write an EgressTraffic with a global limit",
)
TCP = Fields({"maxConnections": Field(COUNT), "connectTimeout": Field(Duration())})
HTTP = Fields(
    {
        "maxRequests": Field(COUNT),
        "maxRequestsPerConnection": Field(COUNT),
        "maxPendingRequests": Field(COUNT),
        "maxRetries": Field(COUNT),
    }
)
LIMITS = Fields({"local": Field(Fields({"tcp": Field(LOCAL_TCP), "http": Field(LOCAL_HTTP)})), "global": GLOBAL})
ROUTE = Fields({"path": Field(Text()), "rateLimit": Field(Fields({"local": Field(LOCAL_HTTP), "global": GLOBAL}))})
SPEC = Fields(
    {
        "host": Field(
            Text(pattern=r".+\..+", hint="write a name of two labels or more"),
            required=True,
            fate=Fate.IGNORED,
            note="the Egress that names it says where it holds",
        ),
        "connectionSettings": Field(Fields({"tcp": Field(TCP), "http": Field(HTTP)})),
        "rateLimit": Field(LIMITS),
        "httpRoutes": Field(Sequence(ROUTE)),
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class UpstreamSetting:
    """One document in words of the model."""

    resource: Resource
    host: str
    resilience: Resilience
    connect_timeout: float
    connections: tuple[RateLimit, ...]
    requests: tuple[RateLimit, ...]
    routes: tuple[tuple[str, RateLimit], ...]
    """Limits of their own, by the expression that is a route's path."""

    @property
    def key(self) -> str:
        return f"{self.resource.namespace}/{self.resource.name}"


def upstream_setting(document: Document, setting: Setting, contribution: Contribution) -> UpstreamSetting | None:
    """The document, or None where it cannot be used."""
    resource = read(document, SPEC, setting, contribution)
    if resource is None:
        return None
    spec = resource.spec
    local = _under(spec, "rateLimit", "local")
    tcp = _under(spec, "connectionSettings", "tcp")
    made = UpstreamSetting(
        resource,
        spec.get("host"),
        Resilience(limits=_limits(tcp, _under(spec, "connectionSettings", "http"))),
        tcp.get("connectTimeout", CONNECT_TIMEOUT) if tcp is not None else CONNECT_TIMEOUT,
        tuple(_limit(_under(local, "tcp"), "connections", resource)),
        tuple(_limit(_under(local, "http"), "requests", resource)),
        tuple(_routes(resource)),
    )
    contribution.problems += resource.reading.problems
    return made


def _limits(tcp: Record | None, http: Record | None) -> Limits:
    def most(record: Record | None, name: str) -> int | None:
        return (record.get(name) or None) if record is not None else None

    return Limits(
        connections=most(tcp, "maxConnections"),
        pending=most(http, "maxPendingRequests"),
        requests=most(http, "maxRequests"),
        retries=most(http, "maxRetries"),
        requests_per_connection=most(http, "maxRequestsPerConnection"),
    )


def _routes(resource: Resource) -> Iterator[tuple[str, RateLimit]]:
    for route in resource.spec.get("httpRoutes", []):
        for limit in _limit(_under(route, "rateLimit", "local"), "requests", resource):
            yield route.get("path", ""), limit


def _limit(record: Record | None, counted: str, resource: Resource) -> Iterator[RateLimit]:
    """The limit of a block. One that names no number limits nothing, and that is said."""
    if record is None:
        return
    number = record.get(counted, 0)
    if not number or "unit" not in record:
        what = f"limits nothing without {counted} and unit"
        resource.reading.warn(record.where, record.path, what, f'write "{counted}: 10" and "unit: second"')
        resource.reading.set_aside(record.path, what)
        return
    added = tuple((header.get("name"), header.get("value", "")) for header in record.get("responseHeadersToAdd", []))
    yield RateLimit(
        key=f"osm/{resource.namespace}/{resource.name}/{record.path}",
        bucket=Bucket(record.get("burst") or number, number, UNITS[record.get("unit")]),
        connections=counted == "connections",
        status=record.get("responseStatusCode", TOO_MANY),
        response_headers=HeaderChange(add=added),
        source=resource.source(record.path, record.where),
    )


def _under(record: Record | None, *names: str) -> Record | None:
    for name in names:
        record = record.get(name) if record is not None else None
    return record
