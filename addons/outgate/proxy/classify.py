"""What a connection speaks, from its first bytes. Pure; never guesses: unknown bytes are `OTHER`.

Knows the openings of TLS, HTTP/1 and HTTP/2. Sockets, timeouts and what is done about it are `intake`'s.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from outgate.proxy.hello import ClientHello, Hello, starts_like_tls

HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# Empty lines before a request line are allowed by RFC 9112, 2.2; no other protocol opens with them.
REQUEST_LINE = re.compile(rb"(?:\r?\n)*[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32} [^\x00-\x20\x7f]+ HTTP/1\.[01]\r?\n")
BEGINNING = re.compile(
    rb"(?:\r?\n)*(?:\r?"
    rb"|[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}( [^\x00-\x20\x7f]*( (H(T(T(P(/(1(\.([01]\r?)?)?)?)?)?)?)?)?)?)?)"
)
"""What may yet become a request line."""
WORD = re.compile(rb"(?:\r?\n)*(?:\r?\Z|[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?: |\Z))")
MAX_REQUEST_LINE = 64 * 1024
"""With the empty lines before it. However the bytes are cut, the same ones are found too long."""


class Speech(StrEnum):
    TLS = "tls"
    HTTP1 = "http/1"
    HTTP2 = "http/2"
    OTHER = "other"
    MORE = "more"
    """Not to be told yet."""


@dataclass(frozen=True, slots=True)
class Opening:
    """The verdict on the first bytes; `hello` for TLS."""

    speech: Speech
    hello: ClientHello | None = None


MORE, OTHER = Opening(Speech.MORE), Opening(Speech.OTHER)


def classify(data: bytes, hello: Hello | None = None) -> Opening:
    """What these first bytes are. Raises `MalformedHello` for TLS that cannot be read.

    Whoever asks again when more have come hands in the same `hello` each time, so that nothing is read twice.
    """
    if not data:
        return MORE
    if starts_like_tls(data):
        return _tls(data, hello or Hello())
    if HTTP2_PREFACE.startswith(data[: len(HTTP2_PREFACE)]):
        return Opening(Speech.HTTP2) if len(data) >= len(HTTP2_PREFACE) else MORE
    return _http1(data)


def may_be_http(data: bytes) -> bool:
    """Whether these first bytes begin with a word as every request does, be it malformed, or may yet do so."""
    return WORD.match(data) is not None


def _tls(data: bytes, reader: Hello) -> Opening:
    hello = reader.read(data)
    return MORE if hello is None else Opening(Speech.TLS, hello)


def _http1(data: bytes) -> Opening:
    if REQUEST_LINE.match(data, 0, MAX_REQUEST_LINE):
        return Opening(Speech.HTTP1)
    return MORE if len(data) < MAX_REQUEST_LINE and BEGINNING.fullmatch(data) else OTHER
