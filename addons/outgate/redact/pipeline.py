"""An exchange as it passed becomes one that may be kept: everything that nobody else may see is replaced.

Owns the order of it all, and that it fails closed: a body that cannot be looked into is dropped, and where anything
else goes wrong no more than a skeleton is left. Reads no file and knows no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from outgate.policy.redaction_model import Direction, KeepingPolicy, Mode, RedactionPolicy, RedactionRule
from outgate.redact.codecs.media_type import essence
from outgate.redact.codecs.utf8 import encoded
from outgate.redact.detect import defaults
from outgate.redact.exchange import Body, Exchange, Request, Response, Verdict, WebSocketMessage
from outgate.redact.ledger import UNTOUCHED, Ledger
from outgate.redact.naming import telling
from outgate.redact.quiet import Quiet
from outgate.redact.redacted import Manifest, Redacted, seal
from outgate.redact.replace.replacer import Replacer
from outgate.redact.rulebook import RuleBook
from outgate.redact.sides import Side, stays, swept
from outgate.redact.sweep import Sweep

FAILED = "failed"
"""Why something was dropped that could not be looked at."""
UNSAID = RedactionPolicy("")
type Applied = Callable[[RedactionRule], RedactionRule]

REMEMBERED = 64
"""Sets of documents whose rules are kept compiled."""


class _Terms(NamedTuple):
    """What some documents say together. `most`: bytes of a body."""

    books: tuple[RuleBook, RuleBook]
    quiet: tuple[Quiet, Quiet]
    allow: bool
    most: int


class Redactor:
    """Under what documents say, with the replacements of one export. Threads may share it. `policy`: the digest of the
    redaction that is in force. `also`: rules that hold after those of documents, whatever these are about. `applied`:
    what a rule is carried out as, where that is not what it says. `tell`: is told what was taken of each exchange, and
    by which rules."""

    def __init__(
        self,
        keeping: KeepingPolicy,
        replacer: Replacer,
        policy: str = "",
        also: tuple[RedactionRule, ...] = (),
        applied: Applied | None = None,
        tell: Callable[[Mapping[str, str]], None] | None = None,
    ) -> None:
        self._redactions, self._replacer, self._policy = keeping.redactions, replacer, policy
        self._also, self._applied, self._tell = also, applied, tell
        self._terms = lru_cache(REMEMBERED)(self._said)

    def redact(self, exchange: Exchange, before: Manifest = UNTOUCHED) -> Redacted:
        """Never raises. `before`: what was done to it already."""
        try:
            return self._redacted(exchange, before)
        except Exception:  # whatever it was, nothing that was not looked at is kept
            return seal(skeleton(exchange), Manifest(self._policy, dropped=(("exchange", FAILED),)))

    def _redacted(self, exchange: Exchange, before: Manifest) -> Redacted:
        terms = self._terms(*[number for number, each in enumerate(self._redactions) if fits(each, exchange)])
        if _stays(exchange, terms):
            return seal(_decoded(exchange), Manifest(self._policy, before.marks, before.dropped))
        ledger = Ledger(self._replacer)
        request, response = (
            Side(name, book, ledger, allow=terms.allow, most=terms.most, joins=not terms.allow)
            for name, book in zip(("request", "response"), terms.books, strict=True)
        )
        request.read(exchange.request)
        response.read(exchange.response)
        request.texts({"error": exchange.error, "verdict.reason": exchange.verdict.reason})
        for side in (request, response):
            sent = enumerate(exchange.messages)
            side.messages({n: each.content for n, each in sent if each.from_client is (side is request)})
        request.look()
        response.look()
        sweep = Sweep(ledger.taken)
        made = _made(exchange, request, response, ledger, sweep)
        if self._tell is not None:
            self._tell(ledger.replaced)
        return seal(made, ledger.manifest(self._policy, sweep, before))

    def _said(self, *numbers: int) -> _Terms:
        """By the documents with these numbers."""
        matching = tuple(self._redactions[number] for number in numbers)
        allow = any(each.mode is Mode.ALLOW for each in matching)
        most = max((each.max_body for each in matching), default=UNSAID.max_body)
        asking, answering = _books(matching, self._also, self._applied)
        return _Terms((asking, answering), (asking.quiet, answering.quiet), allow, most)


def _stays(exchange: Exchange, terms: _Terms) -> bool:
    """Whether all of it is known to be nobody's."""
    (asking, answering), request, response = terms.quiet, exchange.request, exchange.response
    error, said = exchange.error, exchange.verdict.reason
    reason = response.reason if response is not None else ""
    return not (
        exchange.messages
        or (request is not None and telling(request.method))
        or (request is not None and not asking.has("target", "", encoded(request.target)))
        or (error and not asking.has("text", "error", encoded(error)))
        or (said and not asking.has("text", "verdict.reason", encoded(said)))
        or (reason and not answering.has("text", "response.reason", encoded(reason)))
        or not stays("request", request, asking)
        or not stays("response", response, answering)
    )


def _decoded(exchange: Exchange) -> Exchange:
    """The same, whose bodies have no codings."""
    request, response = exchange.request, exchange.response
    if request is not None and not request.body.decoded:
        at, body = (request.scheme, request.host, request.port), _without_codings(request.body)
        request = Request(request.method, *at, request.target, request.protocol, request.fields, body)
    if response is not None and not response.body.decoded:
        body = _without_codings(response.body)
        response = Response(response.status, response.reason, response.protocol, response.fields, body)
    if request is exchange.request and response is exchange.response:
        return exchange
    return _with(exchange, request, response, (), exchange.error, exchange.verdict)


def _with(
    exchange: Exchange,
    request: Request | None,
    response: Response | None,
    messages: tuple[WebSocketMessage, ...],
    error: str,
    verdict: Verdict,
) -> Exchange:
    """Made anew: to copy and change takes three times as long."""
    return Exchange(
        id=exchange.id,
        started=exchange.started,
        request=request,
        response=response,
        messages=messages,
        close_code=exchange.close_code,
        relayed=exchange.relayed,
        error=error,
        verdict=verdict,
        timing=exchange.timing,
        caller=exchange.caller,
    )


def _without_codings(body: Body) -> Body:
    return Body(body.content, True, body.size, chunks=body.chunks)


def _made(exchange: Exchange, request: Side, response: Side, ledger: Ledger, sweep: Sweep) -> Exchange:
    """With everything replaced, and then without what stands anywhere else."""
    sides = request, response
    for side in sides:
        side.sweep(sweep)
        side.render()
    swept(sides, sweep, ledger)
    before, reason = exchange.verdict, request.text("verdict.reason")
    messages = tuple(
        replace(message, content=(request if message.from_client else response).content(number))
        for number, message in enumerate(exchange.messages)
    )
    verdict = before if reason == before.reason else replace(before, reason=reason)
    heard = request.request(exchange.request), response.response(exchange.response)
    return _with(exchange, *heard, messages, request.text("error"), verdict)


def fits(redaction: RedactionPolicy, exchange: Exchange) -> bool:
    """Whether a document is about an exchange. One that is about some requests alone is about no tunnel."""
    asked = exchange.request
    if asked is None:
        host = exchange.relayed.host if exchange.relayed else ""
        return redaction.matching.fits(host, "", "", ())
    path = asked.target.partition("?")[0]
    return redaction.matching.fits(asked.host, asked.method, path, frozenset(_media_types(exchange)))


def _media_types(exchange: Exchange) -> Iterator[str]:
    for message in (exchange.request, exchange.response):
        for name, value in message.fields if message is not None else ():
            if name.lower() == b"content-type":
                yield essence(value.decode("latin-1"))


def _books(
    matching: tuple[RedactionPolicy, ...], also: tuple[RedactionRule, ...], applied: Applied | None
) -> tuple[RuleBook, RuleBook]:
    """For requests and for responses."""
    own = [*(rule for each in matching for rule in each.rules), *also]
    shipped: tuple[RedactionRule, ...] = defaults.RULES
    if matching and not any(each.defaults for each in matching):
        shipped = ()
    rules = (*own, *shipped) if applied is None else tuple(map(applied, (*own, *shipped)))
    return RuleBook(rules, Direction.REQUEST, len(own)), RuleBook(rules, Direction.RESPONSE, len(own))


def skeleton(exchange: Exchange) -> Exchange:
    """What no value of anybody's is in."""
    request, response, gone = exchange.request, exchange.response, Body(None, decoded=True, missing=FAILED)
    return Exchange(
        id=exchange.id,
        started=exchange.started,
        request=request and Request(request.method, request.scheme, request.host, request.port, "/", body=gone),
        response=response and Response(response.status, body=gone),
        relayed=exchange.relayed,
        verdict=replace(exchange.verdict, reason=""),
        timing=exchange.timing,
        caller=exchange.caller,
    )
