"""What becomes of a live message: it goes on, perhaps changed, or it does not, and why.

Owns the reasons, which are few and hold nothing of the message.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from outgate.policy.redaction_model import RedactionPolicy

PLACES = frozenset({"header", "trailer", "cookie", "query", "path", "body", "reason", "message"})


class Why(StrEnum):
    """Why nothing of it goes on."""

    BLOCKED = "blocked"
    """A rule says so. All others mean that no rule could be applied."""
    SIGNED = "signed"
    TOO_LARGE = "too_large"
    UNDECODABLE = "undecodable"
    UNREADABLE = "unreadable"
    TOO_DEEP = "too_deep"
    OPAQUE = "opaque"
    SPLIT = "split"
    PARTIAL = "partial"
    FRAMING = "framing"
    BUSY = "busy"
    FAILED = "failed"


class Refused(Exception):
    """Nothing of a message goes on. The text is for people."""

    def __init__(self, why: Why, text: str, source: RedactionPolicy | None = None, rule: str = "") -> None:
        super().__init__(text)
        self.why, self.source, self.rule = why, source, rule


@dataclass(frozen=True, slots=True)
class Looked[Message]:
    """A message that may go on."""

    message: Message
    changed: bool = False
    rules: tuple[str, ...] = ()
    """By which something in it was masked, once for each time."""


def place_of(where: str) -> str:
    """Where in a message something stands, of what `places` writes: without a word of the message."""
    side, _, rest = where.partition(".")
    part = rest.partition(".")[0].partition("[")[0] if side in ("request", "response") else side.partition("[")[0]
    return part if part in PLACES else "body"
