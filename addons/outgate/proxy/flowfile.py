"""Files of mitmproxy's flows, written from what is kept; `flowfile_reading` reads them.

Owns the translation. A flow is made anew from the record: it has no backup, no addresses, no certificates, and what
mitmproxy's own state has beside is empty. What was done to it, and what flows have no place for, is in its metadata.
"""

from __future__ import annotations

import json
from typing import IO, Any

from mitmproxy import connection, flow, http, io, tcp, websocket
from wsproto.frame_protocol import Opcode

from outgate.capture.coded import on_the_wire
from outgate.capture.formats.writing import text
from outgate.capture.record import record
from outgate.redact.exchange import Exchange, Fields, Relayed, Request, Response
from outgate.redact.redacted import Redacted

NOWHERE = ("", 0)
OURS = "outgate"
"""The key of the metadata."""


class FlowFileWriter:
    """Flows one behind the other."""

    def __init__(self, out: IO[bytes]) -> None:
        self._flows = io.FlowWriter(out)

    def write(self, kept: Redacted) -> str:
        self._flows.add(made(kept))
        return ""

    def close(self) -> None:
        pass


def made(kept: Redacted) -> flow.Flow:
    """A fresh flow."""
    found = bare(kept.exchange)
    found.metadata[OURS] = json.dumps(_facts(kept))
    return found


def bare(exchange: Exchange) -> flow.Flow:
    """The same without what was done to it."""
    found = _relay(exchange) if exchange.request is None else _exchange(exchange, exchange.request)
    if exchange.error:
        found.error = flow.Error(text(exchange.error), exchange.started + (exchange.timing.end or 0.0))
    return found


def _facts(kept: Redacted) -> dict[str, Any]:
    """What a flow has no place for."""
    found = record(kept)
    names = ("id", "caller", "verdict", "relayed", "error", "timing", "redaction")
    told = {name: found[name] for name in names if name in found}
    for side in ("request", "response"):
        body = dict(found.get(side, {}).get("body", {}))
        told[side] = {"body": {name: body[name] for name in body if name not in ("text", "base64")}}
    return told


def _exchange(exchange: Exchange, request: Request) -> http.HTTPFlow:
    client, server = _connections(exchange, request.host, request.port)
    found = http.HTTPFlow(client, server)
    found.request = _request(exchange, request)
    if exchange.response is not None:
        found.response = _response(exchange, exchange.response)
    if exchange.messages or exchange.close_code:
        found.websocket = _websocket(exchange)
    return found


def _connections(exchange: Exchange, host: str, port: int) -> tuple[connection.Client, connection.Server]:
    client = connection.Client(peername=NOWHERE, sockname=NOWHERE, timestamp_start=exchange.started)
    server = connection.Server(address=(text(host), port))
    return client, server


def _request(exchange: Exchange, request: Request) -> http.Request:
    fields, content = on_the_wire(request)
    second = request.protocol.startswith("HTTP/2")
    end = exchange.timing.request_end
    return http.Request(
        host=text(request.host),
        port=request.port,
        method=_bytes(request.method),
        scheme=_bytes(request.scheme),
        authority=_bytes(_authority(fields, request)) if second else b"",
        path=_bytes(request.target),
        http_version=_bytes(request.protocol),
        headers=_headers(fields, content),
        content=content,
        trailers=http.Headers(request.trailers) if request.trailers else None,
        timestamp_start=exchange.started,
        timestamp_end=None if end is None else exchange.started + end,
    )


def _authority(fields: Fields, request: Request) -> str:
    said = next((value.decode("latin-1") for name, value in fields if name.lower() == b"host"), "")
    return said or (request.host if request.port in (80, 443) else f"{request.host}:{request.port}")


def _response(exchange: Exchange, response: Response) -> http.Response:
    fields, content = on_the_wire(response)
    first, end = exchange.timing.first_byte, exchange.timing.end
    return http.Response(
        http_version=_bytes(response.protocol),
        status_code=response.status,
        reason=_latin(response.reason),
        headers=_headers(fields, content),
        content=content,
        trailers=http.Headers(response.trailers) if response.trailers else None,
        timestamp_start=exchange.started + (first or 0.0),
        timestamp_end=None if end is None else exchange.started + end,
    )


def _headers(fields: Fields, content: bytes | None) -> http.Headers:
    """With the length that the content now has, where one was said."""
    found = http.Headers(fields)
    if content is not None and "content-length" in found:
        found["content-length"] = str(len(content))
    return found


def _websocket(exchange: Exchange) -> websocket.WebSocketData:
    messages = [
        websocket.WebSocketMessage(
            Opcode.TEXT if each.text else Opcode.BINARY, each.from_client, each.content, exchange.started + each.after
        )
        for each in exchange.messages
    ]
    return websocket.WebSocketData(messages=messages, close_code=exchange.close_code or None)


def _relay(exchange: Exchange) -> tcp.TCPFlow:
    relayed = exchange.relayed or Relayed("", 0)
    found = tcp.TCPFlow(*_connections(exchange, relayed.host, relayed.port))
    found.server_conn.sni = text(relayed.sni) or None
    return found


def _bytes(said: str) -> bytes:
    return said.encode("utf-8", "surrogateescape")


def _latin(said: str) -> bytes:
    """As mitmproxy reads it back."""
    try:
        return said.encode("latin-1")
    except UnicodeEncodeError:
        return _bytes(said)
