"""Operators about bytes: bodies, headers, and what went over the wire.

Owns the reckoning. Bodies are counted; what surrounds them is reckoned from the headers, as HTTP/1.1 writes them and
without chunks: of HTTP/2 it is the size before compression. On a relay every byte is counted.
"""

from __future__ import annotations

from collections.abc import Callable

from outgate.telemetry.event import Event, Fields
from outgate.telemetry.operators.kinds import Read, plain

STATUS_LINE = len("HTTP/1.1 200 \r\n")


def headers(fields: Fields) -> int:
    """Names and values alone."""
    return sum(len(name) + len(value) for name, value in fields)


def _written(fields: Fields) -> int:
    return headers(fields) + 4 * len(fields) + 2 if fields else 0


def _request_head(event: Event) -> int:
    line = len(event.method) + len(event.path.encode("utf-8", "surrogateescape")) + len(" HTTP/1.1\r\n") + 1
    return line + _written(event.request_fields) if event.method else 0


def _response_head(event: Event) -> int:
    return STATUS_LINE + _written(event.response_fields) if event.status else 0


def _asked(event: Event) -> int:
    return _request_head(event) + event.sent


def _answered(event: Event) -> int:
    return _response_head(event) + event.received + _written(event.trailer_fields)


def _beyond(size: Callable[[Event], int]) -> Read:
    """The same towards the origin; 0 where it did not come to that."""
    return lambda event: size(event) if event.last is not None and event.last.local is not None else 0


OPERATORS = {
    "BYTES_RECEIVED": plain("bytes of body from the workload; of a relay, all", lambda event: event.sent),
    "BYTES_SENT": plain("bytes of body to the workload; of a relay, all", lambda event: event.received),
    "REQUEST_HEADERS_BYTES": plain("names and values", lambda event: headers(event.request_fields)),
    "RESPONSE_HEADERS_BYTES": plain("names and values", lambda event: headers(event.response_fields)),
    "RESPONSE_TRAILERS_BYTES": plain("names and values", lambda event: headers(event.trailer_fields)),
    "DOWNSTREAM_WIRE_BYTES_RECEIVED": plain("head and body from the workload", _asked),
    "DOWNSTREAM_WIRE_BYTES_SENT": plain("head and body to the workload", _answered),
    "UPSTREAM_WIRE_BYTES_SENT": plain("head and body to the origin", _beyond(_asked)),
    "UPSTREAM_WIRE_BYTES_RECEIVED": plain("head and body from the origin", _beyond(_answered)),
    "DOWNSTREAM_HEADER_BYTES_RECEIVED": plain("the head from the workload", _request_head),
    "DOWNSTREAM_HEADER_BYTES_SENT": plain("the head to the workload", _response_head),
    "UPSTREAM_HEADER_BYTES_SENT": plain("the head to the origin", _beyond(_request_head)),
    "UPSTREAM_HEADER_BYTES_RECEIVED": plain("the head from the origin", _beyond(_response_head)),
}
