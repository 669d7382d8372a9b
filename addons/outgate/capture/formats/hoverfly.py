"""Simulations of Hoverfly, schema v5.2: one document, in which any number of hosts may be.

Owns the pairs. A request that was answered several times is a sequence, whose last answer stays. Bodies of several
parts and of bytes that are no text cannot be told by its matchers, and are not looked at.
"""

from __future__ import annotations

import base64
from typing import IO, Any
from urllib.parse import unquote

import orjson

from outgate.capture.formats.stubs import LEAVE_OUT, Asked, Pattern, StubWriter
from outgate.capture.formats.writing import authority, lists, sent_anew, text
from outgate.capture.matching.forms import pairs
from outgate.redact.exchange import Request, Response
from outgate.redact.redacted import Manifest, Redacted

SCHEMA = "v5.2"
HEAD = b'{"data":{"pairs":[\n'
TAIL = b'\n],"globalActions":{"delays":[],"delaysLogNormal":[]}},"meta":'


class SimulationWriter(StubWriter):
    """One document, a pair a line."""

    def __init__(self, out: IO[bytes]) -> None:
        super().__init__()
        self._out = out
        self._begun = False
        out.write(HEAD)

    def pattern(self, request: Request, manifest: Manifest) -> Pattern:
        asked = Asked(request, manifest)
        made: Pattern = {
            "method": _exactly(text(request.method)),
            "scheme": _exactly(text(request.scheme)),
            "destination": _exactly(text(authority(request))),
            "path": _path(asked),
        }
        if asked.query:
            made["query"] = {text(name): _exactly(text(";".join(values))) for name, values in asked.query.items()}
        return made | _body(asked)

    def write(self, kept: Redacted) -> str:
        exchange = kept.exchange
        if why := self.refusal(kept):
            return why
        if exchange.response is None:
            return "no answer came"
        assert exchange.request is not None
        pattern = self.pattern(exchange.request, kept.manifest)
        name, number, total = self.turn(pattern)
        response = _response(exchange.response)
        if total > 1:
            pattern["requiresState"] = {f"sequence:{name}": str(number)}
            if number < total:
                response["transitionsState"] = {f"sequence:{name}": str(number + 1)}
        self._out.write(b",\n" * self._begun + orjson.dumps({"request": pattern, "response": response}))
        self._begun = True
        return ""

    def close(self) -> None:
        super().close()
        self._out.write(TAIL + orjson.dumps({"schemaVersion": SCHEMA}) + b"}\n")


def _exactly(value: str) -> list[Pattern]:
    return [{"matcher": "exact", "value": value}]


def _path(asked: Asked) -> list[Pattern]:
    segments = [unquote(each) for each in asked.path.split("/")[1:]]
    wild = [asked.is_wild(number) for number in range(len(segments))]
    found = ("*" if any_fits else each for any_fits, each in zip(wild, segments, strict=True))
    return [{"matcher": "glob" if any(wild) else "exact", "value": f"/{'/'.join(found)}"}]


def _body(asked: Asked) -> Pattern:
    if asked.any_body:
        return {}
    match asked.meaning.form:
        case "json" | "graphql":
            return _document(asked)
        case "form":
            named = {name: values for name, values in pairs(asked.body).items() if not asked.free("body", name)}
            value = {text(name): _exactly(text(";".join(values))) for name, values in named.items()}
            return {"body": [{"matcher": "form", "value": value}]}
        case "xml" if not asked.partly_wild:
            return {"body": [{"matcher": "xml", "value": asked.body.decode("utf-8", "replace")}]}
        case "xml" | "multipart":
            return {}
    try:
        return {"body": _exactly(asked.body.decode())}
    except UnicodeDecodeError:
        return {}


def _document(asked: Asked) -> Pattern:
    if (document := asked.document(LEAVE_OUT)) is None:
        return {}
    return {
        "body": [{"matcher": "json" if document.exact and not document.open else "jsonPartial", "value": document.text}]
    }


def _response(response: Response) -> dict[str, Any]:
    content = response.body.content or b""
    try:
        said, encoded = content.decode(), False
    except UnicodeDecodeError:
        said, encoded = base64.b64encode(content).decode("ascii"), True
    return {
        "status": response.status,
        "body": said,
        "encodedBody": encoded,
        "headers": {text(name): values for name, values in lists(sent_anew(response)).items()},
        "templated": False,
    }
