"""Places that hold nothing but secrets, looked at in what was written: what stands there has to be a replacement.

Owns which places these are, and how the formats write names and values. Knows bodies only where a format has written
them with their content codings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from outgate.capture.leaks.replaced import is_replaced
from outgate.redact.decoding import Bounds, codings, decode
from outgate.redact.detect.defaults import HEADERS, PARAMETERS
from outgate.redact.unpacking import Undecodable

COOKIES = frozenset({"cookie", "set-cookie"})
NAMES = frozenset(HEADERS.split()) | COOKIES
QUERY = frozenset(PARAMETERS.split()) | {"access_token", "refresh_token", "token", "client_secret", "password"}
URLS = frozenset({"url", "uri", "target", "path", "urlPath"})
"""Where formats write what was asked for."""
MOST = 256 * 1024 * 1024
SCHEMES = frozenset({"basic", "bearer", "digest", "negotiate", "token", "apikey", "aws4-hmac-sha256", "dpop", "hawk"})


def named(found: Any) -> Iterator[tuple[str, bytes]]:
    """Names in lower case and their values: of fields and parameters, however the format writes them."""
    waiting = [found]
    while waiting:
        match waiting.pop():
            case {"name": str() as name, "value": str() as value}:
                yield name.lower(), _raw(value)
            case dict() as members:
                yield from _members(members)
                waiting += members.values()
            case [str() | bytes() as name, str() | bytes() as value]:
                yield _text(name).lower(), _raw(value)
            case list() as each:
                waiting += each


def _members(members: dict[Any, Any]) -> Iterator[tuple[str, bytes]]:
    for key, value in members.items():
        several = value if isinstance(value, list) else [value]
        for each in several:
            if isinstance(key, str | bytes) and isinstance(each, str | bytes):
                yield _text(key).lower(), _raw(each)


def bare(found: Any, excused: Iterable[str] = ()) -> Iterator[str]:
    """The names of places that hold something else. `excused`: those where a rule of somebody's own put something."""
    gone = frozenset(excused)
    for name, value in named(found):
        if name in NAMES and name not in gone and not _is_clean(name, value):
            yield name
        if name in URLS:
            yield from (each for each in _asked(value) if each not in gone)


def _is_clean(name: str, value: bytes) -> bool:
    if name in COOKIES:
        pairs = value.split(b";")[:1] if name == "set-cookie" else value.split(b";")
        return all(is_replaced(pair.strip().partition(b"=")[2] or pair.strip()) for pair in pairs)
    scheme, _, rest = value.strip().partition(b" ")
    return is_replaced(rest if scheme.decode("latin-1").lower() in SCHEMES else value)


def _asked(url: bytes) -> Iterator[str]:
    try:
        query = urlsplit(url.decode("utf-8", "replace")).query
        pairs = parse_qsl(query, keep_blank_values=True)
    except ValueError:
        return
    for name, value in pairs:
        if name.lower() in QUERY and not is_replaced(_raw(value)):
            yield name.lower()


def contents(found: Any) -> Iterator[bytes]:
    """Bodies without the content codings that a flow has them in."""
    for side in (b"request", b"response"):
        message = found.get(side) if isinstance(found, dict) else None
        if isinstance(message, dict) and isinstance(message.get(b"content"), bytes):
            fields = message.get(b"headers") or []
            names = codings(value for name, value in fields if name.lower() == b"content-encoding")
            try:
                yield decode(message[b"content"], names, Bounds(MOST))
            except Undecodable:
                continue


def _text(said: str | bytes) -> str:
    return said if isinstance(said, str) else said.decode("utf-8", "replace")


def _raw(said: str | bytes) -> bytes:
    return said if isinstance(said, bytes) else said.encode("utf-8", "surrogatepass")
