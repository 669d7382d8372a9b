"""What writers of every format need: the form that they have, and pieces of messages as other programs want them.

Owns which fields tell of the wire alone, and when a body is text.
"""

from __future__ import annotations

from email.message import Message
from typing import Protocol
from urllib.parse import quote

from outgate.capture.matching.canonical import field
from outgate.redact.exchange import Body, Fields, Request, Response
from outgate.redact.redacted import Redacted

OF_THE_WIRE = frozenset({b"content-length", b"transfer-encoding", b"connection", b"keep-alive", b"trailer"})
"""What whoever sends a message anew makes anew."""
PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
ASCII = "".join(map(chr, range(0x21, 0x7F)))
OCTETS = "application/octet-stream"


class Writer(Protocol):
    """Writes one format. Holds no more than one exchange."""

    def write(self, kept: Redacted) -> str:
        """Empty, or why the format has no place for it."""

    def close(self) -> None:
        """Nothing more comes."""


def text(said: str) -> str:
    """Without what no UTF-8 can say."""
    return said.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def authority(request: Request) -> str:
    host = f"[{request.host}]" if ":" in request.host else request.host
    return host if request.port in (PORTS.get(request.scheme), 0) else f"{host}:{request.port}"


def url(request: Request) -> str:
    return text(f"{request.scheme}://{authority(request)}{target(request)}")


def target(request: Request) -> str:
    """Path and query in ASCII."""
    said = request.target if request.target.startswith("/") else f"/{request.target}"
    return quote(said.encode("utf-8", "surrogateescape"), safe=ASCII)


def media_type(message: Request | Response) -> str:
    return text(field(message.fields, b"content-type"))


def sent_anew(message: Request | Response) -> Fields:
    """The fields for whoever sends the message's content, as it is kept, anew."""
    gone = OF_THE_WIRE | {b"content-encoding"} if message.body.decoded else OF_THE_WIRE
    return tuple((name, value) for name, value in message.fields if name.lower() not in gone)


def lists(fields: Fields) -> dict[str, list[str]]:
    """Values by name, as it was written first."""
    found: dict[str, tuple[str, list[str]]] = {}
    for name, value in fields:
        key = name.lower().decode("latin-1")
        found.setdefault(key, (name.decode("latin-1"), []))[1].append(said(value))
    return dict(found.values())


def said(value: bytes) -> str:
    """The value of a field: UTF-8 where it is, a character for each byte where it is not."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def as_text(body: Body, kind: str) -> str | None:
    """The text of a body; None where no text would give the same bytes back."""
    content, charset = body.content or b"", charset_of(kind)
    try:
        found = content.decode(charset)
        return found if found.encode(charset) == content else None
    except (UnicodeError, LookupError):
        return None


def charset_of(kind: str) -> str:
    """What a media type says, if it is one of text."""
    head = Message()
    head["content-type"] = kind.replace("\r", " ").replace("\n", " ")
    try:
        return head.get_content_charset("utf-8")
    except (UnicodeError, LookupError):
        return "utf-8"
