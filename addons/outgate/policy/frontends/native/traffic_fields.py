"""`EgressTraffic`: its shape.

Owns the fields and the values each may have. What they come to is `traffic_routes.py`'s and `traffic_origin.py`'s.
"""

from __future__ import annotations

from dataclasses import dataclass

from outgate.policy.documents import Node
from outgate.policy.frontends.native.conditions import WHEN
from outgate.policy.frontends.native.destination import UPSTREAM, NumberOrEvery
from outgate.policy.frontends.native.shapes import Cidr, Either, Expression, Filled, Host, Size
from outgate.policy.model import AttemptKind
from outgate.policy.resilience_model import Balancer, HashOn, Probe
from outgate.policy.route_model import LimitBy, LimitScope, ResetFormat, Unmatched
from outgate.policy.schema import (
    Boolean,
    Choice,
    Duration,
    Field,
    Fields,
    Integer,
    Mapping,
    Number,
    Reading,
    Record,
    Sequence,
    Shape,
    Text,
)

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
VALUE = r"[\t\x20-\x7e\x80-\xff]*"
COUNT = Integer(1)
PERCENT = Number(0, 100)
STATUS = Integer(100, 599)
ANSWER = Integer(200, 599)
SECONDS = Duration()
PORT = Integer(1, 65535)
TEXTS = Either(Sequence(Text(empty=False), least=1))
HEADERS = Mapping(Text(pattern=VALUE, hint="no control characters"))
NAMES = Sequence(Text(pattern=TOKEN, hint="write the name of a header"), least=1)
RETRY_ON = (
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "connect-failure",
    "refused-stream",
    "retriable-4xx",
    "envoy-ratelimited",
    "retriable-status-codes",
    "retriable-headers",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
)


def texts(**ways: Shape) -> Filled:
    """One way to compare a text, and how."""
    shown = {name: Field(shape) for name, shape in ways.items()}
    return Filled(Fields({**shown, "ignoreCase": Field(Boolean()), "not": Field(Boolean())}))


WORD = Text()
WHOLE = Expression(empty=True)  # of the whole text, which may be empty
TEXT = texts(exact=WORD, prefix=Text(empty=False), regex=WHOLE, present=Boolean())
NAMED = Mapping(Either(Sequence(TEXT, least=1)), least=1)
"""Tests of headers or parameters by name; of several of one, all must hold."""
PATH = texts(exact=WORD, prefix=Text(empty=False), segments=Text(empty=False), regex=WHOLE)


SCHEME = Choice(("http", "https"))


@dataclass(frozen=True, slots=True)
class Scheme:
    """`http` or `https`, or a test of it as of any other text."""

    def read(self, node: Node, path: str, reading: Reading) -> str | Record | None:
        plain = not isinstance(node.data, dict)
        return SCHEME.read(node, path, reading) if plain else TEXT.read(node, path, reading)


WHO = Fields(
    {
        "principals": Field(TEXTS),
        "namespaces": Field(TEXTS),
        "serviceAccounts": Field(TEXTS),
        "ipBlocks": Field(Either(Sequence(Cidr(), least=1))),
        "labels": Field(Mapping(Text(empty=False), least=1)),
        "when": Field(WHEN),
    }
)
MATCH = Filled(
    Fields(
        {
            "kinds": Field(Either(Sequence(Choice(tuple(AttemptKind)), least=1))),
            "hosts": Field(Either(Sequence(Host(), least=1))),
            "path": Field(PATH),
            "method": Field(TEXT),
            "scheme": Field(Scheme()),
            "authority": Field(TEXT),
            "headers": Field(NAMED),
            "queries": Field(NAMED),
            "from": Field(Filled(WHO)),
            "snis": Field(Either(Sequence(Host(), least=1))),
            "addresses": Field(Either(Sequence(Cidr(), least=1))),
        }
    )
)
CHANGE = Fields({"set": Field(HEADERS), "add": Field(HEADERS), "remove": Field(NAMES)})
HASH_KEY = Fields(
    {
        "on": Field(Choice(tuple(HashOn)), required=True),
        "name": Field(Text(empty=False)),
        "ttl": Field(Duration(least=0)),
        "path": Field(Text()),
        "attributes": Field(Mapping(Text())),
        "terminal": Field(Boolean()),
    }
)
LOCALITY = Fields(
    {
        "shares": Field(Mapping(Mapping(Integer(0, 100), least=1), least=1)),
        "failover": Field(Mapping(Text(empty=False), least=1)),
        "priorityLabels": Field(Sequence(Text(empty=False), least=1)),
    }
)
BALANCING = Fields(
    {
        "balancer": Field(Choice(tuple(Balancer), fold=True)),
        "choices": Field(Integer(2, 100)),
        "hash": Field(Sequence(HASH_KEY, least=1)),
        "minimumRing": Field(Integer(1, 8 * 1024 * 1024)),
        "maximumRing": Field(Integer(1, 8 * 1024 * 1024)),
        "table": Field(Integer(2, 5000010)),
        "locality": Field(LOCALITY),
        "warmup": Field(
            Fields(
                {
                    "duration": Field(SECONDS, required=True),
                    "minimumPercent": Field(PERCENT),
                    "aggression": Field(Number(0)),
                }
            )
        ),
    }
)
LIMITS = Fields(
    {
        "connections": Field(COUNT),
        "pending": Field(COUNT),
        "requests": Field(COUNT),
        "retries": Field(COUNT),
        "requestsPerConnection": Field(COUNT),
        "streamsPerConnection": Field(COUNT),
    }
)
OUTLIERS = Fields(
    {
        "consecutive5xx": Field(Integer(0)),
        "consecutiveGateway": Field(Integer(0)),
        "consecutiveLocal": Field(Integer(0)),
        "splitLocal": Field(Boolean()),
        "statuses": Field(Either(Sequence(STATUS, least=1))),
        "successRate": Field(
            Fields(
                {
                    "minimumHosts": Field(COUNT),
                    "requestVolume": Field(COUNT),
                    "deviationFactor": Field(Number(0)),
                }
            )
        ),
        "failurePercentage": Field(
            Fields({"minimumHosts": Field(COUNT), "requestVolume": Field(COUNT), "threshold": Field(PERCENT)})
        ),
        "interval": Field(SECONDS),
        "baseEjection": Field(SECONDS),
        "maximumEjection": Field(SECONDS),
        "maximumPercent": Field(PERCENT),
        "alwaysOne": Field(Boolean()),
    }
)
HEALTH_CHECK = Fields(
    {
        "probe": Field(Choice(tuple(Probe)), required=True),
        "interval": Field(SECONDS),
        "timeout": Field(SECONDS),
        "unhealthyThreshold": Field(COUNT),
        "healthyThreshold": Field(COUNT),
        "initialJitter": Field(SECONDS),
        "intervalJitter": Field(SECONDS),
        "intervalJitterPercent": Field(PERCENT),
        "noTrafficInterval": Field(SECONDS),
        "reuseConnection": Field(Boolean()),
        "path": Field(Text(pattern=r"/.*", hint="begin with /")),
        "statuses": Field(Either(Sequence(STATUS, least=1))),
        "headers": Field(HEADERS),
        "send": Field(Text()),
        "receive": Field(Either(Sequence(Text(empty=False), least=1))),
        "service": Field(Text()),
        "authority": Field(Text()),
    }
)
ORIGIN = {
    "balancing": Field(BALANCING),
    "limits": Field(LIMITS),
    "outliers": Field(OUTLIERS),
    "healthChecks": Field(Sequence(HEALTH_CHECK, least=1)),
    "panicPercent": Field(PERCENT),
    "panicFails": Field(Boolean()),
    "retryBudget": Field(Fields({"percent": Field(PERCENT), "minimum": Field(Integer(0)), "interval": Field(SECONDS)})),
    "connectionIdleTimeout": Field(SECONDS),
    "tcpIdleTimeout": Field(SECONDS),
    "connectionDuration": Field(SECONDS),
    "keepalive": Field(Fields({"probes": Field(COUNT), "time": Field(SECONDS), "interval": Field(SECONDS)})),
    "proxyProtocol": Field(Integer(1, 2)),
    "asClient": Field(Boolean()),
    "http2Ping": Field(Fields({"interval": Field(SECONDS, required=True), "timeout": Field(SECONDS, required=True)})),
}
"""What holds for the origin, whatever route leads there."""
PLACE = {
    "destination": Field(Text(empty=False)),
    "port": Field(PORT),
    "labels": Field(Mapping(Text(empty=False), least=1)),
}
ORIGIN_OF_ITS_OWN = {
    "subset": Field(Text(pattern=r"[^|]+", hint='it holds no "|"')),
    "host": Field(Host(pattern=False)),
    "upstream": Field(Fields({**UPSTREAM.fields, **ORIGIN})),
}
"""Where a place is not dialled as the document of its destination says."""
TO = Fields(
    {
        **PLACE,
        **ORIGIN_OF_ITS_OWN,
        "weight": Field(Integer(0)),
        "requestHeaders": Field(CHANGE),
        "responseHeaders": Field(CHANGE),
    }
)
REDIRECT = Fields(
    {
        "status": Field(Integer(300, 399)),
        "scheme": Field(Choice(("http", "https"))),
        "authority": Field(Text(empty=False)),
        "port": Field(PORT),
        "portOfScheme": Field(Boolean()),
        "path": Field(Text(pattern=r"/.*", hint="begin with /")),
        "prefix": Field(Text(pattern=r"/.*", hint="begin with /")),
    }
)
REWRITE = Fields(
    {
        "path": Field(Text(pattern=r"/.*", hint="begin with /")),
        "prefix": Field(Text(pattern=r"/.*", hint="begin with /")),
        "regex": Field(Expression()),
        "substitution": Field(Text()),
        "authority": Field(Text(empty=False)),
        "toBackend": Field(Boolean()),
    }
)
RETRIES = Fields(
    {
        "attempts": Field(Integer(0, 100), required=True),
        "on": Field(Either(Sequence(Choice(RETRY_ON), least=1))),
        "statuses": Field(Either(Sequence(STATUS, least=1))),
        "headers": Field(NAMED),
        "methods": Field(Either(Sequence(Text(pattern=TOKEN), least=1))),
        "anyMethod": Field(Boolean()),
        "perTryTimeout": Field(SECONDS),
        "backoff": Field(Fields({"base": Field(SECONDS), "maximum": Field(SECONDS)})),
        "retryAfter": Field(
            Fields({"headers": Field(Mapping(Choice(tuple(ResetFormat))), required=True), "maximum": Field(SECONDS)})
        ),
        "otherHosts": Field(Boolean()),
        "hostSelections": Field(COUNT),
    }
)
FAULT = Fields(
    {
        "delay": Field(Fields({"duration": Field(SECONDS, required=True), "percent": Field(PERCENT)})),
        "abort": Field(
            Fields({"status": Field(ANSWER), "grpcStatus": Field(Integer(0, 16)), "percent": Field(PERCENT)})
        ),
        "bandwidth": Field(Fields({"bytesPerSecond": Field(Size(1, 2**40), required=True), "percent": Field(PERCENT)})),
        "from": Field(Filled(WHO)),
        "headers": Field(NAMED),
    }
)
MIRROR = Fields({**PLACE, **ORIGIN_OF_ITS_OWN, "percent": Field(PERCENT)})
RATE_LIMIT = Fields(
    {
        "name": Field(Text(empty=False)),
        "key": Field(Text(empty=False)),
        "tokens": Field(COUNT, required=True),
        "refill": Field(COUNT),
        "interval": Field(SECONDS, required=True),
        "scope": Field(Choice(tuple(LimitScope))),
        "by": Field(Either(Sequence(Choice(tuple(part for part in LimitBy if part != LimitBy.HEADER)), least=1))),
        "byHeaders": Field(Either(NAMES)),
        "connections": Field(Boolean()),
        "from": Field(Filled(WHO)),
        "headers": Field(NAMED),
        "enabledPercent": Field(PERCENT),
        "enforcedPercent": Field(PERCENT),
        "status": Field(Integer(400, 599)),
        "responseHeaders": Field(CHANGE),
        "allowOnFailure": Field(Boolean()),
    }
)
ACTS = {
    "requestHeaders": Field(CHANGE),
    "responseHeaders": Field(CHANGE),
    "timeout": Field(SECONDS),
    "idleTimeout": Field(SECONDS),
    "maximumDuration": Field(SECONDS),
    "retries": Field(RETRIES),
    "connectAttempts": Field(Integer(1, 100)),
    "faults": Field(Sequence(FAULT, least=1)),
    "mirrors": Field(Sequence(MIRROR, least=1)),
    "rateLimits": Field(Sequence(RATE_LIMIT, least=1)),
}
"""What a route does beside leading somewhere; outside of `routes` it holds for all of them that do not say it."""
ROUTE = Fields(
    {
        "name": Field(Text(empty=False)),
        "match": Field(Either(Sequence(MATCH, least=1))),
        "to": Field(Sequence(TO, least=1)),
        "redirect": Field(REDIRECT),
        "notFound": Field(Boolean()),
        "answer": Field(Fields({"status": Field(ANSWER, required=True), "body": Field(Text(maximum=2**20))})),
        "rewrite": Field(REWRITE),
        **ACTS,
    }
)
SPEC = Fields(
    {
        "destination": Field(Text(empty=False), required=True),
        "ports": Field(Sequence(NumberOrEvery(), least=1)),
        "unmatched": Field(Choice(tuple(Unmatched), fold=True)),
        "routes": Field(Sequence(ROUTE, least=1)),
        **ACTS,
        **ORIGIN,
    }
)
