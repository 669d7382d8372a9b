"""The HTTP routes of a VirtualService: their shape.

Owns the fields and the values each may have. What they ask of each other is `http_checks.py`'s, what they come to
`route_matching.py`'s and `route_actions.py`'s, where they lead `route_making.py`'s.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from outgate.policy.documents import Node
from outgate.policy.frontends.expressions import expression_fault
from outgate.policy.frontends.istio.common import (
    DNS_LABEL,
    OPTIONAL_PORT,
    PORT,
    TEXTS,
    Checked,
    Labels,
    Placed,
    label_fault,
    pattern_fault,
)
from outgate.policy.model import Fate
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
    Sequence,
    Shape,
    Text,
)

HEADER = re.compile(r"[-_A-Za-z0-9]+")
HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
CLAIM = re.compile(r"@request\.auth\.claims[.\[].+")
AUTHORITY = (":authority", "host")
MAX_REGEX = 1024
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE")
GRPC = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
"""By their number."""
RETRY_ON = frozenset(
    {
        "5xx",
        "gateway-error",
        "reset",
        "reset-before-request",
        "connect-failure",
        "retriable-4xx",
        "refused-stream",
        "retriable-status-codes",
        "retriable-headers",
        "envoy-ratelimited",
        "http3-post-connect-failure",
        "cancelled",
        "deadline-exceeded",
        "internal",
        "resource-exhausted",
        "unavailable",
    }
)
CODES = frozenset(str(status.value) for status in HTTPStatus)
SMALLEST_SHARE = 0.0001
"""Percent; Envoy counts in millionths."""


def regex_fault(text: str) -> str:
    """Of an RE2 expression."""
    if not text:
        return "is empty"
    if len(text) > MAX_REGEX:
        return f"has {len(text)} characters; at most {MAX_REGEX} are allowed"
    why = expression_fault(text)
    return f"is not an RE2 expression: {why}" if why else ""


def retry_fault(text: str) -> str:
    unknown = [name for name in text.split(",") if name not in RETRY_ON | CODES] if text else []
    return f'names no retry condition: "{unknown[0]}"' if unknown else ""


def destination_fault(text: str) -> str:
    return "is every host; name one" if text == "*" else pattern_fault(text)


def header_fault(text: str) -> str:
    return "" if HEADER.fullmatch(text) else "is not a header name"


def cors_header_fault(text: str) -> str:
    return "" if text == "*" else header_fault(text)


@dataclass(frozen=True, slots=True)
class Share:
    """A percentage with fractions: 0, or large enough to be counted."""

    def read(self, node: Node, path: str, reading: Reading) -> float | None:
        value: float | None = Number(0, 100).read(node, path, reading)
        if value is not None and 0 < value < SMALLEST_SHARE:
            reading.error(node.where, path, f"{value} is too small", f"use 0, or at least {SMALLEST_SHARE}")
        return value


def percent(shape: Shape) -> Fields:
    return Fields({"value": Field(shape)}, snake=True)


STRING_MATCH = Fields(
    {
        "exact": Field(Text()),
        "prefix": Field(Text()),
        "regex": Field(Text()),
    },
    snake=True,
)

DESTINATION = Fields(
    {
        "host": Field(
            Checked(destination_fault), required=True, note="a registered host, or a gateway that the gate stands for"
        ),
        "subset": Field(
            Checked(lambda text: text and label_fault(text)),
            note="means nothing of an egress gateway that the gate stands for",
        ),
        "port": Field(Fields({"number": Field(PORT)}, snake=True)),
    },
    snake=True,
)

OPERATIONS = Fields(
    {
        "set": Field(Mapping(Placed(Text()))),
        "add": Field(Mapping(Placed(Text()))),
        "remove": Field(Sequence(Placed(Text()))),
    },
    snake=True,
)

HEADERS = Fields({"request": Field(OPERATIONS), "response": Field(OPERATIONS)}, snake=True)

MATCH = Fields(
    {
        "port": Field(OPTIONAL_PORT),
        "gateways": Field(Sequence(Placed(Text()))),
        "uri": Field(STRING_MATCH),
        "scheme": Field(STRING_MATCH),
        "method": Field(STRING_MATCH),
        "authority": Field(STRING_MATCH),
        "headers": Field(Mapping(Placed(STRING_MATCH))),
        "withoutHeaders": Field(Mapping(Placed(STRING_MATCH))),
        "queryParams": Field(Mapping(Placed(STRING_MATCH))),
        "ignoreUriCase": Field(Boolean()),
        "sourceLabels": Field(Labels()),
        "sourceNamespace": Field(DNS_LABEL),
        "statPrefix": Field(Text(), fate=Fate.IGNORED, note="metrics have names of their own"),
        "name": Field(Text(), fate=Fate.IGNORED, note="a name for people"),
    },
    snake=True,
)

REDIRECT = Fields(
    {
        "uri": Field(Text()),
        "prefixRewrite": Field(Text()),
        "authority": Field(Text()),
        "port": Field(OPTIONAL_PORT),
        "derivePort": Field(Choice(("FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"))),
        "scheme": Field(Choice(("", "http", "https"))),
        "redirectCode": Field(Integer(0, 2**32 - 1)),
    },
    snake=True,
)

DIRECT_RESPONSE = Fields(
    {
        "status": Field(Integer(200, 599), required=True),
        "body": Field(Fields({"string": Field(Text()), "bytes": Field(Text())}, snake=True)),
    },
    snake=True,
)

REWRITE = Fields(
    {
        "uri": Field(Text()),
        "authority": Field(Text()),
        "uriRegexRewrite": Field(
            Fields(
                {
                    "match": Field(Checked(regex_fault), required=True),
                    "rewrite": Field(Text(empty=False), required=True),
                },
                snake=True,
            )
        ),
    },
    snake=True,
)

RETRIES = Fields(
    {
        "attempts": Field(Integer(0, 2**31 - 1)),
        "perTryTimeout": Field(Duration()),
        "retryOn": Field(Checked(retry_fault)),
        "retryRemoteLocalities": Field(
            Boolean(), fate=Fate.APPROXIMATED, note="an endpoint is chosen as for a first try, whatever its locality"
        ),
        "retryIgnorePreviousHosts": Field(Boolean()),
        "backoff": Field(Duration()),
    },
    snake=True,
)

DELAY = Fields(
    {
        "percentage": Field(percent(Share())),
        "percent": Field(Integer(0, 100)),
        "fixedDelay": Field(Duration()),
        "exponentialDelay": Field(Duration(), fate=Fate.REJECTED, note="use fixedDelay"),
    },
    snake=True,
)

ABORT = Fields(
    {
        "percentage": Field(percent(Share())),
        "httpStatus": Field(Integer(200, 599)),
        "grpcStatus": Field(Choice(GRPC)),
        "http2Error": Field(Text(), fate=Fate.REJECTED, note="use httpStatus"),
    },
    snake=True,
)

CORS = Fields(
    {
        "allowOrigin": Field(TEXTS),
        "allowOrigins": Field(Sequence(STRING_MATCH)),
        "allowMethods": Field(Sequence(Choice(METHODS))),
        "allowHeaders": Field(Sequence(Checked(cors_header_fault))),
        "exposeHeaders": Field(Sequence(Checked(cors_header_fault))),
        "maxAge": Field(Duration()),
        "allowCredentials": Field(Boolean()),
        "unmatchedPreflights": Field(Choice(("UNSPECIFIED", "FORWARD", "IGNORE"))),
    },
    snake=True,
)

MIRROR = Fields(
    {
        "destination": Field(DESTINATION, required=True),
        "percentage": Field(percent(Number(0, 100))),
    },
    snake=True,
)

COMPUTED = "of Envoy's operators those that docs/traffic.md lists; a host made of the request is refused"
WEIGHT = Field(Integer(0, 2**31 - 1))

HTTP_DESTINATION = Fields(
    {
        "destination": Field(DESTINATION, required=True),
        "weight": WEIGHT,
        "headers": Field(HEADERS, note=COMPUTED),
    },
    snake=True,
)


@dataclass(frozen=True, slots=True)
class Matches(Sequence):
    """A list of matches. Istio takes an empty element for one that matches everything."""

    def read(self, node: Node, path: str, reading: Reading) -> list[Any] | None:
        filled = [Node({}, item.where) if item.data is None else item for item in node.sequence]
        whole = Node(filled, node.where) if isinstance(node.data, list) else node
        return Sequence.read(self, whole, path, reading)


HTTP = Fields(
    {
        "match": Field(Matches(MATCH)),
        "route": Field(Sequence(HTTP_DESTINATION)),
        "redirect": Field(REDIRECT),
        "directResponse": Field(DIRECT_RESPONSE),
        "delegate": Field(Fields({"name": Field(Text()), "namespace": Field(Text())}, snake=True)),
        "rewrite": Field(REWRITE),
        "timeout": Field(Duration()),
        "retries": Field(RETRIES),
        "fault": Field(Fields({"delay": Field(DELAY), "abort": Field(ABORT)}, snake=True)),
        "mirror": Field(DESTINATION),
        "mirrors": Field(Sequence(MIRROR)),
        "mirrorPercent": Field(Integer(0, 100)),
        "mirrorPercentage": Field(percent(Number(0, 100))),
        "corsPolicy": Field(CORS, fate=Fate.IGNORED, note="the far side answers for its own origins"),
        "headers": Field(HEADERS, note=COMPUTED),
        "websocketUpgrade": Field(Boolean(), fate=Fate.IGNORED, note="WebSocket always passes"),
        "name": Field(Text()),
    },
    snake=True,
)
