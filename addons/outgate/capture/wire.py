"""An exchange on its way to where it is redacted: plain values, which are bytes in no time, and the exchange again.

Owns the form, and that nothing else is in it. It goes from a gate to a process of the gate's own, through memory, and
is never kept. Plain, because it is made in the event loop: the neutral exchange takes several times as long.
"""

from __future__ import annotations

import marshal
from collections.abc import Sequence
from typing import Any, cast

from outgate.redact.exchange import (
    Body,
    Chunk,
    Exchange,
    Fields,
    Relayed,
    Request,
    Response,
    Timing,
    Verdict,
    WebSocketMessage,
)

EXCHANGE, POLICY = 1, 2
"""Kinds of frames: what is here, and the policy for all that follow it."""
VERSION = 2
"""Of marshal: later ones look for values that come twice, which takes longer than to write them twice."""

type Content = bytes | bytearray | None
type PlainBody = tuple[Content, bool, int, str, Sequence[tuple[float, int]]]
type PlainRequest = tuple[str, str, str, int, str, str, Fields, PlainBody, Fields]
type PlainResponse = tuple[int, str, str, Fields, PlainBody, Fields]
type PlainMessage = tuple[float, bool, bool, bytes]
type PlainRelayed = tuple[str, int, int, int, str]
type PlainVerdict = tuple[str, str, str, str, str, str]
type PlainTiming = tuple[float | None, float | None, float | None]
type Plain = tuple[
    str,
    float,
    PlainRequest | None,
    PlainResponse | None,
    Sequence[PlainMessage],
    int,
    PlainRelayed | None,
    str,
    PlainVerdict,
    PlainTiming,
    str,
]
"""Each has the fields of its namesake in `redact.exchange`, in their order."""


def packed(folder: str, plain: Plain) -> bytes:
    """An exchange for the capture in a folder. Raises `ValueError` for what is not of the form."""
    told: Any = (folder, plain)
    try:
        return marshal.dumps(told, VERSION)
    except ValueError:  # texts of a type of their own, such as members of an enumeration
        told = _exact(told)
        return marshal.dumps(told, VERSION)


def unpacked(payload: memoryview) -> tuple[str, Plain]:
    """What `packed` has made. Raises as it likes for anything else."""
    return cast(tuple[str, Plain], marshal.loads(payload))


def _exact(value: object) -> object:
    """The same of the built-in types alone."""
    match value:
        case tuple() | list():
            return tuple(map(_exact, value))
        case str():
            return "".join(value)
        case bool() | None | float() | bytes() | bytearray():
            return value
        case int():
            return int(value)
    raise ValueError(f"{type(value).__name__} is no value of an exchange")


def exchange_of(plain: Plain) -> Exchange:
    name, started, request, response, messages, close_code, relayed, error, verdict, timing, caller = plain
    return Exchange(
        id=name,
        started=started,
        request=_request(request) if request is not None else None,
        response=_response(response) if response is not None else None,
        messages=tuple(WebSocketMessage(*each) for each in messages),
        close_code=close_code,
        relayed=Relayed(*relayed) if relayed is not None else None,
        error=error,
        verdict=Verdict(*verdict),
        timing=Timing(*timing),
        caller=caller,
    )


def _request(plain: PlainRequest) -> Request:
    method, scheme, host, port, target, protocol, fields, body, trailers = plain
    return Request(method, scheme, host, port, target, protocol, fields, _body(body), trailers)


def _response(plain: PlainResponse) -> Response:
    status, reason, protocol, fields, body, trailers = plain
    return Response(status, reason, protocol, fields, _body(body), trailers)


def _body(plain: PlainBody) -> Body:
    content, decoded, size, missing, chunks = plain
    kept = bytes(content) if content is not None else None
    return Body(kept, decoded, size, missing, tuple(Chunk(*each) for each in chunks))
