"""What of redaction and capture could never happen beside the other documents.

Owns warnings that need several documents. What is wrong in one of them its front-end finds.
"""

from __future__ import annotations

from collections.abc import Iterator

from outgate.policy.model import Source
from outgate.policy.redaction_model import CapturePolicy, KeepingPolicy, Matching
from outgate.problems import Problem, Severity


def idle(keeping: KeepingPolicy) -> Iterator[Problem]:
    """Captures behind one that takes everything: of those that match an exchange the first has it."""
    taker: CapturePolicy | None = None
    for capture in keeping.captures:
        if taker is not None and capture.source is not None:
            what = f"{capture.name} captures nothing: {taker.source} comes first and takes everything"
            yield _warning(capture.source, what, "move it before that, or give that one a match")
        elif capture.matching == Matching() and capture.denied:
            taker = capture


def _warning(source: Source, what: str, hint: str) -> Problem:
    return Problem(source.where, what, hint, Severity.WARNING, source.field)
