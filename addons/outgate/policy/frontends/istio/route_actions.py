"""What one HTTP route does beside leading somewhere: redirect, answer, rewrite, headers, time, retries, faults.

Owns the translation of these blocks. Where a route leads is `route_making.py`'s, what the blocks ask of each other
`http_checks.py`'s.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from outgate.policy.frontends.istio.common import unapplied
from outgate.policy.frontends.istio.envoy_format import literal_value
from outgate.policy.frontends.istio.http_route import AUTHORITY, GRPC
from outgate.policy.header_formats import header_value
from outgate.policy.model import Source
from outgate.policy.rewriting import substitution_fault
from outgate.policy.route_model import (
    UNCHANGED,
    Abort,
    Backoff,
    Delay,
    DirectResponse,
    Events,
    Fault,
    HeaderChange,
    HeaderValue,
    Redirect,
    RetryPolicy,
    Rewrite,
)
from outgate.policy.schema import Reading, Record

RETRY_ON = Events({"connect-failure", "refused-stream", "unavailable", "cancelled", "retriable-status-codes"})
RETRIES = RetryPolicy(2, on=RETRY_ON, any_method=True)
"""Istio's, where nobody says anything."""
REDIRECTS = (301, 302, 303, 307, 308)
PARTS = 10
"""As many times the first pause is the longest one, as in Envoy."""


def redirect(record: Record | None, port: int, reading: Reading) -> Redirect | None:
    """`port`: on which the request arrives."""
    if record is None:
        return None
    derived = record.get("derivePort")
    code = record.get("redirectCode") or 301
    if code not in REDIRECTS:
        what = f"{code} is none that can be made, and 301 is answered"
        reading.warn(record.at("redirectCode"), record.under("redirectCode"), what, "use 301, 302, 303, 307 or 308")
        code = 301
    return Redirect(
        status=code,
        scheme=record.get("scheme") or None,
        authority=record.get("authority") or None,
        port=(record.get("port") or None) if derived != "FROM_REQUEST_PORT" else port,
        port_of_scheme=derived == "FROM_PROTOCOL_DEFAULT",
        path=record.get("uri") or None,
        prefix=record.get("prefixRewrite") or None,
    )


def direct(record: Record | None, reading: Reading) -> DirectResponse | None:
    if record is None:
        return None
    body: Record | None = record.get("body")
    content = b""
    if body is not None and "bytes" in body:
        try:
            content = base64.b64decode(body.get("bytes"), validate=True)
        except binascii.Error:
            reading.error(body.at("bytes"), body.under("bytes"), "is not base64", "write string instead")
    elif body is not None:
        content = body.get("string", "").encode("utf-8", "surrogateescape")
    return DirectResponse(record.get("status", 0), content)


def rewrite(route: Record, reading: Reading) -> Rewrite | None:
    """What is rewritten, the host that a route's headers set included."""
    record: Record | None = route.get("rewrite")
    authority = (record.get("authority") if record is not None else "") or authority_set(route.get("headers")) or None
    uri = (record.get("uri") or None) if record is not None else None
    expression: Record | None = record.get("uriRegexRewrite") if record is not None and uri is None else None
    if authority is None and uri is None and expression is None:
        return None
    pattern = expression.get("match") if expression is not None else None
    substitution = expression.get("rewrite", "") if expression is not None else ""
    if expression is not None and pattern is not None and (fault := substitution_fault(pattern, substitution)):
        reading.error(
            expression.at("rewrite"), expression.under("rewrite"), fault, "write \\1 to \\9 for the groups of match"
        )
    return Rewrite(prefix=uri, pattern=pattern, substitution=substitution, authority=authority)


def authority_set(headers: Record | None) -> str:
    """The host that operations on a request set; empty where they leave it."""
    request: Record | None = headers.get("request") if headers is not None else None
    for verb in ("set", "add") if request is not None else ():
        for name, item in request.get(verb, {}).items() if request is not None else ():
            if name.lower() in AUTHORITY:
                value: str = literal_value(item.value) or ""
                return value
    return ""


def changes(headers: Record | None, side: str, reading: Reading) -> HeaderChange:
    """The operations on the head of a `request` or a `response`, the host left out."""
    operations: Record | None = headers.get(side) if headers is not None else None
    if operations is None:
        return UNCHANGED
    return HeaderChange(
        set=tuple(_pairs(operations, "set", reading)),
        add=tuple(_pairs(operations, "add", reading)),
        remove=tuple(item.value.lower() for item in operations.get("remove", [])),
    )


def _pairs(operations: Record, verb: str, reading: Reading) -> Iterator[tuple[str, HeaderValue]]:
    for name, item in operations.get(verb, {}).items():
        if name.lower() in AUTHORITY:
            if literal_value(item.value) is None:
                unapplied(reading, item.where, item.path, "the host is made of the request")
            continue
        try:
            yield name, header_value(item.value)
        except ValueError as error:
            unapplied(reading, item.where, item.path, str(error))


def retries(record: Record | None, usual: RetryPolicy | None) -> RetryPolicy | None:
    """What a block says, or what holds where there is none."""
    if record is None:
        return usual
    attempts = record.get("attempts", 0)
    if not attempts:
        return None
    on, statuses = retried(record.get("retryOn", ""))
    base = record.get("backoff", Backoff().base)
    return RetryPolicy(
        attempts,
        on=on or RETRY_ON,
        statuses=statuses,
        any_method=True,
        per_try_timeout=record.get("perTryTimeout"),
        backoff=Backoff(base, PARTS * base),
        other_hosts=record.get("retryIgnorePreviousHosts", True),
    )


def retried(text: str) -> tuple[Events, tuple[int, ...]]:
    """The conditions and the statuses of a comma-separated list; a status implies that statuses are looked at."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    statuses = tuple(dict.fromkeys(int(name) for name in names if name.isdecimal()))
    on = {name for name in names if not name.isdecimal()} | ({"retriable-status-codes"} if statuses else set())
    return Events(on), statuses


def fault(record: Record | None, source: Source, reading: Reading) -> tuple[Fault, ...]:
    if record is None:
        return ()
    delay, abort = _delay(record.get("delay"), reading), _abort(record.get("abort"), reading)
    return (Fault(delay, abort, source=source),) if delay is not None or abort is not None else ()


def _delay(record: Record | None, reading: Reading) -> Delay | None:
    if record is None or "fixedDelay" not in record:
        return None
    percent = _percent(record, reading)
    return Delay(record.get("fixedDelay"), percent) if percent else None


def _abort(record: Record | None, reading: Reading) -> Abort | None:
    if record is None or not {"httpStatus", "grpcStatus"} & record.places.keys():
        return None
    percent = _percent(record, reading)
    if not percent:
        return None
    if "grpcStatus" in record:
        return Abort(grpc_status=GRPC.index(record.get("grpcStatus")), percent=percent)
    return Abort(record.get("httpStatus"), percent=percent)


def _percent(record: Record, reading: Reading) -> float:
    share: Record | None = record.get("percentage")
    percent = float(share.get("value", 0)) if share is not None else float(record.get("percent", 0))
    if not percent:
        reading.warn(record.where, record.path, "happens to 0 % of requests, which is never", "give a percentage")
    return percent
