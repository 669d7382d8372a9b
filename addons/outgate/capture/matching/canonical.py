"""A request as what it means: two that mean the same are equal in every value, however they were written.

Owns the form, and what does not count: names that change from call to call, and places where redaction put something
that no client will send again. Those are wild: any value fits there, and an equal one fits better. A replacement of the
same format is none of them, for a client sends it back as it got it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from outgate.capture.matching.bodies import meaning
from outgate.capture.matching.documents import of_query
from outgate.capture.matching.forms import pairs
from outgate.capture.matching.values import Meaning, Value
from outgate.policy.redaction_model import Strategy
from outgate.redact import places
from outgate.redact.decoding import Bounds, codings, decode
from outgate.redact.exchange import Body, Fields, Request
from outgate.redact.redacted import Manifest
from outgate.redact.unpacking import Undecodable

# fmt: off
VOLATILE = frozenset(
    (
        "_", "cachebuster", "cache_buster",
        "nonce", "oauth_nonce", "oauth_timestamp", "oauth_signature",
        "timestamp", "ts", "expires", "signature", "sig", "hmac",
        "clienttoken", "client_token", "idempotencykey", "idempotency-key", "idempotency_key",
        "requestid", "request_id", "traceparent", "tracestate",
        "awsaccesskeyid", "x-amz-credential", "x-amz-date", "x-amz-security-token", "x-amz-signature",
        "x-goog-credential", "x-goog-date", "x-goog-signature",
    )
)
# fmt: on
"""Names of parameters, fields and keys whose values are new with each call."""
HINTS = ("accept", "accept-language", "range", "if-none-match", "if-modified-since", "if-match", "content-type")
"""Headers that speak for one of several exchanges."""
SCHEMES = {"ws": "http", "wss": "https"}
EXACT = frozenset({Strategy.FORMAT, Strategy.KEEP})
"""What leaves a value that a client sends back."""
BODY = places.body("request")
BOUNDS = Bounds(64 * 1024 * 1024)


class Address(NamedTuple):
    """Where a request goes."""

    method: str
    scheme: str
    host: str
    port: int
    path: tuple[str, ...]
    """Segments, without percent signs."""


@dataclass(frozen=True, slots=True)
class Canonical:
    """`values` by place. `wild`: where any value fits; what is below or around such a place, too."""

    address: Address
    values: Mapping[str, Value]
    hints: Mapping[str, Value]
    form: str
    """How its body was read."""
    wild: frozenset[str] = frozenset()


def canonical(request: Request, manifest: Manifest | None = None) -> Canonical:
    """`manifest`: what was done to it, where it was recorded."""
    content = content_of(request.body, request.fields)
    body = Meaning("", {}) if content is None else meaning(content, field(request.fields, b"content-type"))
    return Canonical(
        address_of(request),
        {**_asked(request), **{places.body("request", at): value for at, value in body.values.items()}},
        {**_hints(request.fields), **{places.body("request", at): value for at, value in body.hints.items()}},
        body.form,
        wild_of(request, manifest),
    )


def address_of(request: Request) -> Address:
    path, _, _ = request.target.partition("?")
    return Address(
        request.method,
        SCHEMES.get(request.scheme, request.scheme),
        request.host.lower().rstrip("."),
        request.port,
        tuple(map(_unescaped, path.split("/")[1:])),
    )


def wild_of(request: Request, manifest: Manifest | None) -> frozenset[str]:
    """The wild places of a recorded request."""
    marks = manifest.marks if manifest is not None else ()
    dropped = manifest.dropped if manifest is not None else ()
    marked = {mark.where for mark in marks if mark.strategy not in EXACT and mark.where.startswith("request.")}
    gone = request.body.content is None or any(where == BODY for where, _ in dropped)
    return frozenset(marked | {BODY} if gone else marked)


def _unescaped(segment: str) -> str:
    return unquote_to_bytes(segment.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")


def _asked(request: Request) -> dict[str, Value]:
    """The values of its query. The order of names does not count, nor that of several values of one name."""
    _, _, query = request.target.partition("?")
    asked = pairs(query.encode("utf-8", "surrogateescape"))
    if (told := of_query({name: several[-1] for name, several in asked.items()})) is not None:
        return {f"request.query.{places.written(at)}": value for at, value in told.values.items()}
    return {
        places.named("request", "query", name): Value(name.lower(), "string", tuple(sorted(several)))
        for name, several in asked.items()
    }


def content_of(body: Body, fields: Fields) -> bytes | None:
    """A body without its codings; as it is where they cannot be undone, and None where it was not kept."""
    if body.content is None or body.decoded:
        return body.content
    try:
        names = codings(value for name, value in fields if name.lower() == b"content-encoding")
        return decode(body.content, names, BOUNDS)
    except Undecodable:
        return body.content


def field(fields: Fields, wanted: bytes) -> str:
    """The first one of a name in lower case."""
    return next((value.decode("latin-1").strip() for name, value in fields if name.lower() == wanted), "")


def _hints(fields: Fields) -> dict[str, Value]:
    said = {name: field(fields, name.encode()) for name in HINTS}
    said["content-type"] = said["content-type"].partition(";")[0].strip().lower()
    return {f"header.{name}": Value(name, "header", value) for name, value in said.items() if value}


def free(place: str, value: Value | None, wild: frozenset[str], volatile: frozenset[str]) -> bool:
    """Whether any value fits at a place: by its name, or because it is a wild one, in one, or around one."""
    if value is not None and value.name in volatile:
        return True
    return place in wild or any(_within(place, each) or _within(each, place) for each in wild)


def _within(place: str, whole: str) -> bool:
    return place.startswith(whole) and place[len(whole) : len(whole) + 1] in (".", "[")
