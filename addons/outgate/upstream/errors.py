"""Why a connection to the outside was not made.

Owns the stable codes and the HTTP status of each. Knows nothing of how connections are made.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Failure(StrEnum):
    """Stable: shared by the answer, the log and the metric."""

    RESOLVE_FAILED = "resolve_failed"
    ADDRESS_REFUSED = "address_refused"
    CONNECT_FAILED = "connect_failed"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS_FAILED = "tls_failed"
    """The handshake, or the chain of the server's certificate."""
    IDENTITY_FAILED = "identity_failed"
    """The server's name or key is not an accepted one, or the gate's own certificate or credential is not usable."""
    VIA_FAILED = "via_failed"
    """A proxy on the way refused."""


STATUS = {
    Failure.RESOLVE_FAILED: 503,
    Failure.ADDRESS_REFUSED: 502,
    Failure.CONNECT_FAILED: 503,
    Failure.CONNECT_TIMEOUT: 503,
    Failure.TLS_FAILED: 502,
    Failure.IDENTITY_FAILED: 502,
    Failure.VIA_FAILED: 503,
}


class UpstreamError(Exception):
    """No connection. `status` is the HTTP status for the workload; the message is for people, in lower case."""

    def __init__(
        self, code: Failure, message: str, status: int | None = None, taken: Mapping[str, float] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = STATUS[code] if status is None else status
        self.peername: tuple[Any, ...] = ()
        """Where it was connected to before it failed; empty where it never was."""
        self.taken = taken or {}
        """Seconds of each part that it came to, as in `course`; the last one failed."""

    @property
    def unproven(self) -> bool:
        """The server's certificate is none that the policy accepts."""
        import ssl  # whoever only explains a decision knows these errors, and no TLS

        return isinstance(self.__cause__, ssl.SSLCertVerificationError)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"
