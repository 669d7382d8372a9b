"""What a connection speaks, from its first bytes. Pure; never guesses: unknown bytes are `OTHER`.

Knows the openings of TLS, HTTP/1 and HTTP/2. Sockets, timeouts and what is done about it are `intake`'s.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from outgate.proxy.hello import ClientHello, read_hello, starts_like_tls

HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
REQUEST_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32} [^\x00-\x20\x7f]+ HTTP/1\.[01]\r?\n")
METHOD_START = re.compile(
    rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}( [^\x00-\x20\x7f]*( (H(T(T(P(/(1(\.([01]\r?)?)?)?)?)?)?)?)?)?)?"
)
MAX_REQUEST_LINE = 16 * 1024


class Speech(StrEnum):
    TLS = "tls"
    HTTP1 = "http/1"
    HTTP2 = "http/2"
    OTHER = "other"
    MORE = "more"
    """Not to be told yet."""


@dataclass(frozen=True, slots=True)
class Opening:
    """The verdict on the first bytes; `hello` for TLS; `need` is how many bytes would tell more."""

    speech: Speech
    hello: ClientHello | None = None
    need: int = 0


def classify(data: bytes) -> Opening:
    """What these first bytes are. Raises `MalformedHello` for TLS that cannot be read."""
    if not data:
        return Opening(Speech.MORE, need=1)
    if data[0] == 0x16:
        return _tls(data)
    if HTTP2_PREFACE.startswith(data[: len(HTTP2_PREFACE)]):
        if len(data) >= len(HTTP2_PREFACE):
            return Opening(Speech.HTTP2)
        return Opening(Speech.MORE, need=len(HTTP2_PREFACE))
    return _http1(data)


def _tls(data: bytes) -> Opening:
    if len(data) < 3:
        return Opening(Speech.MORE, need=5)
    if not starts_like_tls(data):
        return Opening(Speech.OTHER)
    hello = read_hello(data)
    if hello is None:
        return Opening(Speech.MORE, need=len(data) + 1)
    return Opening(Speech.TLS, hello)


def _http1(data: bytes) -> Opening:
    # Leading empty lines before a request line are allowed by RFC 9112, 2.2; no other protocol opens with them.
    line = data.lstrip(b"\r\n")
    if REQUEST_LINE.match(line):
        return Opening(Speech.HTTP1)
    if len(data) < MAX_REQUEST_LINE and METHOD_START.fullmatch(line):
        return Opening(Speech.MORE, need=len(data) + 1)
    return Opening(Speech.OTHER)
