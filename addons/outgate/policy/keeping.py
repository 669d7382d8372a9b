"""What documents say is kept of one attempt, and what is changed in it.

Owns which of them are about it. Carries nothing out.
"""

from __future__ import annotations

from dataclasses import dataclass

from outgate.policy.hosts import within
from outgate.policy.model import Attempt, AttemptKind, Destination
from outgate.policy.paths import bare, normalise
from outgate.policy.redaction_model import CapturePolicy, KeepingPolicy, RedactionPolicy


@dataclass(frozen=True, slots=True)
class Kept:
    """The redactions that hold together, and the capture that takes it."""

    redactions: tuple[RedactionPolicy, ...] = ()
    capture: CapturePolicy | None = None


def kept(keeping: KeepingPolicy, attempt: Attempt, *, denied: bool) -> Kept:
    """What is said of an attempt. The bodies of a request are not known yet: any could come."""
    redactions = keeping.redactions if attempt.kind is AttemptKind.HTTP else ()
    asked = _asked(attempt)
    return Kept(
        tuple(each for each in redactions if each.matching.fits(*asked)),
        next(iter(takers(keeping, attempt, denied=denied)), None),
    )


def takers(keeping: KeepingPolicy, attempt: Attempt, *, denied: bool) -> tuple[CapturePolicy, ...]:
    """The captures that could take an attempt, the first of them before the others: which one does is known when its
    bodies are. What passes as bytes fits those alone that do not ask for a method, a path or a media type."""
    asked = _asked(attempt)
    kinds = None if attempt.kind is AttemptKind.HTTP else ()
    return tuple(each for each in keeping.captures if (each.denied or not denied) and each.matching.fits(*asked, kinds))


def inline(keeping: KeepingPolicy, attempt: Attempt) -> tuple[RedactionPolicy, ...]:
    """The redactions that a request, and the answer to it, have to pass alive."""
    host, path = attempt.host or attempt.address or "", normalise(attempt.path, "BASE")
    return tuple(
        each
        for each in keeping.redactions
        if each.inline is not None and each.matching.fits(host, attempt.method, path)
    )


def blind(keeping: KeepingPolicy, attempt: Attempt, destination: Destination | None) -> RedactionPolicy | None:
    """The first redaction of live messages that bytes would escape: what is about some requests of a host is about all
    bytes that go there, for nobody sees what they are."""
    if attempt.kind is AttemptKind.HTTP:
        return None
    named = [name for name in (attempt.host, attempt.address) if name]
    hosts = (*named, *(destination.hosts if destination is not None else ()))
    live = (each for each in keeping.redactions if each.inline is not None)
    return next((each for each in live if _meets(each.matching.hosts, hosts)), None)


def _meets(wanted: tuple[str, ...], hosts: tuple[str, ...]) -> bool:
    """Whether some name could be meant by both; all are where none is wanted."""
    return not wanted or any(within(host, each) or within(each, host) for each in wanted for host in hosts)


def _asked(attempt: Attempt) -> tuple[str, str, str]:
    host = attempt.host or attempt.address or ""
    return (host, attempt.method, bare(attempt.path)) if attempt.kind is AttemptKind.HTTP else (host, "", "")
