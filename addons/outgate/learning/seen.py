"""One thing that a workload tried, as far as a registry is about it, whatever told of it.

Owns the shape, and who counts as a caller: text that no name of an account has is nobody's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

CALLER = re.compile(r"[a-z0-9][-a-z0-9.]{0,252}/(?:[a-z0-9][-a-z0-9.]{0,252})?")


class Speech(StrEnum):
    """What was spoken, as the gate met it."""

    HTTP = "plain HTTP"
    HTTPS = "HTTP over TLS that was decrypted"
    TLS = "TLS that passed"
    TCP = "bytes"


@dataclass(frozen=True, slots=True)
class Seen:
    """`host`: the name or address that was asked for, as it was told."""

    speech: Speech
    host: str
    port: int
    caller: str = ""
    """`NAMESPACE/ACCOUNT`; empty where it is not known."""
    denied: str = ""
    """The code of the denial; empty where it passed."""
    internal: bool = False
    """It stayed in the mesh."""
    http2: bool = False
    """HTTP/2 in the clear, such as gRPC."""
    originated: int = 0
    """The port that the gate had started TLS to, for plain HTTP."""
    mutual: bool = False
    """The gate had shown a client certificate."""


def caller_of(namespace: str, account: str) -> str:
    text = f"{namespace}/{account}"
    return text if CALLER.fullmatch(text) else ""
