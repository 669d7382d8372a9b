"""The formats of bodies: which one a media type names, and what a body looks like.

Owns both lists. Reads nothing: whether a body is in a format is known to its codec alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum

from outgate.redact.codecs import packed, protobuf
from outgate.redact.codecs.charset import is_utf8


class Format(StrEnum):
    """What a body is in."""

    JSON = "json"
    NDJSON = "ndjson"
    FORM = "form"
    MULTIPART = "multipart"
    XML = "xml"
    HTML = "html"
    CSV = "csv"
    SSE = "sse"
    GRAPHQL = "graphql"
    GRPC = "grpc"
    PROTOBUF = "protobuf"
    PACKED = "packed"
    """A file of gzip or zstd."""
    URL = "url"
    TRANSCODED = "transcoded"
    """Text that is not in UTF-8: one part, which is."""
    TEXT = "text"
    BINARY = "binary"


TYPES = {
    "application/json": Format.JSON,
    "text/json": Format.JSON,
    "application/csp-report": Format.JSON,
    "application/ndjson": Format.NDJSON,
    "application/x-ndjson": Format.NDJSON,
    "application/jsonl": Format.NDJSON,
    "application/x-jsonlines": Format.NDJSON,
    "application/jsonlines": Format.NDJSON,
    "application/json-seq": Format.NDJSON,
    "application/stream+json": Format.NDJSON,
    "application/x-www-form-urlencoded": Format.FORM,
    "application/xml": Format.XML,
    "text/xml": Format.XML,
    "text/html": Format.HTML,
    "application/xhtml+xml": Format.HTML,
    "text/csv": Format.CSV,
    "application/csv": Format.CSV,
    "text/tab-separated-values": Format.CSV,
    "text/event-stream": Format.SSE,
    "application/graphql": Format.GRAPHQL,
    "application/protobuf": Format.PROTOBUF,
    "application/x-protobuf": Format.PROTOBUF,
    "application/vnd.google.protobuf": Format.PROTOBUF,
    "application/gzip": Format.PACKED,
    "application/x-gzip": Format.PACKED,
    "application/zstd": Format.PACKED,
    "text/uri-list": Format.URL,
}
BEGINNINGS = (
    ("multipart/", Format.MULTIPART),
    ("application/grpc", Format.GRPC),
    ("application/connect+", Format.GRPC),
    ("application/x-amz-json", Format.JSON),
)
ENDINGS = (("+json", Format.JSON), ("+json-seq", Format.NDJSON), ("+xml", Format.XML), ("/json", Format.JSON))
LAST = (("text/", Format.TEXT), ("application/javascript", Format.TEXT), ("application/x-javascript", Format.TEXT))

PLAIN = frozenset({Format.TEXT, Format.BINARY})
"""In which nothing has a name."""
BYTES = frozenset({Format.MULTIPART, Format.GRPC, Format.PROTOBUF, Format.PACKED, Format.BINARY})
"""Which have no charset."""
PICTURES = ("image/", "audio/", "video/", "font/")

CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c\x1d\x1f\x7f]")
JSON = re.compile(rb"\s*+(?:[\[{]|\"|\xef\xbb\xbf\s*+[\[{])")
OBJECT = re.compile(rb'\s*+\{\s*+"(?:[^"\\]|\\.)*+"\s*+:', re.DOTALL)
HTML = re.compile(
    rb"\s*+(?:<!--.{0,1000}?-->\s*+)?(?:<!doctype\s++html|<(?:html|head|body|div|p|span|script|form|table)[\s>])",
    re.I | re.S,
)
MARKUP = re.compile(rb"\s*+<[!?/a-zA-Z_]")
EVENTS = re.compile(rb"(?:data|event|id|retry)?+:[^\r\n]*+(?:\r\n|\n|\r)")
PAIRS = re.compile(rb"[\w.\[\]%+~$-]{1,128}+=[^&\s]*+(?:&[\w.\[\]%+~$-]{1,128}+=[^&\s]*+)*+")


def of_type(kind: str) -> Format | None:
    """What a media type names, without its parameters; None where it says nothing."""
    if kind in TYPES:
        return TYPES[kind]
    for tell, names in ((kind.startswith, BEGINNINGS), (kind.endswith, ENDINGS), (kind.startswith, LAST)):
        for part, named in names:
            if tell(part):
                return named
    return None


def is_text(body: bytes) -> bool:
    """Whether all of it can be shown to a person."""
    return CONTROL.search(body) is None and is_utf8(body)


def is_object(body: bytes) -> bool:
    """Whether it begins as only objects of JSON do, however it goes on."""
    return OBJECT.match(body) is not None


def of_look(body: bytes, kind: str) -> Iterator[Format]:
    """What a body may be in, the likeliest first; text or bytes at the end."""
    if body.startswith(packed.BEGIN):
        yield Format.PACKED
    if is_text(body):
        yield from _of_text(body)
        yield Format.TEXT
    else:
        if not kind.startswith(PICTURES) and protobuf.holds_texts(body):
            yield Format.PROTOBUF
        yield Format.BINARY


def _of_text(body: bytes) -> Iterator[Format]:
    if JSON.match(body):
        yield from (Format.JSON, Format.NDJSON)
    elif HTML.match(body):
        yield Format.HTML
    elif MARKUP.match(body):
        yield from (Format.XML, Format.HTML)
    elif EVENTS.match(body):
        yield Format.SSE
    elif PAIRS.fullmatch(body):
        yield Format.FORM
