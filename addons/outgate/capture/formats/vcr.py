"""Cassettes of VCR.py, version 1: interactions in their order, bodies decoded and as text where they are.

Owns the form. Content codings and lengths are dropped: they would have the reader decode what is decoded.
"""

from __future__ import annotations

from typing import IO, Any

import yaml

from outgate.capture.formats.writing import lists, sent_anew, text, url
from outgate.redact.exchange import Body, Request, Response
from outgate.redact.redacted import Redacted


class CassetteWriter:
    """One cassette, an interaction after the other."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._begun = False

    def write(self, kept: Redacted) -> str:
        exchange = kept.exchange
        if exchange.request is None:
            return "a tunnel"
        if exchange.response is None:
            return "no answer came"
        if exchange.messages or exchange.response.status == 101:
            return "a WebSocket"
        if exchange.response.body.content is None:
            return "the body of its answer was not kept"
        if not self._begun:
            self._out.write(b"interactions:\n")
            self._begun = True
        made = [{"request": _request(exchange.request), "response": _response(exchange.response)}]
        self._out.write(yaml.dump(made, Dumper=DUMPER, allow_unicode=True, width=1 << 30).encode())
        return ""

    def close(self) -> None:
        self._out.write(b"version: 1\n" if self._begun else b"interactions: []\nversion: 1\n")


class _Dumper(yaml.CSafeDumper):
    """Without anchors: two bodies that are alike stay two, for people to edit."""

    def ignore_aliases(self, data: object) -> bool:
        return True


DUMPER = _Dumper


def _request(request: Request) -> dict[str, Any]:
    return {
        "method": text(request.method),
        "uri": url(request),
        "body": _said(request.body) if request.body.content else None,
        "headers": lists(sent_anew(request)),
    }


def _response(response: Response) -> dict[str, Any]:
    return {
        "status": {"code": response.status, "message": text(response.reason)},
        "headers": lists(sent_anew(response)),
        "body": {"string": _said(response.body)},
    }


def _said(body: Body) -> str | bytes:
    """Text is written as it is, and bytes as YAML's `!!binary`."""
    content = body.content or b""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content
