"""Headers that the gate sets: credentials that the workload never holds.

Owns reading their files, noticing that they were replaced, and refusing what would break out of a header. When they
leave is the caller's: after the destination is verified. Knows nothing of requests.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from outgate.policy.model import HeaderInjection
from outgate.problems import Problem, Where
from outgate.upstream.errors import Failure, UpstreamError
from outgate.upstream.masking import SHORTEST, Mask, MaskedStream
from outgate.upstream.secret import Secret
from outgate.upstream.watch import RECHECK, Stamp, contents, stamps

NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
FRAMING = frozenset(
    ("connection", "content-length", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade")
)
"""Never set: what they say is the HTTP layer's to say."""
LONGEST = 16 * 1024
KEPT = 1024
FORBIDDEN = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Injected:
    """What one request is given, and what hides it where it echoes. Values that the policy spells out are no secret."""

    headers: tuple[tuple[str, Secret], ...]
    """Lower-case names; each replaces what the workload sent under that name."""
    _mask: Mask

    @property
    def echoes(self) -> bool:
        """Whether there is anything to mask."""
        return bool(self._mask)

    def mask(self, data: bytes) -> bytes:
        """The same number of bytes, with asterisks for the values and their encoded forms."""
        return self._mask.mask(data)

    def mask_cut(self, data: bytes) -> bytes:
        """The same for what may have been cut off within a value, as where no more than 125 bytes have room."""
        masking = self.stream()
        whole, rest = masking.feed(data), masking.finish()
        return whole + (b"*" * len(rest) if len(rest) >= SHORTEST else rest)

    def stream(self) -> MaskedStream:
        """The same for a body that comes in pieces."""
        return MaskedStream(self._mask)


@dataclass(slots=True)
class _Value:
    """A file's value, or why there is none, and the state of the file."""

    secret: Secret | None
    why: str
    stamp: tuple[Stamp, ...]
    checked: float


class InjectedHeaders:
    """The values of `HeaderInjection`s, each file read when it changes. `report` is told once of each bad state."""

    def __init__(
        self,
        report: Callable[[Problem], None] = lambda problem: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._report, self._clock = report, clock
        self._values: dict[str, _Value] = {}
        self._masks: dict[tuple[Secret, ...], Mask] = {}

    def of(self, injections: tuple[HeaderInjection, ...]) -> Injected:
        """The headers of one request. A value that was read before stays in use until its file is whole again.

        Raises `UpstreamError` with `identity_failed` where one has no usable value, for then the request would go
        without its credential.
        """
        values = [(injection, _name(injection.name), self._value(injection)) for injection in injections]
        hidden = tuple(secret for injection, _, secret in values if injection.file is not None)
        return Injected(tuple((name, secret) for _, name, secret in values), self._mask(hidden))

    def _mask(self, secrets: tuple[Secret, ...]) -> Mask:
        mask = self._masks.get(secrets)
        if mask is None:
            if len(self._masks) >= KEPT:
                self._masks.clear()
            mask = self._masks[secrets] = Mask(secrets)
        return mask

    def _value(self, injection: HeaderInjection) -> Secret:
        if injection.file is None:
            return header_value((injection.value or "").encode(), f"header {injection.name}")
        known = self._values.get(injection.file)
        if known is None or (self._clock() - known.checked >= RECHECK and self._changed(injection.file, known)):
            known = self._values[injection.file] = self._read(injection.file, known)
        if known.secret is None:
            raise UpstreamError(Failure.IDENTITY_FAILED, known.why)
        return known.secret

    def _changed(self, path: str, known: _Value) -> bool:
        known.checked = self._clock()
        return stamps((path,)) != known.stamp

    def _read(self, path: str, old: _Value | None) -> _Value:
        stamp, now = stamps((path,)), self._clock()
        try:
            secret = header_value(contents((path,))[path], path)
        except (OSError, ValueError, UpstreamError) as error:
            why = _why(path, error)
            kept = old.secret if old is not None else None
            what = "the value read before stays in use" if kept is not None else "its destination is not reached"
            self._report(Problem(Where(path), why, f"{what} until the file can be used"))
            return _Value(kept, why, stamp, now)
        if len(secret.reveal()) < SHORTEST:
            self._report(Problem(Where(path), f"a value under {SHORTEST} bytes is not masked where it echoes"))
        return _Value(secret, "", stamp, now)


def _why(path: str, error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{path} cannot be read: {error.strerror}"
    return error.message if isinstance(error, UpstreamError) else str(error)


def _name(name: str) -> str:
    lower = name.lower()
    if not NAME.fullmatch(name) or lower in FRAMING:
        raise UpstreamError(Failure.IDENTITY_FAILED, f"header {name!r} cannot be set; name another")
    return lower


def header_value(data: bytes, where: str) -> Secret:
    """The value without the newline that editors and mounts leave at the end."""
    value = data.removesuffix(b"\n").removesuffix(b"\r")
    if FORBIDDEN.search(value):
        raise UpstreamError(Failure.IDENTITY_FAILED, f"{where} has a line break or a control byte; use a single line")
    if not value.strip() or len(value) > LONGEST:
        raise UpstreamError(Failure.IDENTITY_FAILED, f"{where} has {len(value)} bytes; use 1 to {LONGEST}")
    return Secret(value)
