"""What is encoded in a text: JSON and XML in a string, forms and URLs in a value, base64, hexadecimal, web tokens,
percent signs.

Owns how such a thing is known, and how it is written again. Gives the first layer only: how deep to go is the
pipeline's. What only looks encoded is text.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes

from outgate.redact.codecs import graphql, json, packed, xml
from outgate.redact.codecs.formats import HTML, is_text
from outgate.redact.codecs.utf8 import decoded, encoded
from outgate.redact.leaf import Codec, Unreadable

SHORTEST = 8
"""Characters: nothing is worth looking for in fewer."""
TELLING = re.compile(r"\A\s*+[\[{\"</]|://|%[0-9A-Fa-f]{2}|=|[A-Za-z0-9+/_-]{24}")
"""Without any of these nothing is in a text, and most have none."""
TOKEN = re.compile(r"(?<![\w-])(eyJ[\w-]{8,}+)\.(eyJ[\w-]++)\.([\w-]*+)", re.ASCII)
URL = re.compile(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{1,31}+://[^\s\"'<>`{}|\\^]++")
REFERENCE = re.compile(r"/[^\s?#]*+[?#][^\s=]*+=\S*+")
TRAILING = ".,;:!)]"
PAIRS = re.compile(r"[\w.\[\]%+~$-]{1,64}+=[^&\s]*+(?:&[\w.\[\]%+~$-]{1,64}+=[^&\s]*+)++", re.ASCII)
RUN = re.compile(r"(?:[A-Za-z0-9+/_-]{24,}+(?:\r?\n[A-Za-z0-9+/_-]++)*+)={0,2}+")
PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
LINE_END = re.compile(r"\r?\n")
BETWEEN = "\n &="
"""What pieces of a text with percent signs stand between."""
HEXADECIMAL = re.compile("(?:[0-9a-f]{2})+|(?:[0-9A-F]{2})+")
URL_SAFE = str.maketrans("-_", "+/")
STANDARD = str.maketrans("+/", "-_")


class Inner(NamedTuple):
    """`text[start:end]` is another body, encoded."""

    start: int
    end: int
    body: bytes
    """Decoded."""
    write: Callable[[bytes], str]
    """The text that holds another body in this place."""
    encoding: str
    """`json`, `base64`: how it is encoded."""
    media_type: str = ""
    """Empty: to be found out."""
    name: str = ""


def inside(text: str, name: str = "") -> Iterator[Inner]:
    """What is in a value of this name. Nothing overlaps."""
    if len(text) < SHORTEST or (not TELLING.search(text) and name != "query"):
        return iter(())
    return _inside(text, name)


def _inside(text: str, name: str) -> Iterator[Inner]:
    if (document := _document(text, name)) is not None:
        yield document
        return
    at = 0
    for found in sorted((*_tokens(text), *_urls(text), *_base64(text)), key=lambda inner: inner.start):
        if found.start >= at:
            yield found
            at = found.end
    if not at and PERCENT.search(text):
        yield Inner(0, len(text), unquote_to_bytes(encoded(text)), partial(_percent, text), "percent")


def _document(text: str, name: str) -> Inner | None:
    """What takes all of the text but the blanks around it."""
    bare = text.strip()
    if (known := _kind(bare, name)) is None:
        return None
    start, (encoding, media_type) = text.index(bare), known
    return Inner(start, start + len(bare), encoded(bare), decoded, encoding, media_type)


def _kind(bare: str, name: str) -> tuple[str, str] | None:
    """How a text is encoded, and as which media type."""
    body = encoded(bare)
    if bare[:1] in ("{", "[") or (bare[:1] == '"' and '\\"' in bare):
        if _is_json(body):
            return "json", "application/json"
    elif bare.startswith("<") and bare.endswith(">"):
        if _reads(xml.read, body):
            return "xml", "application/xml"
        return ("html", "text/html") if HTML.match(body) else None
    elif REFERENCE.fullmatch(bare):
        return "url", "text/uri-list"
    elif PAIRS.fullmatch(bare):
        return "form", "application/x-www-form-urlencoded"
    if name == "query" and graphql.BEGIN.match(bare) and _reads(graphql.read, body):
        return "graphql", "application/graphql"
    return None


def _is_json(body: bytes) -> bool:
    return json.is_strict(body) or _reads(json.read, body)


def _reads(codec: Codec, body: bytes) -> bool:
    try:
        deque(codec(body), maxlen=0)
    except Unreadable:
        return False
    return True


def _tokens(text: str) -> Iterator[Inner]:
    """Head and claims of JSON Web Tokens, which their signature no longer fits once they are changed."""
    for found in TOKEN.finditer(text) if "eyJ" in text else ():
        for group, name in ((1, "header"), (2, "payload")):
            body = _unpadded(found[group])
            if body is not None and _is_json(body):
                yield Inner(*found.span(group), body, _web_safe, "jwt", "application/json", name)


def _unpadded(raw: str) -> bytes | None:
    """What base64 says, in either alphabet and with or without its padding; None where it is none."""
    bare = raw.rstrip("=")
    try:
        return base64.b64decode(bare.translate(URL_SAFE) + "=" * (-len(bare) % 4), validate=True)
    except binascii.Error:
        return None


def _web_safe(body: bytes) -> str:
    return base64.urlsafe_b64encode(body).decode().rstrip("=")


def _urls(text: str) -> Iterator[Inner]:
    for found in URL.finditer(text) if "://" in text else ():
        url = found[0].rstrip(TRAILING)
        yield Inner(found.start(), found.start() + len(url), encoded(url), decoded, "url", "text/uri-list")


def _base64(text: str) -> Iterator[Inner]:
    """Runs that say a text or hold a file of a known format."""
    for found in RUN.finditer(text):
        lines = LINE_END.split(found[0])
        joined = "".join(lines)
        if HEXADECIMAL.fullmatch(joined) and is_text(said := bytes.fromhex(joined)):
            yield Inner(*found.span(), said, partial(_hexadecimal, joined), "hexadecimal")
            continue
        body = _unpadded(joined) if len(joined) % 4 == 0 or not joined.endswith("=") else None
        if body is not None and (body.startswith(packed.BEGIN) or is_text(body)):
            yield Inner(*found.span(), body, partial(_again, found[0], len(lines[0])), "base64")


def _hexadecimal(raw: str, body: bytes) -> str:
    return body.hex() if raw == raw.lower() else body.hex().upper()


def _again(raw: str, width: int, body: bytes) -> str:
    """With the alphabet, the padding and the lines that it had."""
    made, line_end = base64.b64encode(body).decode(), LINE_END.search(raw)
    web_safe = "-" in raw or "_" in raw
    if not raw.endswith("=") and (web_safe or len(LINE_END.sub("", raw)) % 4):
        made = made.rstrip("=")
    made = made.translate(STANDARD) if web_safe else made
    if line_end is None:
        return made
    return line_end[0].join(made[at : at + width] for at in range(0, len(made), width))


def _percent(raw: str, body: bytes) -> str:
    """What was written as itself still is."""
    said = unquote_to_bytes("".join(PERCENT.findall(raw))).decode("latin-1")
    plain = {char for char in PERCENT.sub("", raw) if char.isascii()} - {*said, "%"}
    return _respelt(raw, body, "".join(plain), BETWEEN)


def _respelt(raw: str, body: bytes, safe: str, between: str) -> str:
    """Pieces that say what they said stay as they were: between line ends, those between blanks, and so on."""
    if unquote_to_bytes(encoded(raw)) == body:
        return raw
    if not between:
        return quote(body, safe=safe)
    sign, rest = between[0], between[1:]
    pieces, said = raw.split(sign), body.split(sign.encode())
    if len(pieces) != len(said):
        return _respelt(raw, body, safe, rest)
    return sign.join(_respelt(*each, safe, rest) for each in zip(pieces, said, strict=True))
