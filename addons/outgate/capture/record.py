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
    made = {"schema": SCHEMA, "id": exchange.id, "started": exchange.started}
    some = {
        "caller": exchange.caller,
        "verdict": _verdict(exchange.verdict),
        "request": exchange.request and _request(exchange.request),
        "response": exchange.response and _response(exchange.response),
        "messages": exchange.messages and [_message(each) for each in exchange.messages],
        "close_code": exchange.close_code,
        "relayed": exchange.relayed and _relayed(exchange.relayed),
        "error": exchange.error,
        "timing": _timing(exchange.timing),
        "redaction": redaction(kept.manifest),
    }
    return _with(made, some)


def _with(made: dict[str, Any], some: Content) -> Content:
    """And what is not empty."""
    made |= {name: value for name, value in some.items() if value}
    return made


def _verdict(verdict: Verdict) -> Content:
    some = {
        "code": verdict.code,
        "reason": verdict.reason,
        "rule": verdict.rule,
        "destination": verdict.destination,
        "generation": verdict.generation,
    }
    return _with({"verdict": verdict.verdict}, some)


def _request(request: Request) -> Content:
    made = {
        "method": request.method,
        "scheme": request.scheme,
        "host": request.host,
        "port": request.port,
        "target": request.target,
        "protocol": request.protocol,
    }
    return _with(made, _message_of(request))


def _response(response: Response) -> Content:
    made: dict[str, Any] = {"status": response.status}
    if response.reason:
        made["reason"] = response.reason
    made["protocol"] = response.protocol
    return _with(made, _message_of(response))


def _message_of(message: Request | Response) -> Content:
    body, trailers = _body(message.body), message.trailers
    return {"fields": _fields(message.fields), "body": body, "trailers": trailers and _fields(trailers)}


def _fields(fields: Fields) -> list[tuple[str, str]]:
    return [(str(name, "latin-1"), str(value, "latin-1")) for name, value in fields]


def _body(body: Body) -> Content:
    """An empty object where there is none; `kept` is false where it is not here."""
    made = {"kept": False} if body.content is None else packed(body.content) if body.content else {}
    some = {
        "decoded": body.decoded,
        "size": body.size,
        "missing": body.missing,
        "chunks": body.chunks and [(chunk.after, chunk.size) for chunk in body.chunks],
    }
    return _with(made, some)


def packed(content: bytes) -> dict[str, Any]:
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


def _relayed(relayed: Relayed) -> Content:
    some = {"sent": relayed.sent, "received": relayed.received, "sni": relayed.sni}
    return _with({"host": relayed.host, "port": relayed.port}, some)


def _timing(timing: Timing) -> Content:
    known = {"request_end": timing.request_end, "first_byte": timing.first_byte, "end": timing.end}
    return {name: value for name, value in known.items() if value is not None}


def redaction(manifest: Manifest) -> Content:
    """What was done, as it stands in a record."""
    some = {
        "policy": manifest.policy,
        "marks": manifest.marks and [(mark.where, mark.rule, mark.strategy) for mark in manifest.marks],
        "dropped": list(manifest.dropped),
    }
    return _with({}, some)
