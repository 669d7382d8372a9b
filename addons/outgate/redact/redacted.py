"""The only thing that may be kept: an exchange that the pipeline has been over, with what it did.

Owns that nothing else is one. `seal` is the pipeline's; whoever stores, exports or shows asks for `Redacted`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from outgate.redact.exchange import Exchange, Request, Response

TOO_LARGE = "too_large"


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


def bounded(kept: Redacted, most: int) -> Redacted:
    """Without bodies that are longer, once they are decoded, and with a word about those."""
    exchange = kept.exchange
    request, response = _bounded(exchange.request, most), _bounded(exchange.response, most)
    if request is exchange.request and response is exchange.response:
        return kept
    pairs = (("request.body", exchange.request, request), ("response.body", exchange.response, response))
    gone = tuple((where, TOO_LARGE) for where, before, after in pairs if after is not before)
    manifest = replace(kept.manifest, dropped=(*kept.manifest.dropped, *gone))
    return seal(replace(exchange, request=request, response=response), manifest)


def _bounded[Message: (Request, Response)](message: Message | None, most: int) -> Message | None:
    if message is None or len(message.body.content or b"") <= most:
        return message
    return replace(message, body=replace(message.body, content=None, missing=TOO_LARGE))
