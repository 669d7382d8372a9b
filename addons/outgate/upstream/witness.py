"""What passes in a TLS handshake, for somebody who looks on: what the server presented, and whether it asked for more.

Owns the reading of handshake messages, which `ssl` shows to nobody else. For diagnosis alone: the data plane does not
look, and nothing is decided by what is seen here.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Any

HANDSHAKE, CERTIFICATE, CERTIFICATE_REQUEST = 22, 11, 13
HEADER, LENGTH = 4, 3
"""Bytes of a handshake message's type and length, and of a length within it."""


@dataclass(slots=True)
class Witness:
    """What was seen of the handshakes of one context so far; of the last, where there were several."""

    leaf: bytes = b""
    """The server's certificate, DER, also where it was refused; empty before it came, and on a resumed session."""
    asked: bool = False
    """The server asked for a client certificate."""
    ready: bool = False
    """One was made ready. It leaves once the server is judged: where that failed, it did not."""

    def look(self, direction: str, version: int, content: int, kind: int, data: bytes) -> None:
        """One message, as `ssl` tells of it."""
        if content != HANDSHAKE:
            return
        if kind == CERTIFICATE_REQUEST and direction == "read":
            self.asked = True
        elif kind == CERTIFICATE:
            first = _first(data, version)
            if direction == "read":
                self.leaf = first
            else:
                self.ready = bool(first)


def witness(context: ssl.SSLContext) -> Witness:
    """Somebody who looks on from now on. Sees nothing where this Python has no such view."""
    made = Witness()

    def seen(_: object, direction: str, version: int, content: int, kind: int, data: bytes) -> None:
        made.look(direction, int(version), int(content), int(kind), data)

    viewed: Any = context
    if hasattr(viewed, "_msg_callback"):
        viewed._msg_callback = seen
    return made


def _first(data: bytes, version: int) -> bytes:
    """The first certificate of a Certificate message; empty where there is none. TLS 1.3 puts a context before them."""
    at = HEADER
    if version >= ssl.TLSVersion.TLSv1_3 and len(data) > at:
        at += 1 + data[at]
    at += LENGTH
    size = int.from_bytes(data[at : at + LENGTH])
    found = data[at + LENGTH : at + LENGTH + size]
    return found if len(found) == size else b""
