"""What of redaction and capture could never happen beside the other documents.

Owns warnings that need several documents. What is wrong in one of them its front-end finds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from outgate.policy.hosts import within
from outgate.policy.model import Destination, Source
from outgate.policy.redaction_model import CapturePolicy, KeepingPolicy, Matching
from outgate.policy.tunnels import is_tunnelled
from outgate.problems import Problem, Severity


def unseen(keeping: KeepingPolicy, destinations: Iterable[Destination]) -> Iterator[Problem]:
    """Ports that pass bytes to where live messages are to be looked at: what comes there is denied."""
    tunnels = [
        (host, port.number, destination)
        for destination in destinations
        for port in destination.ports
        if is_tunnelled(port)
        for host in destination.hosts
    ]
    for redaction in keeping.redactions:
        wanted = redaction.matching.hosts
        if redaction.inline is None or redaction.source is None:
            continue
        for host, number, destination in tunnels:
            if not wanted or any(within(host, each) or within(each, host) for each in wanted):
                what = f"port {number} of {host} passes bytes, which are denied: inline cannot look into them"
                yield _warning(redaction.source, what, f"remove the port from {destination.source}, or decrypt it")


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
