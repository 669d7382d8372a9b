"""From what is known of an attempt that is over, and what was taken down of it, to the neutral exchange.

Owns that translation, which is made away from the event loop. Values are as they passed: whoever is given the exchange
redacts it before anything else.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from outgate.proxy.taps import TOO_LARGE, Half, Tap
from outgate.redact import exchange as neutral
from outgate.telemetry.event import Event, Fields

BROKEN_OFF = "broken_off"
EVENTS = b"text/event-stream"
EVENT_ENDS = re.compile(rb".*(?:\n\n|\r\n\r\n|\r\r)", re.DOTALL)
SWITCHED = 101
NOTHING = neutral.Body(decoded=True)
ID = 16
"""Bytes."""


class Passed(NamedTuple):
    """An exchange of HTTP that is over. `most`: bytes of a body that are kept."""

    event: Event
    tap: Tap
    most: int
    failure: str = ""
    """Low in number; empty where all went well."""
    reason: str = ""
    protocol: str = ""
    """Of the response, as the next is."""
    request_trailers: Fields = ()


def exchanged(passed: Passed) -> neutral.Exchange:
    event, tap = passed.event, passed.tap
    return neutral.Exchange(
        id=os.urandom(ID).hex(),
        started=event.started,
        request=_request(passed),
        response=_response(passed) if event.status else None,
        messages=tuple(tap.messages),
        close_code=tap.close_code,
        error=passed.failure,
        verdict=_verdict(event),
        timing=_timing(event),
        caller=_caller(event),
    )


def relayed(event: Event) -> neutral.Exchange:
    """Of a tunnel or raw TCP, also of one that was refused."""
    host = event.named or event.address
    return neutral.Exchange(
        id=os.urandom(ID).hex(),
        started=event.started,
        relayed=neutral.Relayed(host, event.port, event.sent, event.received, event.sni),
        error=event.error_type,
        verdict=_verdict(event),
        timing=_timing(event),
        caller=_caller(event),
    )


def media_types(event: Event) -> frozenset[str]:
    """Of both bodies, in lower case and without parameters."""
    values = (value_of(fields, b"content-type") for fields in (event.request_fields, event.response_fields))
    found = (value.partition(b";")[0].strip().lower().decode("latin-1") for value in values)
    return frozenset(kind for kind in found if kind)


def value_of(fields: Fields, name: bytes) -> bytes:
    """The first value of a field, empty where there is none."""
    return next((value for each, value in fields if each.lower() == name), b"")


def _request(passed: Passed) -> neutral.Request:
    event, attempt = passed.event, passed.event.attempt
    host = (attempt.host or attempt.address or "") if attempt is not None else ""
    whole = event.request_end is not None or not _announces(event.request_fields)
    return neutral.Request(
        method=event.method,
        scheme="https" if event.encrypted else "http",
        host=host,
        port=event.port,
        target=event.path,
        protocol=event.protocol,
        fields=event.request_fields,
        body=_body(passed.tap.request, passed.most, whole=whole, fields=event.request_fields),
        trailers=passed.request_trailers,
    )


def _response(passed: Passed) -> neutral.Response:
    event, half = passed.event, passed.tap.response
    if event.status == SWITCHED:
        body = neutral.Body(None, size=event.received, missing=TOO_LARGE) if passed.tap.cut else neutral.Body()
    else:
        body = _body(half, passed.most, whole=half.ended or not event.failure, fields=event.response_fields)
    return neutral.Response(
        status=event.status,
        reason=passed.reason,
        protocol=passed.protocol,
        fields=event.response_fields,
        body=body,
        trailers=event.trailer_fields,
    )


def _announces(fields: Fields) -> bool:
    """Whether a body follows a head. In HTTP/2 one may follow unannounced."""
    return value_of(fields, b"content-length") not in (b"", b"0") or bool(value_of(fields, b"transfer-encoding"))


def _body(half: Half, most: int, *, whole: bool, fields: Fields) -> neutral.Body:
    if whole and not (half.chunks or half.missing):
        return NOTHING
    chunks = tuple(neutral.Chunk(after, size) for after, size in half.chunks)
    content: bytes | None = bytes(half.content)
    missing = half.missing or (TOO_LARGE if half.size > most else "")
    if not missing and not whole:
        content = _events(half.content, fields)
        missing = BROKEN_OFF if content is None else ""
    return neutral.Body(None if missing else content, _is_plain(fields), half.size, missing, chunks)


def _is_plain(fields: Fields) -> bool:
    """Whether no content coding is named, not even an empty one: more may be named behind it."""
    return all(name.lower() != b"content-encoding" for name, _ in fields)


def _events(content: bytearray, fields: Fields) -> bytes | None:
    """Of a stream of events that was broken off, those that are whole: that is how most of them end."""
    kind = value_of(fields, b"content-type").partition(b";")[0].strip().lower()
    if kind != EVENTS or value_of(fields, b"content-encoding"):
        return None
    found = EVENT_ENDS.match(content)
    return found.group() if found is not None else b""


def _verdict(event: Event) -> neutral.Verdict:
    decision = event.decision
    source = decision.source if decision is not None else None
    destination = decision.destination if decision is not None else None
    return neutral.Verdict(
        event.verdict,
        event.code,
        event.reason,
        str(source) if source is not None else "",
        destination.key if destination is not None else "",
        event.generation,
    )


def _timing(event: Event) -> neutral.Timing:
    first = event.last.phases.first_byte if event.last is not None else None
    return neutral.Timing(event.request_end, first, event.duration)


def _caller(event: Event) -> str:
    """Where it is known. Never an address."""
    caller = event.caller
    if not (caller.namespace or caller.service_account):
        return ""
    return f"{caller.namespace}/{caller.service_account}"
