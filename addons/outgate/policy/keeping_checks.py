"""What of redaction and capture could never happen beside the other documents.

Owns warnings that need several documents. What is wrong in one of them its front-end finds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from outgate.policy.hosts import within
from outgate.policy.model import Destination, Intercept, Port, Protocol, Source
from outgate.policy.redaction_model import CapturePolicy, Inline, KeepingPolicy, Matching
from outgate.problems import Problem, Severity


def unseen(keeping: KeepingPolicy, destinations: Iterable[Destination]) -> Iterator[Problem]:
    """Redaction of live messages that the gate never sees, as their TLS stays the workload's."""
    blind = [each for each in destinations if not any(map(_shown, each.ports))]
    for redaction in keeping.redactions:
        if redaction.inline is Inline.NONE or redaction.source is None:
            continue
        for host in redaction.matching.hosts:
            hidden = next((each for each in blind if any(within(host, pattern) for pattern in each.hosts)), None)
            if hidden is not None:
                what = f"inline {redaction.inline} never happens for {host}: {hidden.source} shows no messages"
                yield _warning(redaction.source, what, "give its ports intercept: DECRYPT, or remove the host")


def idle(keeping: KeepingPolicy) -> Iterator[Problem]:
    """Captures behind one that takes everything: of those that match an exchange the first has it."""
    taker: CapturePolicy | None = None
    for capture in keeping.captures:
        if taker is not None and capture.source is not None:
            what = f"{capture.name} captures nothing: {taker.source} comes first and takes everything"
            yield _warning(capture.source, what, "move it before that, or give that one a match")
        elif capture.matching == Matching() and capture.denied:
            taker = capture


def _shown(port: Port) -> bool:
    """Whether the gate sees requests on a port."""
    if port.protocol is Protocol.TCP:
        return False
    return port.intercept is Intercept.DECRYPT or port.protocol is Protocol.HTTP


def _warning(source: Source, what: str, hint: str) -> Problem:
    return Problem(source.where, what, hint, Severity.WARNING, source.field)
