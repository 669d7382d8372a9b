"""URLs, whole or without what stands before their path: user and password, segments, query and fragment.

Owns which part is which, and what each escapes. Takes every text: what is not a URL is a path. Hosts are no values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote, unquote_to_bytes

from outgate.redact.codecs import form
from outgate.redact.codecs.placed import placed
from outgate.redact.codecs.utf8 import decoded, encoded
from outgate.redact.leaf import Found, Leaf, Path

URL = re.compile(
    rb"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*+:(?=[^0-9/?#]|//))?+"
    rb"(?P<authority>//(?:(?P<user>[^/?#:]*)(?::(?P<password>[^/?#]*))?@)?[^/?#]*+)?+"
    rb"(?P<path>[^?#]*+)(?:\?(?P<query>[^#]*+))?+(?:\#(?P<fragment>.*+))?+",
    re.DOTALL,
)
LINE = re.compile(rb"[^\r\n]++")
SEGMENT = re.compile(rb"[^/]++")
PARAMETER = re.compile(rb"(?P<name>[^;=]*+)(?:=(?P<value>[^;]*+))?+;?")
SAFE = "!$&'()*+,@"
"""In a segment, beside letters, digits and `-._~`. What parts its parameters, or would end a scheme, is escaped."""


def read(body: bytes) -> Iterator[Found]:
    """The target of a request, a reference, or a whole URL."""
    url = URL.fullmatch(body)
    assert url is not None, "its last parts take everything"
    for part in ("user", "password"):
        if url[part]:
            yield Leaf(*url.span(part), _unescaped(url[part]), _escaped, (part,), part)
    if url["scheme"] and url["authority"] is None:
        if url["path"]:
            yield Leaf(*url.span("path"), _unescaped(url["path"]), _in_segment, ("path", 0))
    else:
        for number, segment in enumerate(SEGMENT.finditer(body, *url.span("path"))):
            yield from _segment(body, *segment.span(), ("path", number))
    if url["query"]:
        yield from placed(form.read(url["query"]), url.start("query"), ("query",))
    if url["fragment"]:
        yield from _fragment(url["fragment"], url.start("fragment"))


def read_list(body: bytes) -> Iterator[Found]:
    """One URL a line (RFC 2483)."""
    for line in LINE.finditer(body):
        yield from placed(read(line[0]), line.start())


def _segment(body: bytes, begin: int, end: int, path: Path) -> Iterator[Leaf]:
    """A segment may carry parameters of its own, such as `;jsessionid=`."""
    for found in PARAMETER.finditer(body, begin, end):
        name = _unescaped(found["name"])
        if found["value"]:
            yield Leaf(*found.span("value"), _unescaped(found["value"]), _in_segment, (*path, name), name)
        elif name:
            yield Leaf(*found.span("name"), name, _in_segment, path)


def _fragment(fragment: bytes, at: int) -> Iterator[Found]:
    if b"=" in fragment:
        yield from placed(form.read(fragment), at, ("fragment",))
    else:
        yield Leaf(at, at + len(fragment), _unescaped(fragment), _in_segment, ("fragment",))


def _unescaped(raw: bytes) -> str:
    return decoded(unquote_to_bytes(raw))


def _escaped(text: str) -> bytes:
    return quote(encoded(text), safe="").encode()


def _in_segment(text: str) -> bytes:
    return quote(encoded(text), safe=SAFE).encode()
