"""Heads of HTTP/1 that every parser reads alike, read in one pass, and written in one.

Owns what counts as plain: one spelling of everything, no field that changes how a message ends or what its connection
becomes. What is not plain is no error here; it is read, and judged, where all of HTTP/1 is known. Pure.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from mitmproxy import http

from outgate.policy.headers import CONTROL_PREFIX, HOP_BY_HOP
from outgate.proxy.soundness import BODILESS

END = b"\r\n\r\n"
FIELDS = rb"((?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)+)"
REQUEST = re.compile(rb"([A-Z]{3,16}) (/[\x21-\x7e]*) (HTTP/1\.1)\r\n" + FIELDS)
RESPONSE = re.compile(rb"(HTTP/1\.1) ([2-5][0-9][0-9]) ([\t\x20-\x7e\x80-\xff]*)\r\n" + FIELDS)
LENGTH = re.compile(rb"0|[1-9][0-9]{0,8}")

KEEP = b"keep-alive"
CHUNKS = frozenset({b"transfer-encoding"})
ONCE = CHUNKS | {b"host", b"content-length", b"connection", b"content-type"}
"""Of which a second one says something else, or may."""
ELSEWHERE = frozenset({name.encode() for name in HOP_BY_HOP} - {b"connection"}) | {
    b"expect",
    b"http2-settings",
    b"trailer",
    b"transfer-encoding",
}
CONTROL = CONTROL_PREFIX.encode()

type Fields = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request whose whole body is here."""

    request: http.Request
    body: bytes
    close: bool
    """The workload wants the connection to end after the answer."""


def request(data: bytes, *, most_bytes: int, most_fields: int) -> Asked | None:
    """The one request that `data` is, no byte more and none missing; None where it is not plain."""
    end = data.find(END, 0, most_bytes) + 2
    if end < 2 or (found := REQUEST.fullmatch(data, 0, end)) is None:
        return None
    method, path, version, text = found.groups()
    fields = _fields(text)
    known = _known(fields)
    if known is None or len(fields) > most_fields or b"host" not in known or method == b"CONNECT":
        return None
    body = data[end + 2 :]
    if _length(known) != len(body):
        return None
    wish = known.get(b"connection", b"").lower()
    if wish not in (b"", b"keep-alive", b"close"):
        return None
    return Asked(_request(method, path, version, fields), body, wish == b"close")


def response(head: bytes, *, most_fields: int) -> tuple[http.Response, int | None] | None:
    """The final response to anything but HEAD whose head this is, with its last line end, and the bytes of its body:
    None for chunks. None in place of both where it is not plain, or where the connection ends with it."""
    if (found := RESPONSE.fullmatch(head)) is None:
        return None
    version, status, reason, text = found.groups()
    fields, code = _fields(text), int(status)
    known = _known(fields, CHUNKS)
    if known is None or len(fields) > most_fields or known.get(b"connection", KEEP).lower() != KEEP:
        return None
    chunks, announced = known.get(b"transfer-encoding"), b"content-length" in known
    if chunks is not None:
        plain = chunks.lower() == b"chunked" and not announced and code not in BODILESS
        return (_response(version, code, reason, fields), None) if plain else None
    length = _length(known)
    if length is None or not (announced or code in BODILESS):
        return None
    return _response(version, code, reason, fields), 0 if code in BODILESS else length


def written_request(request: http.Request, fields: Fields) -> bytes:
    """The head of a request in origin form, with these fields in place of its own."""
    data = request.data
    return b"%b %b %b\r\n%b\r\n" % (data.method, data.path, data.http_version, _written(fields))


def written_response(response: http.Response) -> bytes:
    data = response.data
    return b"%b %d %b\r\n%b\r\n" % (data.http_version, data.status_code, data.reason, _written(data.headers.fields))


def _written(fields: Fields) -> bytes:
    return b"".join([b"%b: %b\r\n" % field for field in fields])


def _fields(text: bytes) -> Fields:
    lines = text.split(b"\r\n")
    return tuple((name, value.strip()) for name, _, value in (line.partition(b":") for line in lines[:-1]))


def _known(fields: Fields, but: frozenset[bytes] = frozenset()) -> dict[bytes, bytes] | None:
    """Values by lower-case name; None where a name says that this is not plain, unless it is one of `but`."""
    known: dict[bytes, bytes] = {}
    for name, value in fields:
        lower = name.lower()
        if (lower in known and lower in ONCE) or (lower in ELSEWHERE and lower not in but) or lower.startswith(CONTROL):
            return None
        known[lower] = value
    return known


def _length(known: dict[bytes, bytes]) -> int | None:
    """The announced length of a body, 0 where there is none, None where it is not written plainly."""
    if (announced := known.get(b"content-length")) is None:
        return 0
    return int(announced) if LENGTH.fullmatch(announced) else None


def _request(method: bytes, path: bytes, version: bytes, fields: Fields) -> http.Request:
    """As mitmproxy would make it. Its constructor checks the type of each part, which is known here."""
    data, now = object.__new__(http.RequestData), time.time()
    data.__dict__.update(
        host="",
        port=0,
        method=method,
        scheme=b"",
        authority=b"",
        path=path,
        http_version=version,
        headers=_headers(fields),
        content=None,
        trailers=None,
        timestamp_start=now,
        timestamp_end=now,
    )
    made = object.__new__(http.Request)
    made.data = data
    return made


def copied(request: http.Request) -> http.Request:
    """The same head once more, to be changed; what it is made of was checked when it was read."""
    data, made = object.__new__(http.RequestData), object.__new__(http.Request)
    data.__dict__.update(request.data.__dict__)
    data.headers = _headers(request.data.headers.fields)
    made.data = data
    made.stream = request.stream
    return made


def _response(version: bytes, status: int, reason: bytes, fields: Fields) -> http.Response:
    data = object.__new__(http.ResponseData)
    data.__dict__.update(
        http_version=version,
        status_code=status,
        reason=reason,
        headers=_headers(fields),
        content=None,
        trailers=None,
        timestamp_start=time.time(),
        timestamp_end=None,
    )
    made = object.__new__(http.Response)
    made.data = data
    return made


def _headers(fields: Fields) -> http.Headers:
    made = object.__new__(http.Headers)
    made.fields = fields
    return made
