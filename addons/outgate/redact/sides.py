"""One side of an exchange while it is redacted: its head, its body, its messages, and what they become.

Owns content codings and bounds of bodies, what is dropped and why, and what of a head cannot stay when a body changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial

from outgate.redact import places
from outgate.redact.across import Stretch, mended
from outgate.redact.codecs import json
from outgate.redact.codecs.charset import is_utf8
from outgate.redact.codecs.formats import JSON, Format
from outgate.redact.codecs.utf8 import decoded, encoded
from outgate.redact.decoding import Bounds, codings, decode
from outgate.redact.deltas import reader
from outgate.redact.documents import Document, Where
from outgate.redact.exchange import Body, Fields, Request, Response
from outgate.redact.heads import DIGESTS, FRAMING, Heads, phrase
from outgate.redact.leaf import Edit, Kind, Leaf, Path, splice
from outgate.redact.ledger import Ledger
from outgate.redact.naming import telling
from outgate.redact.quiet import LONGEST, Quiet
from outgate.redact.rulebook import RuleBook
from outgate.redact.survey import Survey, Unseen
from outgate.redact.sweep import Sweep
from outgate.redact.unpacking import Reason, Undecodable

OF_BODY = frozenset({b"content-encoding", b"content-type", b"grpc-encoding", b"connect-content-encoding"})
METHOD = "request.method"
TRUE = frozenset({"host", "content-length"})
"""Of what frames a message: a name that is no value, and a number."""
TOO_LARGE, UNDECODABLE, FAILED = "too_large", "undecodable", "failed"


@dataclass(slots=True)
class Piece:
    """Something whose bytes may change. `made` is None where it is not there afterwards."""

    where: str
    before: bytes
    document: Document | None = None
    made: bytes | None = None
    missing: str = ""

    def render(self, ledger: Ledger) -> None:
        if self.document is None or self.missing:
            return
        try:
            self.made = self.document.rendered()
        except Exception:  # a writer that fails, or two that want the same bytes
            self.drop(FAILED, ledger)

    def drop(self, why: str, ledger: Ledger) -> None:
        self.document, self.made, self.missing = None, None, why
        ledger.drop(self.where, why)


class Side:
    """`most`: bytes of a body, decoded. `joins`: what is split over pieces of a stream is replaced, too."""

    def __init__(
        self, name: str, book: RuleBook, ledger: Ledger, *, allow: bool, most: int, joins: bool = False
    ) -> None:
        self._side, self._book, self._ledger, self._allow, self._most = name, book, ledger, allow, most
        self._joins = joins
        self._pieces: dict[str, Piece] = {}
        self._lines: dict[str, list[tuple[bytes, Piece]]] = {"header": [], "trailer": []}
        self._odd: dict[bytes, Piece] = {}
        """Names of fields that may be values."""
        self._moving: list[Piece] = []
        """Of all these what may change."""
        self._heard: list[tuple[str, str, Document]] = []
        """What was read, and may come again."""
        self._surveys: list[Survey] = []

    @cached_property
    def _detecting(self) -> Survey:
        return self._surveyed(allow=False)

    @cached_property
    def _surveying(self) -> Survey:
        return self._surveyed(allow=True) if self._allow else self._detecting

    @cached_property
    def _heads(self) -> Heads:
        return Heads(self._book, self._ledger, self._detecting, self._surveying)

    def _surveyed(self, *, allow: bool) -> Survey:
        """Made where there is something to look at."""
        survey = Survey(self._book, self._ledger, allow=allow)
        self._surveys.append(survey)
        return survey

    def read(self, message: Request | Response | None) -> None:
        """Everything of a message."""
        if message is None:
            return
        if isinstance(message, Request):
            if telling(message.method):
                self.texts({METHOD: message.method})
            read = lambda: self._heads.target(message.target)  # noqa: E731
            self._pieces["target"] = self._head("target", "", encoded(message.target), "request.target", read)
        elif not (self._allow and message.reason != phrase(message.status)):
            self.texts({"response.reason": message.reason})
        for carrier, fields in (("header", message.fields), ("trailer", message.trailers)):
            self._lines[carrier] = [(name, self._line(carrier, name, value)) for name, value in fields]
            odd = [name for name, _ in fields if _called(self._side, carrier, name)[2]]
            self._odd |= {name: self._name(carrier, name) for name in odd}
        self._body(message)

    def _line(self, carrier: str, name: bytes, value: bytes) -> Piece:
        called, where, _ = _called(self._side, carrier, name)
        if _frames(called, value):
            return Piece(where, value, None, value)
        return self._head(carrier, called, value, where, lambda: self._heads.field(self._side, carrier, called, value))

    def _name(self, carrier: str, name: bytes) -> Piece:
        """What is no word, and may say something."""
        where = f"{self._side}.{carrier}"
        return self._head("name", "", name, where, partial(self._text, decoded(name), where))

    def _head(self, kind: str, name: str, value: bytes, where: str, read: Callable[[], Document | None]) -> Piece:
        """Something of a head, which is not read where nothing was found in the same before."""
        if not value or self._book.quiet.has(kind, name, value):
            piece = Piece(where, value, None, value)
        else:
            piece = Piece(where, value, read())
            self._hear(kind, name, piece.document)
        self._moving.append(piece)
        return piece

    def _hear(self, kind: str, name: str, document: Document | None) -> None:
        if document is not None:
            self._heard.append((kind, name, document))

    def texts(self, texts: Mapping[str, str]) -> None:
        """Of the gate, or for people, by where they stand."""
        for where, text in texts.items():
            read = partial(self._text, text, where)
            self._pieces[where] = self._head("text", where, encoded(text), where, read)

    def _text(self, text: str, where: str) -> Document:
        return self._heads.text(text, where)

    def messages(self, contents: Mapping[int, bytes]) -> None:
        """Of a WebSocket, all that go this way. Raises `ValueError` where one cannot be changed."""
        joins = self._joins and len(contents) > 1
        stretches = [Stretch(each, (), partial(places.message, number)) for number, each in contents.items()]
        made = mended(stretches, self._book, self._ledger) if joins else {}
        for at, (number, content) in enumerate(contents.items()):
            self.message(number, made.get(at, content))

    def message(self, number: int, content: bytes) -> None:
        """Of a WebSocket."""
        piece = self._add(f"message {number}", content, places.message(number))
        self._survey(piece, "", lambda path: places.message(number, self._ledger.shown(path)), "", lambda: content)

    def _body(self, message: Request | Response) -> None:
        content = message.body.content
        piece = self._add("body", content or b"", places.body(self._side))
        if content is None:
            piece.missing = message.body.missing or FAILED
            return
        names, media_type, encoding = described(message)
        kind = f"{media_type} {encoding}"
        if not names and (not content or self._book.quiet.has("body", kind, content)):
            piece.made = content
            return
        where: Where = lambda path: places.body(self._side, self._ledger.shown(path))  # noqa: E731
        self._survey(piece, media_type, where, encoding, lambda: decode(content, names, Bounds(self._most)))
        self._hear("body", kind, piece.document)

    def _survey(self, piece: Piece, kind: str, where: Where, encoding: str, read: Callable[[], bytes]) -> None:
        try:
            piece.before = read()
            if len(piece.before) > self._most:
                piece.drop(TOO_LARGE, self._ledger)
            elif (number := self._book.body) is None:
                content = self._mended(kind, piece.before, where)
                piece.document = self._surveying.body(kind, content, where, encoding)
            else:
                self._whole(piece, number)
        except Undecodable as error:
            piece.drop(TOO_LARGE if error.reason is Reason.TOO_LARGE else UNDECODABLE, self._ledger)
        except Unseen as error:
            piece.drop(str(error), self._ledger)
        except Exception:  # a codec that fails has not seen everything
            piece.drop(FAILED, self._ledger)

    def _mended(self, kind: str, content: bytes, where: Where) -> bytes:
        """Without what is split over its pieces. Raises `ValueError` where that cannot be changed."""
        if not self._joins or (pieces_of := reader(kind, content)) is None:
            return content
        pieces = list(pieces_of(content))
        stretches = [Stretch(part.body, root, partial(_under, where, part.path)) for part, root in pieces]
        made = mended(stretches, self._book, self._ledger)
        parts = [(pieces[number][0], body) for number, body in made.items()]
        return splice(content, [Edit(part.start, part.end, part.write(body)) for part, body in parts])

    def _whole(self, piece: Piece, number: int) -> None:
        """A rule takes all of it, or keeps it."""
        piece.made = piece.before
        if piece.before and not self._book.keeps(number):
            text = decoded(piece.before)
            made = self._ledger.by_place(self._book.rules[number], "", text, lambda: piece.where) or ""
            piece.made = json.write_string(made) if made and JSON.match(piece.before) else encoded(made)

    def _add(self, name: str, before: bytes, where: str) -> Piece:
        piece = self._pieces[name] = Piece(where, before)
        self._moving.append(piece)
        return piece

    def look(self) -> None:
        """For what detectors know."""
        for survey in self._surveys:
            survey.look()
        if not any(survey.named for survey in self._surveys):
            for kind, name, document in self._heard:
                if document.quiet:
                    self._book.quiet.add(kind, name, document.body)

    def sweep(self, sweep: Sweep) -> None:
        """In what cannot be seen from outside."""
        for survey in self._surveys:
            survey.sweep(sweep)

    def render(self) -> None:
        for piece in self._moving:
            piece.render(self._ledger)

    def pieces(self) -> Sequence[Piece]:
        """Everything that may change."""
        return self._moving

    def text(self, where: str) -> str:
        return decoded(self._pieces[where].made or b"")

    def content(self, number: int) -> bytes:
        """Of a message of a WebSocket."""
        return self._pieces[f"message {number}"].made or b""

    def request(self, message: Request | None) -> Request | None:
        if message is None:
            return None
        fields, body, trailers = self._kept(message)
        at, protocol = (message.scheme, message.host, message.port), message.protocol
        method = self.text(METHOD) if METHOD in self._pieces else message.method
        return Request(method, *at, self.text("target"), protocol, fields, body, trailers)

    def response(self, message: Response | None) -> Response | None:
        if message is None:
            return None
        reason = self.text("response.reason") if "response.reason" in self._pieces else phrase(message.status)
        return Response(message.status, reason, message.protocol, *self._kept(message))

    def _kept(self, message: Request | Response) -> tuple[Fields, Body, Fields]:
        """Fields, body and trailers."""
        piece, before = self._pieces["body"], message.body
        gone = DIGESTS if piece.made != piece.before else frozenset()
        body = Body(piece.made, True, before.size, piece.missing, before.chunks)
        return self._fields("header", gone), body, self._fields("trailer", gone)

    def _fields(self, carrier: str, gone: frozenset[str]) -> Fields:
        return tuple(
            (odd.made or b"" if (odd := self._odd.get(name)) else name, piece.made)
            for name, piece in self._lines[carrier]
            if piece.made is not None and not (gone and lower(name) in gone)
        )


def _under(where: Where, path: Path, inner: Path) -> str:
    return where(path + inner)


def lower(name: bytes) -> str:
    """Of a field."""
    return name.decode("latin-1").lower()


@lru_cache(4096)
def _called(side: str, carrier: str, name: bytes) -> tuple[str, str, bool]:
    """What a field is called, where it stands, and whether its name may be a value."""
    called = lower(name)
    return called, places.named(side, carrier, called), telling(decoded(name))


def _frames(called: str, value: bytes) -> bool:
    """Whether a field does nothing but to frame a message."""
    return called in FRAMING and (called in TRUE or not telling(decoded(value)))


def described(message: Request | Response) -> tuple[tuple[str, ...], str, str]:
    """What fields say about a body: its codings, its media type, and how what is in it is packed."""
    said: dict[bytes, list[bytes]] = {}
    for name, value in message.fields:
        if (called := name.lower()) in OF_BODY:
            said.setdefault(called, []).append(value)
    names = () if message.body.decoded else codings(said.get(b"content-encoding", ()))
    media_type = b"".join(said.get(b"content-type", ())[:1]).decode("latin-1")
    packing = said.get(b"grpc-encoding") or said.get(b"connect-content-encoding") or ()
    return names, media_type, b"".join(packing[:1]).decode("latin-1")


def stays(side: str, message: Request | Response | None, quiet: Quiet) -> bool:
    """Whether all of a message is known to be nobody's. Nothing is read."""
    if message is None:
        return True
    content = message.body.content
    if content is None or len(content) > LONGEST or message.trailers:
        return False
    for name, value in message.fields:
        called, _, odd = _called(side, "header", name)
        if odd and not quiet.has("name", "", name):
            return False
        if value and not _frames(called, value) and not quiet.has("header", called, value):
            return False
    names, media_type, encoding = described(message) if content else ((), "", "")
    return not (names or (content and not quiet.has("body", f"{media_type} {encoding}", content)))


def swept(sides: tuple[Side, ...], sweep: Sweep, ledger: Ledger) -> None:
    """What was taken anywhere goes from everything that is there."""
    if not ledger.taken:
        return
    pieces = [piece for side in sides for piece in side.pieces() if piece.made]
    contents = [piece.made or b"" for piece in pieces]
    rigid = {number for number, content in enumerate(contents) if b"\0" in content or not is_utf8(content)}
    for number, made in sweep.over(contents, rigid).items():
        pieces[number].made = _as_json(pieces[number], made, sweep)
        ledger.elsewhere(partial(str, pieces[number].where))


def _as_json(piece: Piece, made: bytes, sweep: Sweep) -> bytes:
    """What a piece becomes. Where something stands in numbers of JSON, those become strings."""
    before = piece.made or b""
    of_json = piece.document is not None and piece.document.format is Format.JSON
    if not of_json or json.is_strict(made) or not json.is_strict(before):
        return made
    numbers = [each for each in json.read(before) if isinstance(each, Leaf) and each.kind is Kind.NUMBER]
    going = sweep.over([each.text.encode() for each in numbers])
    edits = [
        Edit(each.start, each.end, each.write(decoded(going[at]))) for at, each in enumerate(numbers) if at in going
    ]
    after = splice(before, edits)
    return sweep.over([after]).get(0, after)
