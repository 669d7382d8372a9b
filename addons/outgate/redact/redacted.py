"""The only thing that may be kept: an exchange that the pipeline has been over, with what it did.

Owns that nothing else is one. `seal` is the pipeline's; whoever stores, exports or shows asks for `Redacted`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from outgate.redact.exchange import Exchange


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that was replaced, without what it was."""

    where: str
    """As `places` writes it: `request.header.authorization`, `response.body.$.items[0].card`."""
    rule: str
    """Of the rule or detector that found it."""
    strategy: str
    """`policy.redaction_model.Strategy`."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was done to one exchange. `dropped`: bodies that were taken out whole, and why."""

    policy: str = ""
    """Digest of the redaction that was in force."""
    marks: tuple[Mark, ...] = ()
    dropped: tuple[tuple[str, str], ...] = field(default=())


@dataclass(frozen=True, slots=True, init=False)
class Redacted:
    """Made by `seal`, or read back from what was stored as one."""

    exchange: Exchange
    manifest: Manifest

    def __init__(self) -> None:
        raise TypeError("only the pipeline makes these; call redact.pipeline")


def seal(exchange: Exchange, manifest: Manifest) -> Redacted:
    """For the pipeline, and for whoever reads back what was stored."""
    made = object.__new__(Redacted)
    object.__setattr__(made, "exchange", exchange)
    object.__setattr__(made, "manifest", manifest)
    return made
