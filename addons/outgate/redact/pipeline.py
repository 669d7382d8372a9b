"""An exchange as it passed becomes one that may be kept: everything that nobody else may see is replaced.

Owns the order of it all, and that it fails closed: a body that cannot be looked into is dropped, and where anything
else goes wrong no more than a skeleton is left. Reads no file and knows no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache, partial

from outgate.policy.redaction_model import Direction, KeepingPolicy, Mode, RedactionPolicy, RedactionRule
from outgate.redact.codecs.media_type import essence
from outgate.redact.detect import defaults
from outgate.redact.exchange import Body, Exchange, Request, Response
from outgate.redact.ledger import Ledger
from outgate.redact.redacted import Manifest, Redacted, seal
from outgate.redact.replace.replacer import Replacer
from outgate.redact.rulebook import RuleBook
from outgate.redact.sides import Side, swept
from outgate.redact.sweep import Sweep

FAILED = "failed"
"""Why something was dropped that could not be looked at."""
UNSAID = RedactionPolicy("")
type Applied = Callable[[RedactionRule], RedactionRule]

REMEMBERED = 64
"""Sets of documents whose rules are kept compiled."""


class Redactor:
    """Under what documents say, with the replacements of one export. Threads may share it. `policy`: the digest of the
    redaction that is in force; `applied`: what a rule is carried out as, where that is not what it says."""

    def __init__(
        self, keeping: KeepingPolicy, replacer: Replacer, policy: str = "", applied: Applied | None = None
    ) -> None:
        self._redactions, self._replacer, self._policy = keeping.redactions, replacer, policy
        self._books = lru_cache(REMEMBERED)(partial(_books, applied=applied))

    def redact(self, exchange: Exchange) -> Redacted:
        """Never raises."""
        try:
            return self._redacted(exchange)
        except Exception:  # whatever it was, nothing that was not looked at is kept
            return seal(skeleton(exchange), Manifest(self._policy, dropped=(("exchange", FAILED),)))

    def _redacted(self, exchange: Exchange) -> Redacted:
        matching = tuple(each for each in self._redactions if fits(each, exchange))
        ledger = Ledger(self._replacer)
        allow = any(each.mode is Mode.ALLOW for each in matching)
        most = max((each.max_body for each in matching), default=UNSAID.max_body)
        request, response = (
            Side(name, book, ledger, allow=allow, most=most)
            for name, book in zip(("request", "response"), self._books(matching), strict=True)
        )
        request.read(exchange.request)
        response.read(exchange.response)
        request.texts({"error": exchange.error, "verdict.reason": exchange.verdict.reason})
        for number, message in enumerate(exchange.messages):
            (request if message.from_client else response).message(number, message.content)
        request.look()
        response.look()
        sweep = Sweep(ledger.taken)
        made = _made(exchange, request, response, ledger, sweep)
        return seal(made, ledger.manifest(self._policy, sweep))


def _made(exchange: Exchange, request: Side, response: Side, ledger: Ledger, sweep: Sweep) -> Exchange:
    """With everything replaced, and then without what stands anywhere else."""
    sides = request, response
    for side in sides:
        side.sweep(sweep)
        side.render()
    swept(sides, sweep, ledger)
    return replace(
        exchange,
        request=request.request(exchange.request),
        response=response.response(exchange.response),
        messages=tuple(
            replace(message, content=(request if message.from_client else response).content(number))
            for number, message in enumerate(exchange.messages)
        ),
        error=request.text("error"),
        verdict=replace(exchange.verdict, reason=request.text("verdict.reason")),
    )


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


def _books(matching: tuple[RedactionPolicy, ...], applied: Applied | None) -> tuple[RuleBook, RuleBook]:
    """For requests and for responses."""
    own = [rule for each in matching for rule in each.rules]
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
