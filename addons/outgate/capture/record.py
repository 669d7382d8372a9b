"""A kept exchange as one line of JSON; `recorded` reads it back.

Owns the form, which is stable under its schema's name: fields may be added, none changes its meaning. What is empty is
left out. Bytes of fields are written as Latin-1, which has a character for each; bodies as text where they are UTF-8,
and in base64 where they are not. Only what is `Redacted` can be written.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import orjson

from outgate.redact.exchange import (
    Body,
    Fields,
    Relayed,
    Request,
    Response,
    Timing,
    Verdict,
    WebSocketMessage,
)
from outgate.redact.redacted import Manifest, Redacted

SCHEMA = "outgate.dev/capture/v1"

type Content = Mapping[str, Any]


def write(kept: Redacted) -> bytes:
    """The record, with its line end."""
    content = record(kept)
    try:
        return orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # text that came of bytes which are no UTF-8 has lone surrogates, which are escaped here
        return json.dumps(content, separators=(",", ":")).encode() + b"\n"


def record(kept: Redacted) -> Content:
    """The same as an object of JSON."""
    if not isinstance(kept, Redacted):
        raise TypeError(f"{type(kept).__name__} cannot be kept; only what the pipeline has been over can")
    exchange = kept.exchange
    return {
        "schema": SCHEMA,
        "id": exchange.id,
        "started": exchange.started,
        **_some(
            caller=exchange.caller,
            verdict=_verdict(exchange.verdict),
            request=_request(exchange.request),
            response=_response(exchange.response),
            messages=[_message(each) for each in exchange.messages],
            close_code=exchange.close_code,
            relayed=_relayed(exchange.relayed),
            error=exchange.error,
            timing=_timing(exchange.timing),
            redaction=redaction(kept.manifest),
        ),
    }


def _some(**content: object) -> Content:
    """What is not empty."""
    return {name: value for name, value in content.items() if value}


def _verdict(verdict: Verdict) -> Content:
    return {
        "verdict": verdict.verdict,
        **_some(
            code=verdict.code,
            reason=verdict.reason,
            rule=verdict.rule,
            destination=verdict.destination,
            generation=verdict.generation,
        ),
    }


def _request(request: Request | None) -> Content | None:
    if request is None:
        return None
    return {
        "method": request.method,
        "scheme": request.scheme,
        "host": request.host,
        "port": request.port,
        "target": request.target,
        "protocol": request.protocol,
        **_message_of(request),
    }


def _response(response: Response | None) -> Content | None:
    if response is None:
        return None
    return {
        "status": response.status,
        **_some(reason=response.reason),
        "protocol": response.protocol,
        **_message_of(response),
    }


def _message_of(message: Request | Response) -> Content:
    return _some(fields=_fields(message.fields), body=_body(message.body), trailers=_fields(message.trailers))


def _fields(fields: Fields) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields]


def _body(body: Body) -> Content:
    """An empty object where there is none; `kept` is false where it is not here."""
    content = {"kept": False} if body.content is None else packed(body.content) if body.content else {}
    facts = _some(
        decoded=body.decoded,
        size=body.size,
        missing=body.missing,
        chunks=[(chunk.after, chunk.size) for chunk in body.chunks],
    )
    return {**content, **facts}


def packed(content: bytes) -> Content:
    """Bytes as text, or in base64."""
    try:
        return {"text": content.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode("ascii")}


def _message(message: WebSocketMessage) -> Content:
    return {
        "after": message.after,
        "from": "client" if message.from_client else "server",
        "type": "text" if message.text else "binary",
        **packed(message.content),
    }


def _relayed(relayed: Relayed | None) -> Content | None:
    if relayed is None:
        return None
    return {
        "host": relayed.host,
        "port": relayed.port,
        **_some(sent=relayed.sent, received=relayed.received, sni=relayed.sni),
    }


def _timing(timing: Timing) -> Content:
    known = {"request_end": timing.request_end, "first_byte": timing.first_byte, "end": timing.end}
    return {name: value for name, value in known.items() if value is not None}


def redaction(manifest: Manifest) -> Content:
    """What was done, as it stands in a record."""
    return _some(
        policy=manifest.policy,
        marks=[(mark.where, mark.rule, mark.strategy) for mark in manifest.marks],
        dropped=list(manifest.dropped),
    )
