"""How a body is read: by its media type, and by its looks where that says nothing.

Owns the choice. What cannot be read as what it says it is means its bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from outgate.capture.matching import documents, forms, markup
from outgate.capture.matching.values import Meaning, Unread, Value

JSON = re.compile(r"(application|text)/(json|x-amz-json-[\d.]+|csp-report)|.+\+json")
LINES = re.compile(r"(application|text)/(x-)?(ndjson|jsonl|jsonlines|json-lines)|application/json-seq")
XML = re.compile(r"(application|text)/xml|.+\+xml")
FORM = "application/x-www-form-urlencoded"
UNTOLD = frozenset({"", "text/plain", "application/octet-stream", FORM})
"""Media types that clients send where nobody has chosen one."""

type Reader = Callable[[bytes, str], Meaning]


def meaning(body: bytes, media_type: str) -> Meaning:
    """Of a body without its content codings."""
    if not body:
        return Meaning("nothing", {})
    for read in _readers(body, media_type.partition(";")[0].strip().lower()):
        try:
            return read(body, media_type)
        except Unread:
            continue
    return Meaning("bytes", {(): Value("", "bytes", body)})


def _readers(body: bytes, essence: str) -> Iterator[Reader]:
    if LINES.fullmatch(essence):
        yield documents.lines
    elif JSON.fullmatch(essence):
        yield documents.document
    elif essence == "application/graphql":
        yield documents.graphql
    elif essence.startswith("multipart/"):
        yield lambda whole, media_type: forms.multipart(whole, media_type, meaning)
    elif XML.fullmatch(essence):
        yield markup.xml
    elif essence in UNTOLD and body.lstrip()[:1] in (b"{", b"["):
        yield documents.document
    if essence == FORM:
        yield forms.form
