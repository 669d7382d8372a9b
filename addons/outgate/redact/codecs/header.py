"""Values of header fields: URLs, cookies, credentials and parameters where a field has these, and else the whole.

Owns which field is read as what, and that nothing written into a value ends its line.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from outgate.redact.codecs import cookie, url
from outgate.redact.codecs.placed import placed
from outgate.redact.codecs.utf8 import decoded, encoded
from outgate.redact.leaf import Codec, Found, Leaf, Part

CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
_TOKEN = rb"[\w!#$%&'*+.^`|~-]++"
_PARAMETER = rb"(" + _TOKEN + rb')(?:[ \t]*+=[ \t]*+("(?:[^"\\]|\\.)*+"|[^\s,;"]*+))?+'
_MORE = rb"(?:[ \t]*+[;,][ \t]*+(?:" + _PARAMETER + rb")?+)*+[ \t]*+"
PARAMETER = re.compile(_PARAMETER, re.DOTALL)
PARAMETERS = re.compile(_PARAMETER + _MORE, re.DOTALL)
LINK = re.compile(rb"<([^>]*+)>(" + _MORE + rb")", re.DOTALL)
LINKS = re.compile(rb"(?:[ \t]*+<[^>]*+>" + _MORE + rb")++", re.DOTALL)
CREDENTIALS = re.compile(rb"[ \t]*+(" + _TOKEN + rb")[ \t]++(.*[^ \t])[ \t]*+", re.DOTALL)
TOKEN68 = re.compile(rb"[\w.~+/-]++=*+")
BARE = re.compile(r"[\w!#$%&'*+.^`|~:/@=-]+", re.ASCII)
ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def codec(name: str) -> Codec:
    """For the field of this name, in lower case."""
    return CODECS.get(name, whole)


def whole(value: bytes) -> Iterator[Found]:
    if text := value.strip(b" \t"):
        at = value.index(text)
        yield Leaf(at, at + len(text), decoded(text), written)


def written(text: str) -> bytes:
    return encoded(CONTROL.sub(" ", text))


def parameters(value: bytes) -> Iterator[Found]:
    """`a; b=1; c="2"`; anything else is one value."""
    if PARAMETERS.fullmatch(value):
        yield from _parameters(value, 0, len(value))
    else:
        yield from whole(value)


def _parameters(value: bytes, begin: int, end: int) -> Iterator[Leaf]:
    for found in PARAMETER.finditer(value, begin, end):
        name, raw = decoded(found[1]), found[2]
        if raw is None:
            yield Leaf(*found.span(1), name, _bare)
            continue
        quoted = raw.startswith(b'"')
        text = ESCAPE.sub(r"\1", decoded(raw[1:-1])) if quoted else decoded(raw)
        if raw:
            yield Leaf(*found.span(2), text, _quoted if quoted else _bare, (name,), name)


def _bare(text: str) -> bytes:
    return written(text) if BARE.fullmatch(text) else _quoted(text)


def _quoted(text: str) -> bytes:
    return written('"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"')


def credentials(value: bytes) -> Iterator[Found]:
    """A scheme, and a token or parameters. What `Basic` has is decoded."""
    found = CREDENTIALS.fullmatch(value)
    if found is None:
        yield from whole(value)
        return
    scheme, token, at = decoded(found[1]).lower(), found[2], found.start(2)
    if scheme == "basic":
        yield from _basic(token, at)
    else:
        read = whole if TOKEN68.fullmatch(token) else parameters
        yield from (each if each.name else each._replace(name=scheme) for each in placed(read(token), at))


def _basic(token: bytes, at: int) -> Iterator[Found]:
    try:
        login = base64.b64decode(token, validate=True)
    except binascii.Error:
        yield Leaf(at, at + len(token), decoded(token), written, name="basic")
    else:
        yield Part(at, at + len(token), login, base64.b64encode, name="basic", media_type="text/plain")


def links(value: bytes) -> Iterator[Found]:
    """`<url>; rel=next, <url>`."""
    if not LINKS.fullmatch(value):
        yield from whole(value)
        return
    for link in LINK.finditer(value):
        yield from placed(url.read(link[1]), link.start(1))
        yield from _parameters(value, *link.span(2))


CODECS: dict[str, Codec] = {
    "cookie": cookie.read,
    "set-cookie": cookie.read_set,
    "location": url.read,
    "content-location": url.read,
    "referer": url.read,
    "link": links,
    **dict.fromkeys(("authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate"), credentials),
    **dict.fromkeys(
        ("content-disposition", "forwarded", "x-forwarded-client-cert", "signature", "signature-input"), parameters
    ),
}
