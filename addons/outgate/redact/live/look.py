"""One live message that is here whole, or its head, or a piece of it: what the rules find in it, and what goes on.

Owns that nothing goes on that could not be looked into: names of fields and what frames a message, too, which are kept
as they are. What did not change leaves byte by byte as it came.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from outgate.policy.redaction_model import RedactionPolicy
from outgate.redact.codecs.formats import Format
from outgate.redact.codecs.utf8 import decoded, encoded
from outgate.redact.decoding import codings
from outgate.redact.documents import Document
from outgate.redact.encoding import encode
from outgate.redact.exchange import Body, Fields, Request, Response
from outgate.redact.heads import DIGESTS, FRAMING
from outgate.redact.leaf import Leaf
from outgate.redact.ledger import DEEP, Ledger
from outgate.redact.live.digests import renewed
from outgate.redact.live.rules import Rules
from outgate.redact.live.signatures import Covered, covered
from outgate.redact.live.verdict import Looked, Refused, Why, place_of
from outgate.redact.redacted import Mark
from outgate.redact.replace.replacer import Replacer
from outgate.redact.sides import Side, swept
from outgate.redact.survey import Survey
from outgate.redact.sweep import Sweep

REASONS = {
    "too_large": (Why.TOO_LARGE, "is larger than what is looked at"),
    "undecodable": (Why.UNDECODABLE, "cannot be decoded"),
    "unreadable": (Why.UNREADABLE, "cannot be read as what it says it is"),
    "too_deep": (Why.TOO_DEEP, "holds more bodies in bodies than are looked at"),
}
"""Of what the pipeline drops, in the words of a denial."""
NOT_SAID = frozenset({"host", "content-length"})
"""Of what frames a message: a name that was verified, and a number that has to be true."""

type Either = Request | Response


class Look:
    """Under some rules."""

    def __init__(self, rules: Rules, replacer: Replacer) -> None:
        self.rules, self._replacer = rules, replacer

    def at(self, message: Either) -> Looked[Either]:
        """All of a message. Raises `Refused`."""
        target = message.target if isinstance(message, Request) else ""
        return self.under(message, covered(message.fields, target))

    def under(self, message: Either, signed: Covered) -> Looked[Either]:
        """A message, or a part of one, that carries these signatures. Raises `Refused`."""
        side, marks = self._read(message)
        made = _made(side, message)
        if made.body.content == message.body.content or not self._changed(side):
            made = replace(made, body=message.body)
        else:
            made = _again(message, made)
        if made == message:
            return Looked(message)
        self._allowed(marks, message, made, signed)
        return Looked(made, changed=True, rules=tuple(mark.rule for mark in marks))

    def shown(self, head: Request) -> Request:
        """The head of a request as it may be told of, whatever becomes of it."""
        ledger, side = self._side()
        side.read(head)
        side.texts({"request.method": head.method})
        self._replace(ledger, side)
        made = _made(side, head)
        return replace(head, method=side.text("request.method"), target=side.text("target"), fields=made.fields)

    def text(self, text: str, where: str) -> str:
        """A text beside all messages, such as why a WebSocket is closed. Raises `Refused`."""
        ledger, side = self._side()
        side.texts({where: text})
        marks = self._over(ledger, side)
        if (made := side.text(where)) != text:
            self._blocked(marks)
        return made

    def message(self, number: int, content: bytes) -> Looked[bytes]:
        """Of a WebSocket. Raises `Refused`."""
        ledger, side = self._side()
        side.message(number, content)
        marks = self._over(ledger, side)
        made = side.content(number)
        if made == content:
            return Looked(content)
        self._blocked(marks)
        return Looked(made, changed=True, rules=tuple(mark.rule for mark in marks))

    def plain(self, text: bytes, signed: Covered) -> Looked[bytes]:
        """A text of no format, or some of it. Raises `Refused`."""
        ledger = Ledger(self._replacer)
        survey = Survey(self.rules.book, ledger, allow=False)
        leaf = Leaf(0, len(text), decoded(text), encoded)
        document = Document(text, (leaf,) if text else (), lambda _: "body", Format.TEXT)
        survey.document(document)
        survey.look()
        sweep = Sweep(ledger.taken)
        made = document.rendered()
        made = sweep.over([made]).get(0, made)
        marks = self._sure(ledger, sweep)
        if made == text:
            return Looked(text)
        self._blocked(marks)
        if signed.body and not self.rules.forced(mark.rule for mark in marks):
            raise Refused(Why.SIGNED, f"the body would change, and {signed.by} signs it", self._said(marks))
        return Looked(made, changed=True, rules=tuple(mark.rule for mark in marks))

    def _side(self) -> tuple[Ledger, Side]:
        ledger = Ledger(self._replacer)
        return ledger, Side(self.rules.side.lower(), self.rules.book, ledger, allow=False, most=self.rules.most)

    def _read(self, message: Either) -> tuple[Side, list[Mark]]:
        ledger, side = self._side()
        side.read(message)
        frame = dict(_frame(message))
        side.texts(frame)
        marks = self._over(ledger, side)
        if any(side.text(where) != text for where, text in frame.items()):
            self._blocked(marks)
            why = "a name of a field, or what frames the message, would have to change"
            raise Refused(Why.FRAMING, why, self.rules.strictest)
        return side, marks

    def _over(self, ledger: Ledger, side: Side) -> list[Mark]:
        """Everything that is done to what was read. Raises `Refused` where something cannot be seen."""
        opaque = self.rules.opaque and any(_is_opaque(piece.document) for piece in side.pieces())
        sweep = self._replace(ledger, side)
        marks = self._sure(ledger, sweep)
        if opaque:
            raise Refused(Why.OPAQUE, "the body is in no format that is known", self.rules.strictest)
        return marks

    @staticmethod
    def _replace(ledger: Ledger, side: Side) -> Sweep:
        side.look()
        sweep = Sweep(ledger.taken)
        side.sweep(sweep)
        side.render()
        swept((side,), sweep, ledger)
        return sweep

    def _sure(self, ledger: Ledger, sweep: Sweep) -> list[Mark]:
        """What was done. Raises `Refused` where something was not seen."""
        for _, why in ledger.dropped:
            reason, text = REASONS.get(why, (Why.FAILED, "could not be looked at"))
            raise Refused(reason, f"the body {text}", self.rules.strictest)
        marks = list(ledger.manifest("", sweep).marks)
        if any(mark.rule == DEEP for mark in marks):
            raise Refused(Why.TOO_DEEP, "a value holds more encodings than are looked into", self.rules.strictest)
        return marks

    @staticmethod
    def _changed(side: Side) -> bool:
        return any(piece.made != piece.before for piece in side.pieces() if piece.where.endswith(".body"))

    def _allowed(self, marks: list[Mark], before: Either, made: Either, signed: Covered) -> None:
        """Raises `Refused` where what has changed may not change."""
        self._blocked(marks)
        if not signed.by or self.rules.forced(mark.rule for mark in marks):
            return
        if (what := _broken(before, made, signed)) is not None:
            text = f"{what} would change, and {signed.by} signs it"
            raise Refused(Why.SIGNED, text, self._said(marks))

    def _blocked(self, marks: list[Mark]) -> None:
        """Raises `Refused` where one of the rules that found something blocks."""
        for mark in sorted(marks, key=lambda mark: self.rules.source(mark.rule) is None):
            if self.rules.blocks(mark.rule):
                source = self.rules.source(mark.rule) or self.rules.strictest
                rule = mark.rule.rpartition("/")[2] if self.rules.source(mark.rule) else "a rule"
                text = f"{rule} finds what it blocks in the {self.rules.side.lower()}'s {place_of(mark.where)}"
                raise Refused(Why.BLOCKED, text, source, mark.rule)

    def _said(self, marks: list[Mark]) -> RedactionPolicy | None:
        return next((each for mark in marks if (each := self.rules.source(mark.rule))), self.rules.strictest)


def _made(side: Side, message: Either) -> Either:
    made = side.request(message) if isinstance(message, Request) else side.response(message)
    assert made is not None, "it was given"
    return made


def _frame(message: Either) -> Iterator[tuple[str, str]]:
    """What no rule is ever about, and which cannot change: by where it stands."""
    if isinstance(message, Request):
        yield "request.method", message.method
    fields = (*message.fields, *message.trailers)
    yield "names", "\n".join(decoded(name) for name, _ in fields)
    said: dict[str, str] = {}
    for name, value in fields:
        called = name.decode("latin-1").lower()
        if called in FRAMING and called not in NOT_SAID:
            said[called] = f"{said.get(called, '')} {decoded(value)}"
    yield from ((f"framing {name}", value) for name, value in said.items())


def _is_opaque(document: Document | None) -> bool:
    """Whether a body, or one inside it, is of bytes that nobody knows."""
    if document is None:
        return False
    return document.format is Format.BINARY or any(_is_opaque(inner) for _, inner in document.parts)


def _again(before: Either, made: Either) -> Either:
    """Another body, coded as the first was, with its digests."""
    names = () if before.body.decoded else codings(value for name, value in before.fields if _is_coding(name))
    content = encode(made.body.content or b"", names)
    digests = tuple(each for each in before.fields if each[0].decode("latin-1").lower() in DIGESTS)
    trailing = tuple(each for each in before.trailers if each[0].decode("latin-1").lower() in DIGESTS)
    return replace(
        made,
        fields=(*made.fields, *renewed(digests, content)),
        trailers=(*made.trailers, *renewed(trailing, content)),
        body=Body(content, decoded=before.body.decoded),
    )


def _is_coding(name: bytes) -> bool:
    return name.lower() == b"content-encoding"


def _broken(before: Either, made: Either, signed: Covered) -> str | None:
    """What of a message has changed that is signed."""
    if isinstance(before, Request) and isinstance(made, Request) and before.target != made.target and signed.target:
        return "the target"
    if before.body.content != made.body.content and signed.body:
        return "the body"
    here, there = _values(before.fields), _values(made.fields)
    changed = (name for name in here if there.get(name) != here[name] and name not in DIGESTS)
    return "a header" if any(signed.has(name) for name in changed) else None


def _values(fields: Fields) -> Mapping[str, tuple[bytes, ...]]:
    found: dict[str, tuple[bytes, ...]] = {}
    for name, value in fields:
        key = name.decode("latin-1").lower()
        found[key] = (*found.get(key, ()), value)
    return found
