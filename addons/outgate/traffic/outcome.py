"""How one attempt at an origin ended, as far as retries and ejection ask.

Owns the value and its kinds. Knows no response and no connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

GATEWAY_ERRORS = frozenset({502, 503, 504})
GRPC_AS_HTTP = {
    0: 200,
    1: 499,
    3: 400,
    4: 504,
    5: 404,
    6: 409,
    7: 403,
    8: 429,
    9: 400,
    10: 409,
    11: 400,
    12: 501,
    14: 503,
    16: 401,
}
"""Envoy's table; every other code is 500."""


class Broken(StrEnum):
    """How an attempt failed without an answer."""

    CONNECT_FAILED = "connect-failure"
    """Nothing of the request was sent, TLS that was refused included."""
    REFUSED = "refused-stream"
    """The origin says that it has done nothing (HTTP/2's REFUSED_STREAM, or a stream above GOAWAY's)."""
    RESET_UNSENT = "reset-before-request"
    """A connection that broke before anything of the request was written on it."""
    RESET = "reset"
    TIMEOUT = "per-try-timeout"


NOTHING_DONE = frozenset({Broken.CONNECT_FAILED, Broken.REFUSED, Broken.RESET_UNSENT})
"""The origin has certainly not acted."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Either `broken` or `status` is given."""

    status: int | None = None
    broken: Broken | None = None
    grpc_status: int | None = None
    """Of an answer that is only trailers."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of the answer, looked up by lower-case name."""

    local: bool = field(init=False, compare=False)
    """Whether the gate, and not the origin, says that it failed."""
    as_status: int = field(init=False, compare=False)
    """As ejection counts it: gRPC's codes by Envoy's table, and what broke as a 503 or 504."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "local", self.broken is not None)
        object.__setattr__(self, "as_status", self._as_status())

    def _as_status(self) -> int:
        if self.broken is not None:
            return 504 if self.broken is Broken.TIMEOUT else 503
        if self.grpc_status is not None:
            return GRPC_AS_HTTP.get(self.grpc_status, 500)
        return self.status or 0
