"""The only thing that may be kept: an exchange that the pipeline has been over, with what it did.

Owns that nothing else is one. `seal` is the pipeline's; whoever stores, exports or shows asks for `Redacted`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from outgate.redact.exchange import Exchange, Request, Response, WebSocketMessage

TOO_LARGE, CUT = "too_large", "cut"


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
    """What was done to one exchange. `dropped`: bodies that were taken out, or cut, and why."""

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
    return _with(kept, request, response, TOO_LARGE)


def cut(kept: Redacted, most: int) -> Redacted:
    """With no more than the beginning of each body, and the last messages, for whoever looks at it."""
    exchange, left = kept.exchange, most
    messages: list[WebSocketMessage] = []
    for message in reversed(exchange.messages):
        left -= len(message.content)
        if left < 0:
            break
        messages.append(message)
    shown = seal(replace(exchange, messages=tuple(reversed(messages))), kept.manifest)
    return _with(shown, _cut(exchange.request, most), _cut(exchange.response, most), CUT)


def _with(kept: Redacted, request: Request | None, response: Response | None, why: str) -> Redacted:
    """With other bodies, and a word about those."""
    exchange = kept.exchange
    pairs = (("request.body", exchange.request, request), ("response.body", exchange.response, response))
    gone = tuple((where, why) for where, before, after in pairs if after is not before)
    manifest = replace(kept.manifest, dropped=(*kept.manifest.dropped, *gone))
    return seal(replace(exchange, request=request, response=response), manifest)


def _cut[Message: (Request, Response)](message: Message | None, most: int) -> Message | None:
    if message is None or len(content := message.body.content or b"") <= most:
        return message
    return replace(message, body=replace(message.body, content=content[:most]))


def _bounded[Message: (Request, Response)](message: Message | None, most: int) -> Message | None:
    if message is None or len(message.body.content or b"") <= most:
        return message
    return replace(message, body=replace(message.body, content=None, missing=TOO_LARGE))
