"""HAR 1.2, valid by its schema. Bodies are decoded, as it wants them; sizes and fields are the wire's.

Owns the entries, and what stands beside the standard's fields under names that begin with an underscore:
`_webSocketMessages` and `_error` as browsers have them, `_encoding` of a request's body and `_latin1` of a header, and
`_outgate` with all that HAR has no words for. Reading them back is `har_reading`'s.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import IO, Any
from urllib.parse import parse_qsl

import orjson

from outgate import __version__
from outgate.capture.formats.writing import OCTETS, as_text, media_type, said, text, url
from outgate.capture.matching.canonical import field
from outgate.capture.record import record
from outgate.redact.decoding import codings
from outgate.redact.exchange import Exchange, Fields, Request, Response, WebSocketMessage
from outgate.redact.redacted import Redacted

CREATOR = {"name": "outgate", "version": __version__}
UNKNOWN = "x-unknown"
"""The media type of an answer that says none, as browsers write it."""

type Entry = dict[str, Any]


class HarWriter:
    """One document, an entry a line."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._begun = False
        out.write(b'{"log":{"version":"1.2","creator":' + orjson.dumps(CREATOR) + b',"entries":[\n')

    def write(self, kept: Redacted) -> str:
        if kept.exchange.request is None:
            return "a tunnel"
        self._out.write(b",\n" * self._begun + orjson.dumps(entry(kept, kept.exchange.request)))
        self._begun = True
        return ""

    def close(self) -> None:
        self._out.write(b"\n]}}\n")


def entry(kept: Redacted, request: Request) -> Entry:
    exchange = kept.exchange
    timings = _timings(exchange)
    end = exchange.timing.end
    made: Entry = {
        "startedDateTime": moment(exchange.started),
        "time": sum(timings.values()) if end is None else round(max(0.0, end) * 1000, 3),
        "request": _request(request),
        "response": _response(exchange, exchange.response),
        "cache": {},
        "timings": timings,
        "_outgate": _facts(kept),
    }
    if exchange.messages:
        made["_resourceType"] = "websocket"
        made["_webSocketMessages"] = [_message(exchange, each) for each in exchange.messages]
    return made


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _timings(exchange: Exchange) -> dict[str, float]:
    """Milliseconds. What is not known takes none."""
    timing = exchange.timing
    marks = [0.0]
    for mark in (timing.request_end, timing.first_byte, timing.end):
        marks.append(marks[-1] if mark is None else max(marks[-1], mark))
    spans = (round((later - earlier) * 1000, 3) for earlier, later in pairwise(marks))
    return dict(zip(("send", "wait", "receive"), spans, strict=True))


def _request(request: Request) -> Entry:
    _, _, query = request.target.partition("?")
    made: Entry = {
        "method": text(request.method),
        "url": url(request),
        "httpVersion": text(request.protocol),
        "cookies": [_named(pair.strip()) for pair in field(request.fields, b"cookie").split(";") if pair.strip()],
        "headers": _headers(request.fields),
        "queryString": [
            {"name": text(name), "value": text(value)}
            for name, value in parse_qsl(query, keep_blank_values=True, errors="surrogateescape")
        ],
        "headersSize": -1,
        "bodySize": request.body.size,
    }
    if (body := request.body).content or body.missing:
        made["postData"] = {"mimeType": media_type(request) or OCTETS, **_content(request, "_encoding")}
    return made


def _response(exchange: Exchange, response: Response | None) -> Entry:
    """Status 0 where no answer came, as browsers have it."""
    if response is None:
        return {
            "status": 0,
            "statusText": "",
            "httpVersion": "",
            "cookies": [],
            "headers": [],
            "redirectURL": "",
            "content": {"size": 0, "mimeType": UNKNOWN},
            "headersSize": -1,
            "bodySize": -1,
            "_error": text(exchange.error) or "no answer",
        }
    body = response.body
    size = body.size if body.content is None else len(body.content)
    content: Entry = {"size": size, "mimeType": media_type(response) or UNKNOWN, **_content(response, "encoding")}
    if _coded(response):
        content["compression"] = size - body.size
    made = {
        "status": response.status,
        "statusText": text(response.reason),
        "httpVersion": text(response.protocol),
        "cookies": [_cookie(said(value)) for name, value in response.fields if name.lower() == b"set-cookie"],
        "headers": _headers(response.fields),
        "content": content,
        "redirectURL": text(field(response.fields, b"location")),
        "headersSize": -1,
        "bodySize": body.size,
    }
    return made | ({"_error": text(exchange.error)} if exchange.error else {})


def _coded(response: Response) -> bool:
    named = codings(value for name, value in response.fields if name.lower() == b"content-encoding")
    return bool(named) and response.body.decoded and response.body.content is not None


def _content(message: Request | Response, marker: str) -> Entry:
    body = message.body
    if body.content is None:
        return {"text": "", "comment": f"the body was not kept: {text(body.missing) or 'redacted'}"}
    if not body.content:
        return {"text": ""}
    if (found := as_text(body, media_type(message))) is not None:
        return {"text": found}
    return {"text": base64.b64encode(body.content).decode("ascii"), marker: "base64"}


def _headers(fields: Fields) -> list[Entry]:
    return [_header(name, value) for name, value in fields]


def _header(name: bytes, value: bytes) -> Entry:
    made: Entry = {"name": name.decode("latin-1"), "value": said(value)}
    try:
        value.decode()
    except UnicodeDecodeError:
        made["_latin1"] = True
    return made


def _named(pair: str) -> Entry:
    name, _, value = pair.partition("=")
    return {"name": text(name.strip()), "value": text(value.strip())}


def _cookie(line: str) -> Entry:
    first, *attributes = line.split(";")
    made = _named(first)
    for attribute in attributes:
        name, _, value = attribute.strip().partition("=")
        match name.lower():
            case "path" | "domain":
                made[name.lower()] = text(value)
            case "httponly":
                made["httpOnly"] = True
            case "secure":
                made["secure"] = True
            case "expires":
                made |= _expiry(value)
    return made


def _expiry(value: str) -> Entry:
    try:
        return {"expires": moment(parsedate_to_datetime(value).timestamp())}
    except (ValueError, OverflowError):
        return {}


def _message(exchange: Exchange, message: WebSocketMessage) -> Entry:
    said = message.content.decode(errors="replace") if message.text else base64.b64encode(message.content).decode()
    return {
        "type": "send" if message.from_client else "receive",
        "time": exchange.started + message.after,
        "opcode": 1 if message.text else 2,
        "data": said,
    }


def _facts(kept: Redacted) -> Entry:
    """The record without what the entry says already."""
    found = {name: value for name, value in record(kept).items() if name not in ("started", "messages", "error")}
    for side in ("request", "response"):
        if message := found.pop(side, None):
            body = {name: value for name, value in message.get("body", {}).items() if name not in ("text", "base64")}
            told = {"trailers": message.get("trailers"), "body": body}
            found[side] = {name: value for name, value in told.items() if value}
    return {name: _clean(value) for name, value in found.items()}


def _clean(found: Any) -> Any:
    """All of it in UTF-8."""
    match found:
        case str():
            return text(found)
        case dict():
            return {name: _clean(value) for name, value in found.items()}
        case list() | tuple():
            return [_clean(value) for value in found]
    return found
