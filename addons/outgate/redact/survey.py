"""Goes through everything that is in a body, and takes what rules or the mode take because of where it stands.

Owns the order: rules, bodies inside of bodies, texts encoded in values; and its bounds. What is left open is looked at
by detectors, all of one side in one pass. Knows no message.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property

from outgate.policy.redaction_model import Carrier
from outgate.redact import meanings
from outgate.redact.codecs import choose, nested
from outgate.redact.codecs.choose import Reading
from outgate.redact.codecs.formats import Format
from outgate.redact.codecs.names import telling
from outgate.redact.codecs.utf8 import decoded, encoded
from outgate.redact.detect.detector import MANY_DIGITS
from outgate.redact.detect.search import apart
from outgate.redact.documents import Document, Piece, Text, Where
from outgate.redact.glance import Glance
from outgate.redact.leaf import Edit, Found, Kind, Leaf, Part, Path
from outgate.redact.ledger import DEEP, SHORTEST, Ledger
from outgate.redact.pairs import Pairs
from outgate.redact.persons import ALONE, PERSON, Persons
from outgate.redact.rulebook import Find, Number, Place, RuleBook, earliest
from outgate.redact.schemas import Schemas
from outgate.redact.sweep import Sweep

DEEPEST_TEXT, DEEPEST_PART = 4, 24
"""Texts encoded in texts, and bodies in bodies."""
LEAST_ROOM = 1024 * 1024
"""Bytes that bodies inside of a body may have in all; more where it is large itself."""
MAYBE = re.compile(r"\A\s*[\[{\"<]|://|eyJ|[=&]|%[0-9A-Fa-f]{2}|[A-Za-z0-9+/_-]{24}")
"""In whatever `nested` finds something."""
INSIDE = frozenset({"json", "xml", "html", "graphql", "form", "percent"})
"""Encodings whose content is all that they say, so that nothing is looked for in the text itself."""
STRUCTURED = frozenset({"json", "graphql"})
"""What is gone into where unknown texts become tokens: names and numbers stay."""
STRUCTURED_BEGIN = frozenset("{[qms")
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


LENIENT = frozenset({Format.FORM, Format.HTML, Format.SSE})
"""Which read everything, also a text that only looks like one of them."""
CODED = frozenset({Format.PACKED, Format.GRPC, Format.PROTOBUF, Format.MULTIPART, Format.TRANSCODED})
"""In whose bytes a text may not be seen, or not be replaced."""


LINES = frozenset({Format.NDJSON, Format.SSE})
"""Whose parts stand there as they are."""


class Unseen(ValueError):
    """A body that nobody can look into: its reason stands in the manifest."""


class Survey:
    """Of one side of an exchange. `allow`: texts that no rule speaks of become tokens."""

    def __init__(self, book: RuleBook, ledger: Ledger, *, allow: bool) -> None:
        self._book, self._ledger, self._allow = book, ledger, allow
        self._open: list[tuple[Document, Leaf, str, Place]] = []
        self._texts: dict[int, Text] = {}
        self._room = LEAST_ROOM
        self._coded = False
        self._names: set[str] = set()
        self._keys: list[Text] = []
        self._lenient: list[str] = []
        self._kept: set[str] = set()
        self.named = False
        """Whether something was found where no value is."""
        self._codecs, self._glance = choose.CODECS, None
        if not allow and not book.placed and not any(each.carrier is Carrier.JSON_PATH for each in book.pathed):
            self._glance = Glance(book, self._names)
            self._codecs = choose.CODECS | {Format.JSON: self._glance.read}

    _glance: Glance | None

    def body(self, media_type: str, body: bytes, where: Where, encoding: str = "") -> Document:
        """Raises `Unseen` where it holds more than can be looked at, or what no rule can be applied to."""
        self._room = max(LEAST_ROOM, 4 * len(body))
        return self._read(
            choose.read(media_type, body, encoding, self._codecs), body, where, DEEPEST_PART, DEEPEST_TEXT
        )

    def look(self) -> None:
        """Everything that is open, for what detectors know. To be called once, when all documents are there."""
        hits = self._book.without_kept(self._found())
        numbers = {(hit.index, hit.start, hit.detector.name): number for hit, number in hits}
        for hit in apart([hit for hit, _ in hits]):
            text = self._text(hit.index)
            rule = self._book.rules[numbers[hit.index, hit.start, hit.detector.name]]
            made = self._ledger.by_look(rule, hit.detector, text.leaf.text[hit.start : hit.end], text.where)
            text.pieces.append(Piece(hit.start, hit.end, made or ""))
        for text in self._keys:
            if (shown := text.rendered()) != text.leaf.text:
                self._ledger.renamed(text.leaf.text, shown)
        self._look_around()

    def _found(self) -> list[Find]:
        """In what is open, but for what a glance has found there already."""
        hits: list[Find] = []
        rest: list[int] = []
        for index, (_, leaf, name, _) in enumerate(self._open):
            if self._glance is None or (known := self._glance.finds(leaf.text, name)) is None:
                rest.append(index)
            else:
                hits += [(hit.moved(index), number) for hit, number in known]
        opened = [self._open[index] for index in rest]
        texts, names = [leaf.text for _, leaf, _, _ in opened], [name for _, _, name, _ in opened]
        found = self._book.hits(texts, names, [place for _, _, _, place in opened])
        return hits + [(hit.moved(rest[hit.index]), number) for hit, number in found]

    def _text(self, index: int) -> Text:
        """What changes of a value that is open."""
        if index not in self._texts:
            document, leaf, _, _ = self._open[index]
            self._texts[index] = text = Text(document, leaf)
            document.texts.append(text)
        return self._texts[index]

    def _look_around(self) -> None:
        """What stands where no value is, all the same: in names that look like words, in markup that is none."""
        quiet = self._book.quiet
        names = [name for name in self._names if len(name) >= SHORTEST and not quiet.has(NAME, "", name)]
        texts, heard = names + self._lenient, set()
        for hit, number in self._book.found(texts, [""] * len(texts), [NOWHERE] * len(texts)):
            heard.add(hit.index)
            found = texts[hit.index][hit.start : hit.end]
            if found not in self._kept:
                self._ledger.wherever(self._book.rules[number], hit.detector, found)
        self.named = bool(heard)
        for index, name in enumerate(names):
            if index not in heard:
                quiet.add(NAME, "", name)

    def sweep(self, sweep: Sweep) -> None:
        """What was taken elsewhere goes from texts that cannot be seen in the bytes of their documents."""
        if not self._coded:
            return
        said = [
            self._texts[index].rendered() if index in self._texts else leaf.text
            for index, (_, leaf, _, _) in enumerate(self._open)
        ]
        for index, made in sweep.over(list(map(encoded, said))).items():
            text = self._text(index)
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
        if reading.degraded and (reading.format is Format.BINARY or SIGNS.search(body)):
            raise Unseen("unreadable")
        if self._allow and reading.format is Format.BINARY:
            raise Unseen("binary")
        self._coded |= reading.format in CODED
        if reading.format in LENIENT:
            self._lenient.append(decoded(body))
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
        document.decided = True
        if self._book.keeps(number):
            self._kept.add(found.text if isinstance(found, Leaf) else decoded(found.body))
            return
        rule, where = self._book.rules[number], document.place(found)
        name = said or meanings.together(found.name, found.path) or found.name
        if isinstance(found, Leaf):
            made = self._ledger.by_place(rule, name, found.text, where)
            if found.kind is Kind.KEY:
                self._ledger.renamed(found.text, made or "")
            if made is None and found.kind is not Kind.KEY:
                document.gone.append(found)
            else:
                document.write(found, made or "")
            return
        text = decoded(found.body)
        whole = self._ledger.by_place(rule, name, text, where)
        if found.name == "basic":
            self._ledger.gone(text.partition(":")[2], None)
        if whole is None:
            document.gone.append(found)
        else:
            document.edits.append(Edit(found.start, found.end, found.write(encoded(whole))))

    def _part(self, document: Document, part: Part, parts: int, texts: int) -> None:
        self._spend(len(part.body))
        if not parts:
            raise Unseen("too_deep")
        outermost = parts == DEEPEST_PART and texts == DEEPEST_TEXT
        codecs = self._codecs if outermost and document.format in LINES else choose.CODECS
        reading = choose.read(part.media_type, part.body, codecs=codecs)
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
        is_key = leaf.kind is Kind.KEY
        text = self._decoded(document, leaf, name, texts) if is_key or MAYBE.search(leaf.text) else None
        if text is not None:
            document.texts.append(text)
            if is_key:
                self._keys.append(text)
            if text.pieces or any(inner.encoding in INSIDE for inner, _ in text.inner):
                return
            self._texts[len(self._open)] = text
        self._open.append((document, leaf, "" if is_key else name, ways.place(leaf, name)))

    def _tokenise(self, document: Document, leaf: Leaf, name: str, texts: int) -> None:
        """A text that no rule keeps. What is in a document in it is gone into, so that its names and numbers stay."""
        if leaf.kind is Kind.STRING and document.format in TYPED and leaf.text[:1] in STRUCTURED_BEGIN:
            text = self._decoded(document, leaf, name, texts)
            if text.pieces or (text.inner and all(inner.encoding in STRUCTURED for inner, _ in text.inner)):
                document.texts.append(text)
                return
        made = self._ledger.by_mode(leaf.text, document.place(leaf))
        document.write(leaf, made)
        if leaf.kind is Kind.KEY:
            self._ledger.renamed(leaf.text, made)

    def _decoded(self, document: Document, leaf: Leaf, name: str, texts: int) -> Text:
        """A value with what is encoded in it. Where that cannot be looked into, all of it is gone."""
        text = Text(document, leaf)
        try:
            for inner in nested.inside(leaf.text, name) if leaf.kind is not Kind.NUMBER else ():
                if not texts:
                    raise Unseen("too_deep")
                self._coded |= inner.encoding not in INSIDE
                self._inner(document, text, inner, name, texts)
        except Unseen:
            made = self._ledger.by_mode(leaf.text, text.where, DEEP)
            text.pieces = [Piece(0, len(leaf.text), made)]
        return text

    def _inner(self, document: Document, text: Text, inner: nested.Inner, name: str, texts: int) -> None:
        self._spend(len(inner.body))
        reading = choose.read(inner.media_type, inner.body)
        roots = _roots(document, reading.format, text.leaf.path)
        where = _under(document.where, text.leaf.path)
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
        if named is None:
            named = self._around_it(found, kind)
        else:
            named = self._unless(named, found, meanings.is_other, said or name or self._document.name)
        return named if by_path is None else earliest(named, by_path)

    def _around_it(self, found: Found, kind: Kind) -> Number | None:
        """By what it is in."""
        if said := meanings.together(found.name, found.path):
            return self._unless(self._book.called(Carrier.KEY, said), found, meanings.is_other, said)
        if isinstance(found, Leaf) and found.name.lower() in ALONE and self._persons.have(found):
            return self._book.called(Carrier.KEY, PERSON)
        if len(found.path) < 2 or (kind is not Kind.STRING and found.name not in meanings.COORDINATES):
            return None
        named = self._inherited(found.path)
        if named is None or self._schemas.describe(found):
            return None
        return self._unless(named, found, meanings.is_foreign, found.path, found.name)

    def _unless[*T](
        self, named: Number | None, found: Found, doubts: Callable[[*T, str], bool], *about: *T
    ) -> Number | None:
        """A rule, but for a default one where there are doubts about the value."""
        if named is None or not isinstance(found, Leaf) or not self._book.is_shipped(named):
            return named
        return None if doubts(*about, found.text) else named

    def place(self, leaf: Leaf, name: str) -> Place:
        """For rules whose detectors are for some places alone."""
        document = self._document
        if not self._book.placed:
            return NOWHERE
        called = (*document.called(leaf), (Carrier.KEY, name))
        carrier = PATHS.get(document.format)
        paths = tuple((carrier, root + leaf.path) for root in document.roots) if carrier else ()
        return Place(called, paths, document.carrier is Carrier.BODY, document.segment(leaf))

    @cached_property
    def _persons(self) -> Persons:
        return Persons(self._document.found)

    @cached_property
    def _schemas(self) -> Schemas:
        return Schemas(self._document.found)

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


NAME = "name"
NOWHERE = Place()
UNKNOWN = -1


def _is_no_text(document: Document, leaf: Leaf) -> bool:
    """A number or a boolean in a format that has neither, and a word in the path of a URL."""
    if document.format not in TYPED and UNTYPED.fullmatch(leaf.text):
        return True
    return document.format is Format.URL and leaf.path[:1] == ("path",) and not telling(leaf.text)


def _under(where: Where, path: Path) -> Where:
    return lambda inner: where(path + inner)


def _roots(document: Document, inner: Format, path: Path) -> tuple[Path, ...]:
    """Numbers of protobuf go on from message to message; a document of JSON is also one by itself."""
    if document.format is not inner:
        return ((),)
    under = tuple(root + path for root in document.roots)
    return under if inner is Format.PROTOBUF else ((), *under)
