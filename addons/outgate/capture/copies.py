"""A capture as many: each copy has the same exchanges, with other values wherever redaction had put some.

Owns what makes a copy: its own ids, values that are others in every copy and the same wherever they stood alike, and
the marks of the original. Sees what was redacted, and needs no key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from hashlib import sha256

from outgate.policy.redaction_model import KeepingPolicy, RedactionPolicy
from outgate.redact.exchange import Exchange, Fields, Request, Response
from outgate.redact.pipeline import Redactor
from outgate.redact.redacted import Manifest, Redacted, seal
from outgate.redact.replace.mocking import Mocker, Mocking

type Renew = Callable[[str], str]


def copies(
    source: Iterable[Redacted], number: int, seed: str, redactions: tuple[RedactionPolicy, ...] = ()
) -> Iterator[Redacted]:
    """All exchanges of the first copy, then of the next. `source` is iterated once for each. `redactions`: what had
    made the pseudonyms, where that was more than the default rules."""
    for copy in range(1, number + 1):
        mocking = Mocking(seed, copy)
        redactor = Redactor(KeepingPolicy(redactions), mocking)
        for kept in source:
            yield _copied(kept, redactor, mocking.mocker, f"{seed}/{copy}")


def _copied(kept: Redacted, redactor: Redactor, mocker: Mocker, copy: str) -> Redacted:
    mocker.begin()
    made = redactor.redact(_renewed(kept.exchange, mocker.tokens))
    marks = tuple(replace(mark, where=mocker.tokens(mark.where)) for mark in kept.manifest.marks)
    dropped = tuple(dict.fromkeys((*kept.manifest.dropped, *made.manifest.dropped)))
    name = sha256(f"{copy}/{kept.exchange.id}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return seal(replace(made.exchange, id=name), Manifest(kept.manifest.policy, marks, dropped))


def _renewed(exchange: Exchange, tokens: Renew) -> Exchange:
    """With other tokens, wherever they stand as they are: they are as long, and need no escape anywhere."""
    request, response = exchange.request, exchange.response
    return replace(
        exchange,
        request=request and _message(replace(request, target=tokens(request.target)), tokens),
        response=response and _message(replace(response, reason=tokens(response.reason)), tokens),
        messages=tuple(replace(each, content=_content(each.content, tokens)) for each in exchange.messages),
        error=tokens(exchange.error),
        verdict=replace(exchange.verdict, reason=tokens(exchange.verdict.reason)),
    )


def _message[Message: (Request, Response)](message: Message, tokens: Renew) -> Message:
    content = message.body.content
    body = message.body if content is None else replace(message.body, content=_content(content, tokens))
    return replace(
        message, fields=_fields(message.fields, tokens), trailers=_fields(message.trailers, tokens), body=body
    )


def _fields(fields: Fields, tokens: Renew) -> Fields:
    return tuple((_content(name, tokens), _content(value, tokens)) for name, value in fields)


def _content(content: bytes, tokens: Renew) -> bytes:
    return tokens(content.decode("latin-1")).encode("latin-1")
