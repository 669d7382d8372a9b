"""From what is known of an attempt that is over, and what was taken down of it, to an exchange in plain values.

Owns that translation. It is made in the event loop, for what passed is to outlive this process as soon as it is over.
Values are as they passed: whoever is given the exchange redacts it before anything else.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from outgate.capture.wire import Plain, PlainBody, PlainRequest, PlainResponse, PlainTiming, PlainVerdict
from outgate.proxy.taps import TOO_LARGE, Half, Tap
from outgate.telemetry.event import Event, Fields

BROKEN_OFF = "broken_off"
EVENTS = b"text/event-stream"
EVENT_ENDS = re.compile(rb".*(?:\n\n|\r\n\r\n|\r\r)", re.DOTALL)
SWITCHED = 101
EMPTY: PlainBody = (b"", False, 0, "", ())
NOTHING: PlainBody = (b"", True, 0, "", ())
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


def exchanged(passed: Passed) -> Plain:
    event, tap = passed.event, passed.tap
    messages = [(each.after, each.from_client, each.text, each.content) for each in tap.messages]
    return (
        os.urandom(ID).hex(),
        event.started,
        _request(passed),
        _response(passed) if event.status else None,
        messages,
        tap.close_code,
        None,
        passed.failure,
        _verdict(event),
        _timing(event),
        _caller(event),
    )


def relayed(event: Event) -> Plain:
    """Of a tunnel or raw TCP, also of one that was refused."""
    relay = (event.named or event.address, event.port, event.sent, event.received, event.sni)
    verdict, timing, caller = _verdict(event), _timing(event), _caller(event)
    return (os.urandom(ID).hex(), event.started, None, None, (), 0, relay, event.error_type, verdict, timing, caller)


def media_types(event: Event) -> frozenset[str]:
    """Of both bodies, in lower case and without parameters."""
    values = (value_of(fields, b"content-type") for fields in (event.request_fields, event.response_fields))
    found = (value.partition(b";")[0].strip().lower().decode("latin-1") for value in values)
    return frozenset(kind for kind in found if kind)


def value_of(fields: Fields, name: bytes) -> bytes:
    """The first value of a field, empty where there is none."""
    return next((value for each, value in fields if each.lower() == name), b"")


def _request(passed: Passed) -> PlainRequest:
    event, attempt = passed.event, passed.event.attempt
    fields, host = event.request_fields, (attempt.host or attempt.address or "") if attempt is not None else ""
    whole = event.request_end is not None or not _announces(fields)
    return (
        event.method,
        "https" if event.encrypted else "http",
        host,
        event.port,
        event.path,
        event.protocol,
        fields,
        _body(passed.tap.request, passed.most, whole=whole, fields=fields),
        passed.request_trailers,
    )


def _response(passed: Passed) -> PlainResponse:
    event, half = passed.event, passed.tap.response
    if event.status == SWITCHED:
        body: PlainBody = (None, False, event.received, TOO_LARGE, ()) if passed.tap.cut else EMPTY
    else:
        body = _body(half, passed.most, whole=half.ended or not event.failure, fields=event.response_fields)
    return event.status, passed.reason, passed.protocol, event.response_fields, body, event.trailer_fields


def _announces(fields: Fields) -> bool:
    """Whether a body follows a head. In HTTP/2 one may follow unannounced."""
    return value_of(fields, b"content-length") not in (b"", b"0") or bool(value_of(fields, b"transfer-encoding"))


def _body(half: Half, most: int, *, whole: bool, fields: Fields) -> PlainBody:
    if whole and not (half.chunks or half.missing):
        return NOTHING
    content: bytes | bytearray | None = half.content
    missing = half.missing or (TOO_LARGE if half.size > most else "")
    if not missing and not whole:
        content = _events(half.content, fields)
        missing = BROKEN_OFF if content is None else ""
    return None if missing else content, _is_plain(fields), half.size, missing, half.chunks


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


def _verdict(event: Event) -> PlainVerdict:
    decision = event.decision
    source = decision.source if decision is not None else None
    destination = decision.destination if decision is not None else None
    return (
        event.verdict,
        event.code,
        event.reason,
        str(source) if source is not None else "",
        destination.key if destination is not None else "",
        event.generation,
    )


def _timing(event: Event) -> PlainTiming:
    first = event.last.phases.first_byte if event.last is not None else None
    return event.request_end, first, event.duration


def _caller(event: Event) -> str:
    """Where it is known. Never an address."""
    caller = event.caller
    if not (caller.namespace or caller.service_account):
        return ""
    return f"{caller.namespace}/{caller.service_account}"
