"""Goes through everything that is in a body, and takes what rules or the mode take because of where it stands.

Owns the order: rules, bodies inside of bodies, texts encoded in values; and its bounds. What is left open is looked at
by detectors, all of one side in one pass. Knows no message.
"""

from __future__ import annotations

import re

from outgate.policy.redaction_model import Carrier
from outgate.redact.codecs import choose, nested
from outgate.redact.codecs.choose import Reading
from outgate.redact.codecs.formats import PLAIN, Format
from outgate.redact.codecs.names import telling
from outgate.redact.codecs.utf8 import decoded, encoded
from outgate.redact.detect.search import apart
from outgate.redact.documents import Document, Piece, Text, Where
from outgate.redact.leaf import Edit, Found, Kind, Leaf, Part, Path
from outgate.redact.ledger import DEEP, SHORTEST, Ledger
from outgate.redact.pairs import Pairs
from outgate.redact.rulebook import Number, Place, RuleBook, earliest
from outgate.redact.sweep import Sweep

DEEPEST_TEXT, DEEPEST_PART = 4, 24
"""Texts encoded in texts, and bodies in bodies."""
LEAST_ROOM = 1024 * 1024
"""Bytes that bodies inside of a body may have in all; more where it is large itself."""
MANY_DIGITS = 9
"""From so many digits on a number may be somebody's."""
MAYBE = re.compile(r"\A\s*[\[{\"<]|://|eyJ|[=&]|%[0-9A-Fa-f]{2}|[A-Za-z0-9+/_-]{24}")
"""In whatever `nested` finds something."""
INSIDE = frozenset({"json", "xml", "html", "graphql", "form", "percent"})
"""Encodings whose content is all that they say, so that nothing is looked for in the text itself."""
STRUCTURED = frozenset({"json", "graphql"})
"""What is gone into where unknown texts become tokens: names and numbers stay."""
TYPED = frozenset({Format.JSON, Format.PROTOBUF, Format.GRAPHQL})
UNTYPED = re.compile(r"-?[0-9]{1,4}(?:\.[0-9]{1,2})?|true|false", re.ASCII | re.IGNORECASE)
"""What is no text, in formats that have no other values."""
SIGNS = re.compile(rb"[{\[<=&:\"]")
"""Without any of these nothing in a text has a name."""
PATHS = {
    Format.JSON: Carrier.JSON_PATH,
    Format.XML: Carrier.XPATH,
    Format.HTML: Carrier.XPATH,
    Format.PROTOBUF: Carrier.PROTOBUF,
}


CODED = frozenset({Format.PACKED, Format.GRPC, Format.PROTOBUF, Format.MULTIPART, Format.TRANSCODED})
"""In whose bytes a text may not be seen, or not be replaced."""


class Unseen(ValueError):
    """A body that nobody can look into: its reason stands in the manifest."""


class Survey:
    """Of one side of an exchange. `allow`: texts that no rule speaks of become tokens."""

    def __init__(self, book: RuleBook, ledger: Ledger, *, allow: bool) -> None:
        self._book, self._ledger, self._allow = book, ledger, allow
        self._open: list[tuple[Text, str, Place]] = []
        self._room = LEAST_ROOM
        self._coded = False
        self._names: set[str] = set()
        self._keys: list[Text] = []

    def body(self, media_type: str, body: bytes, where: Where, encoding: str = "") -> Document:
        """Raises `Unseen` where it holds more than can be looked at, or what no rule can be applied to."""
        self._room = max(LEAST_ROOM, 4 * len(body))
        return self._read(choose.read(media_type, body, encoding), body, where, DEEPEST_PART, DEEPEST_TEXT)

    def look(self) -> None:
        """Everything that is open, for what detectors know. To be called once, when all documents are there."""
        texts = [text.leaf.text for text, _, _ in self._open]
        hits = self._book.found(texts, [name for _, name, _ in self._open], [place for _, _, place in self._open])
        numbers = {(hit.index, hit.start, hit.detector.name): number for hit, number in hits}
        for hit in apart([hit for hit, _ in hits]):
            text = self._open[hit.index][0]
            rule = self._book.rules[numbers[hit.index, hit.start, hit.detector.name]]
            found = text.leaf.text[hit.start : hit.end]
            made = self._ledger.by_look(rule, hit.detector, found, text.where)
            text.pieces.append(Piece(hit.start, hit.end, made or ""))
        for text in self._keys:
            if (shown := text.rendered()) != text.leaf.text:
                self._ledger.renamed(text.leaf.text, shown)
        self._look_at_names()

    def _look_at_names(self) -> None:
        """Names that look like words are no values; a secret that does so all the same goes wherever it stands."""
        names = [name for name in self._names if len(name) >= SHORTEST]
        for hit, number in self._book.found(names, [""] * len(names), [NOWHERE] * len(names)):
            found = names[hit.index][hit.start : hit.end]
            self._ledger.gone(found, self._ledger.by_look(self._book.rules[number], hit.detector, found, _a_name))

    def sweep(self, sweep: Sweep) -> None:
        """What was taken elsewhere goes from texts that cannot be seen in the bytes of their documents."""
        if not self._coded:
            return
        texts = [text for text, _, _ in self._open]
        swept = sweep.over([encoded(text.rendered()) for text in texts])
        for number, made in swept.items():
            text = texts[number]
            text.pieces = [Piece(0, len(text.leaf.text), decoded(made))]
            self._ledger.elsewhere(text.where)

    def _read(
        self,
        reading: Reading,
        body: bytes,
        where: Where,
        parts: int,
        texts: int,
        roots: tuple[Path, ...] = ((),),
        name: str = "",
    ) -> Document:
        if reading.degraded and SIGNS.search(body):
            raise Unseen("unreadable")
        if self._allow and reading.format is Format.BINARY:
            raise Unseen("binary")
        self._coded |= reading.format in CODED
        document = Document(body, reading.found, where, reading.format, roots, name)
        self.document(document, parts, texts)
        return document

    def document(self, document: Document, parts: int = DEEPEST_PART, texts: int = DEEPEST_TEXT) -> None:
        """Goes through one whose content has been read."""
        pairs = Pairs(document.found)
        ways = _Ways(self._book, document, self._names)
        for each in document.found:
            if not (document.spans and document.has(each)):
                said = pairs.name(each) if pairs else ""
                rule = ways.rule(each, said)
                if rule is not None:
                    self._take(document, each, rule, said)
                elif isinstance(each, Part):
                    self._part(document, each, parts, texts)
                else:
                    self._leaf(document, each, said or each.name or document.name, ways, texts)

    def _take(self, document: Document, found: Found, number: Number, said: str) -> None:
        """What a rule is about."""
        if self._book.keeps(number):
            return
        rule, where, name = self._book.rules[number], document.place(found), said or found.name
        if isinstance(found, Leaf):
            made = self._ledger.by_place(rule, name, found.text, where) or ""
            document.write(found, made)
            if found.kind is Kind.KEY:
                self._ledger.renamed(found.text, made)
            return
        text = decoded(found.body)
        whole = self._ledger.by_place(rule, name, text, where)
        if found.name == "basic":
            self._ledger.gone(text.partition(":")[2], None)
        document.edits.append(Edit(found.start, found.end, found.write(encoded(whole or ""))))

    def _part(self, document: Document, part: Part, parts: int, texts: int) -> None:
        self._spend(len(part.body))
        if not parts:
            raise Unseen("too_deep")
        reading = choose.read(part.media_type, part.body)
        if reading.format is Format.NDJSON is document.format:
            raise Unseen("unreadable")
        where = _under(document.where, part.path)
        if self._allow and reading.format is Format.BINARY:
            made = self._ledger.by_mode(decoded(part.body), document.place(part))
            document.edits.append(Edit(part.start, part.end, part.write(made.encode())))
            return
        roots = _roots(document, reading.format, part.path)
        inner = self._read(reading, part.body, where, parts - 1, texts, roots, part.name or document.name)
        document.parts.append((part, inner))

    def _leaf(self, document: Document, leaf: Leaf, name: str, ways: _Ways, texts: int) -> None:
        """A value that no rule speaks of."""
        if leaf.kind is Kind.STRING or leaf.kind is Kind.KEY:
            if self._allow and not _is_no_text(document, leaf):
                self._tokenise(document, leaf, name, texts)
                return
        elif leaf.kind is not Kind.NUMBER or len(leaf.text) < MANY_DIGITS:
            return
        text = Text(document, leaf)
        if leaf.kind is Kind.KEY:
            self._keys.append(text)
        encoded_in = leaf.kind is not Kind.NUMBER and MAYBE.search(leaf.text)
        if encoded_in and not self._decode(document, text, name, texts):
            return
        document.texts.append(text)
        if not any(inner.encoding in INSIDE for inner, _ in text.inner):
            self._open.append((text, "" if leaf.kind is Kind.KEY else name, ways.place(leaf, name)))

    def _tokenise(self, document: Document, leaf: Leaf, name: str, texts: int) -> None:
        if leaf.kind is Kind.STRING and texts and document.format in TYPED and leaf.text[:1] in ("{", "[", "q", "m"):
            inner = [each for each in nested.inside(leaf.text, name) if each.encoding in STRUCTURED]
            if inner:
                text = Text(document, leaf)
                self._inner(document, text, inner[0], name, texts)
                document.texts.append(text)
                return
        made = self._ledger.by_mode(leaf.text, document.place(leaf))
        document.write(leaf, made)
        if leaf.kind is Kind.KEY:
            self._ledger.renamed(leaf.text, made)

    def _decode(self, document: Document, text: Text, name: str, texts: int) -> bool:
        """What is encoded in a value. False: it lay too deep, and the value is gone."""
        for inner in nested.inside(text.leaf.text, name):
            if not texts:
                made = self._ledger.by_mode(text.leaf.text, text.where, DEEP)
                document.write(text.leaf, made)
                return False
            self._coded |= inner.encoding not in INSIDE
            self._inner(document, text, inner, name, texts)
        return True

    def _inner(self, document: Document, text: Text, inner: nested.Inner, name: str, texts: int) -> None:
        self._spend(len(inner.body))
        reading = choose.read(inner.media_type, inner.body)
        roots = _roots(document, reading.format, text.leaf.path)
        where = _under(document.where, text.leaf.path)
        if self._allow and reading.format in PLAIN:
            return
        read = self._read(reading, inner.body, where, DEEPEST_PART, texts - 1, roots, inner.name or name)
        text.inner.append((inner, read))

    def _spend(self, size: int) -> None:
        self._room -= size
        if self._room < 0:
            raise Unseen("too_large")


class _Ways:
    """Which rule is about a value of one document: by its name, the names around it, its path."""

    def __init__(self, book: RuleBook, document: Document, names: set[str]) -> None:
        self._book, self._document, self._names = book, document, names
        self._named: dict[str, Number | None] = {}
        self._around: tuple[Path, Number | None] = ((), None)
        carrier = PATHS.get(document.format)
        self._pathed = [each for each in book.pathed if each.carrier is carrier]

    def rule(self, found: Found, said: str) -> Number | None:
        """`said`: what a name beside it says that it is called."""
        kind = found.kind if isinstance(found, Leaf) else Kind.STRING
        if kind is Kind.NULL:
            return None
        by_path = self._by_path(found.path) if self._pathed else None
        if kind is Kind.KEY or kind is Kind.BOOLEAN:
            return earliest(by_path, self._inherited(found.path) if kind is Kind.KEY else None)
        name = found.name
        if self._document.format is Format.URL:  # a name in a path is none in a query
            named = self._called(found)
        elif (named := self._named.get(name, UNKNOWN)) == UNKNOWN:
            named = self._named[name] = self._called(found)
        if said:
            named = earliest(named, self._book.called(Carrier.KEY, said), self._book.called(Carrier.HEADER, said))
        if named is None and len(found.path) > 1 and kind is Kind.STRING:
            named = self._inherited(found.path)
        return named if by_path is None else earliest(named, by_path)

    def place(self, leaf: Leaf, name: str) -> Place:
        """For rules whose detectors are for some places alone."""
        document = self._document
        if not self._book.placed:
            return NOWHERE
        called = (*document.called(leaf), (Carrier.KEY, name))
        carrier = PATHS.get(document.format)
        paths = tuple((carrier, root + leaf.path) for root in document.roots) if carrier else ()
        return Place(called, paths, document.carrier is Carrier.BODY, document.segment(leaf))

    def _called(self, found: Found) -> Number | None:
        self._names.add(found.name)
        return earliest(*(self._book.called(*each) for each in self._document.called(found)))

    def _inherited(self, path: Path) -> Number | None:
        """What is inside of something that a rule takes is taken."""
        around = path[:-1]
        if around != self._around[0]:
            names = [step for step in around if type(step) is str]
            self._names.update(names)
            self._around = around, earliest(*(self._book.called(Carrier.KEY, name) for name in names))
        return self._around[1]

    def _by_path(self, path: Path) -> Number | None:
        ways = [root + path for root in self._document.roots]
        return earliest(*(each.rule for each in self._pathed if any(map(each.selects, ways))))


NOWHERE = Place()
UNKNOWN = -1


def _is_no_text(document: Document, leaf: Leaf) -> bool:
    """A number or a boolean in a format that has neither, and a word in the path of a URL."""
    if document.format not in TYPED and UNTYPED.fullmatch(leaf.text):
        return True
    return document.format is Format.URL and leaf.path[:1] == ("path",) and not telling(leaf.text)


def _a_name() -> str:
    return "names"


def _under(where: Where, path: Path) -> Where:
    return lambda inner: where(path + inner)


def _roots(document: Document, inner: Format, path: Path) -> tuple[Path, ...]:
    """Numbers of protobuf go on from message to message; a document of JSON is also one by itself."""
    if document.format is not inner:
        return ((),)
    under = tuple(root + path for root in document.roots)
    return under if inner is Format.PROTOBUF else ((), *under)
