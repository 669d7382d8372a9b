"""Operators about what was asked and answered in HTTP: headers, trailers, path, query.

Owns what stands in for headers that the gate does not send: the request's identifier, the original path, and the time
that the origin took. Every value passes through `Showing`.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote, unquote_plus

from outgate.telemetry import timeline
from outgate.telemetry.event import Event, Fields
from outgate.telemetry.operators.kinds import Operator, Read, Value, chosen, needed
from outgate.telemetry.showing import Showing, find

type Special = Callable[[Showing], Read]


def authority(event: Event) -> str | None:
    """What the request was for: as the workload wrote it, or as it was verified."""
    for name in (b":authority", b"host"):
        if value := find(event.request_fields, name):
            return value.decode("utf-8", "surrogateescape").rpartition("@")[2]
    if not event.host or event.port in (0, 443 if event.encrypted else 80):
        return event.host or None
    return f"{event.host}:{event.port}"


def _identifier(showing: Showing) -> Read:
    """The workload's own; the gate's where it has none."""
    return lambda event: _field(event, event.request_fields, "x-request-id", showing) or event.request_id or None


def _service_time(showing: Showing) -> Read:
    """Measured; an origin behind Envoy sends one of its own."""

    def read(event: Event) -> Value:
        taken = timeline.service_time(event)
        if taken is not None:
            return str(round(taken * 1000))
        return _field(event, event.response_fields, "x-envoy-upstream-service-time", showing)

    return read


REQUEST: dict[str, Special] = {
    ":method": lambda showing: lambda event: event.method,
    ":path": lambda showing: showing.path,
    ":authority": lambda showing: authority,
    ":scheme": lambda showing: lambda event: "https" if event.encrypted else "http",
    "host": lambda showing: authority,
    "x-request-id": _identifier,
    "x-envoy-original-path": lambda showing: showing.path,
    "x-envoy-original-host": lambda showing: authority,
}
RESPONSE: dict[str, Special] = {
    ":status": lambda showing: lambda event: str(event.status) if event.status else None,
    "x-envoy-upstream-service-time": _service_time,
}


def _field(event: Event, fields: Fields, name: str, showing: Showing) -> Value:
    value = find(fields, name.encode("latin-1", "replace"))
    return None if value is None else showing.header(event, name, value)


def _headers(says: str, fields: Callable[[Event], Fields], specials: dict[str, Special]) -> Operator:
    """`X?Y`: the header X; where it is not set, Y."""

    def one(name: str, showing: Showing) -> Read:
        if (special := specials.get(name)) is not None:
            return special(showing)
        key = name.encode("latin-1", "replace")

        def read(event: Event) -> Value:
            value = find(fields(event), key)
            return None if value is None else showing.header(event, name, value)

        return read

    def compiler(argument: str | None, showing: Showing) -> Read:
        main, mark, other = needed(argument, "the name of a header").strip().lower().partition("?")
        if not main or (mark and not other) or "?" in other:
            raise ValueError(f'does not take "{argument}"; write a header, or two as X?Y')
        first = one(main, showing)
        if not other:
            return lambda event: first(event) if event.kind == "http" else None
        second = one(other, showing)

        def read(event: Event) -> Value:
            if event.kind != "http":
                return None
            value = first(event)
            return second(event) if value is None else value

        return read

    return Operator(says, compiler, takes="X?Y", cut=True)


def _path(argument: str | None, showing: Showing) -> Read:
    words, _, source = (argument or "").partition(":")
    whole = chosen(words, ("WQ", "NQ")) == "WQ"
    chosen(source, ("ORIG_OR_PATH", "ORIG", "PATH"))  # what was sent is both

    def read(event: Event) -> Value:
        if not event.path:
            return None
        path = showing.path(event)
        return path if whole else path.partition("?")[0]

    return read


def _parameter(argument: str | None, showing: Showing) -> Read:
    wanted = needed(argument, "the name of a parameter")

    def read(event: Event) -> Value:
        for pair in showing.path(event).partition("?")[2].split("&"):
            name, equals, value = pair.partition("=")
            if equals and unquote_plus(name) == wanted:
                return unquote_plus(value)
        return None

    return read


def _parameters(argument: str | None, showing: Showing) -> Read:
    decodes = chosen(argument, ("ORIG", "DECODED")) == "DECODED"

    def read(event: Event) -> Value:
        query = showing.path(event).partition("?")[2]
        return (unquote(query) if decodes else query) or None

    return read


_REQUEST = _headers("a header of the request", lambda event: event.request_fields, REQUEST)
_RESPONSE = _headers("a header of the answer", lambda event: event.response_fields, RESPONSE)
_TRAILER = _headers("a trailer of the answer", lambda event: event.trailer_fields, {})

OPERATORS = {
    "REQ": _REQUEST,
    "REQUEST_HEADER": _REQUEST,
    "RESP": _RESPONSE,
    "RESPONSE_HEADER": _RESPONSE,
    "TRAILER": _TRAILER,
    "RESPONSE_TRAILER": _TRAILER,
    "PATH": Operator("the path, with its redacted query or without", _path, takes="WQ or NQ:SOURCE", cut=True),
    "QUERY_PARAM": Operator("a parameter of the query, redacted", _parameter, takes="X", cut=True),
    "QUERY_PARAMS": Operator("the query, redacted", _parameters, takes="ORIG or DECODED", cut=True),
}
