"""The translation between mitmproxy's flows and the messages that rules are about, in both directions.

Owns what of a flow is looked at, and writing back what may go on. Judges nothing but that a message is no piece of
another one.
"""

from __future__ import annotations

from mitmproxy import http

from outgate.redact.codecs.utf8 import encoded
from outgate.redact.exchange import Body, Fields, Request, Response
from outgate.redact.live.digests import without
from outgate.redact.live.look import Either
from outgate.redact.live.rules import Rules
from outgate.redact.live.signatures import covered
from outgate.redact.live.verdict import Refused, Why

PARTIAL, NOT_SATISFIABLE = 206, 416


def message_of(flow: http.HTTPFlow, *, sending: bool, whole: bool) -> Either:
    """The request or the answer, or only its head."""
    if sending:
        return _request(flow.request, whole=whole)
    assert flow.response is not None
    return _response(flow.response, whole=whole)


def _request(asked: http.Request, *, whole: bool) -> Request:
    data = asked.data
    return Request(
        asked.method,
        asked.scheme,
        data.host,
        data.port,
        asked.path,
        fields=data.headers.fields,
        body=Body((data.content or b"") if whole else b""),
        trailers=_trailers(asked, whole=whole),
    )


def _response(answer: http.Response, *, whole: bool) -> Response:
    return Response(
        answer.status_code,
        answer.reason,
        fields=answer.data.headers.fields,
        body=Body((answer.data.content or b"") if whole else b""),
        trailers=_trailers(answer, whole=whole),
    )


def _trailers(message: http.Message, *, whole: bool) -> Fields:
    return message.trailers.fields if whole and message.trailers is not None else ()


def write(flow: http.HTTPFlow, made: Either, *, whole: bool) -> None:
    """What may go on, back into the flow."""
    message: http.Request | http.Response
    if isinstance(made, Request):
        message = flow.request
        message.data.path = encoded(made.target)
    else:
        assert flow.response is not None
        message = flow.response
        message.data.reason = made.reason.encode("latin-1", "replace")
    message.headers = http.Headers(made.fields)
    if whole:
        _write_body(message, made)


def _write_body(message: http.Request | http.Response, made: Either) -> None:
    content = made.body.content or b""
    if content != (message.data.content or b""):
        message.data.content = content
        if "content-length" in message.headers:
            message.headers["content-length"] = str(len(content))
    if message.trailers is not None:
        message.trailers = http.Headers(made.trailers)


def bare(request: http.Request) -> None:
    """Leave nothing of a request that somebody chose, but where it was to go."""
    request.data.path, request.headers = b"/", http.Headers()
    if not request.data.method.isalpha():
        request.data.method = b""


def must_be_whole(message: Either, rules: Rules) -> None:
    """Raises `Refused` for a piece of something: what begins in another one is seen in neither."""
    ranged = bool(value_of(message.fields, b"content-range"))
    if isinstance(message, Response):
        ranged = message.status == PARTIAL or (ranged and message.status != NOT_SATISFIABLE)
    if ranged:
        raise Refused(Why.PARTIAL, "the body is a piece of another one", rules.strictest)


def loosen(message: http.Request | http.Response) -> None:
    """Announce neither a length nor a digest of a body that is still to come."""
    message.headers = http.Headers(without(message.headers.fields))
    message.headers.pop("content-length", None)
    if not message.is_http2:
        message.data.http_version = b"HTTP/1.1"
        message.headers["transfer-encoding"] = "chunked"


def signed(request: http.Request) -> bool:
    return bool(covered(request.headers.fields, request.path).by)


def value_of(fields: Fields, name: bytes) -> str:
    """The first value of a field, empty where there is none."""
    return next((value.decode("latin-1") for each, value in fields if each.lower() == name), "")
