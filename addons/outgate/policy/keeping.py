"""What documents say is kept of one attempt, and what is changed in it.

Owns which of them are about it. Carries nothing out.
"""

from __future__ import annotations

from dataclasses import dataclass

from outgate.policy.model import Attempt, AttemptKind
from outgate.policy.paths import bare
from outgate.policy.redaction_model import CapturePolicy, KeepingPolicy, RedactionPolicy


@dataclass(frozen=True, slots=True)
class Kept:
    """The redactions that hold together, and the capture that takes it."""

    redactions: tuple[RedactionPolicy, ...] = ()
    capture: CapturePolicy | None = None


def kept(keeping: KeepingPolicy, attempt: Attempt, *, denied: bool) -> Kept:
    """What is said of a request; of tunnels and bytes nothing is. Its bodies are not known yet: any could come."""
    if attempt.kind is not AttemptKind.HTTP:
        return Kept()
    asked = attempt.host or attempt.address or "", attempt.method, bare(attempt.path)
    return Kept(
        tuple(each for each in keeping.redactions if each.matching.fits(*asked)),
        next(
            (each for each in keeping.captures if each.matching.fits(*asked) and (each.denied or not denied)),
            None,
        ),
    )
