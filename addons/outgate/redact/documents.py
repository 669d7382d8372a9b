"""Bodies, headers and targets while they are redacted: what is in them, what of that changes, and the bytes of it all.

Owns how edits of values, of encoded texts inside of values and of bodies inside of bodies become edits of bytes. Judges
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from outgate.policy.redaction_model import Carrier
from outgate.redact.codecs.formats import Format
from outgate.redact.codecs.nested import Inner
from outgate.redact.leaf import Edit, Found, Leaf, Part, Path, splice
from outgate.redact.removal import without

type Where = Callable[[Path], str]
"""A path inside of a message to how `places` writes it."""


class Piece(NamedTuple):
    """`text[start:end]` becomes another text."""

    start: int
    end: int
    text: str


class Text:
    """A value that is looked at. `pieces` do not overlap."""

    __slots__ = ("_document", "inner", "leaf", "pieces")

    def __init__(self, document: Document, leaf: Leaf) -> None:
        self._document, self.leaf = document, leaf
        self.pieces: list[Piece] = []
        self.inner: list[tuple[Inner, Document]] = []

    def where(self) -> str:
        return self._document.where(self.leaf.path)

    def rendered(self) -> str:
        """What is encoded in it holds what was found in the text itself, unless that is more than it."""
        text = self.leaf.text
        changed = [made for inner, document in self.inner if (made := _again(inner, document)) is not None]
        pieces = list(self.pieces)
        for made in changed:
            covered = any(piece.start <= made.start and made.end <= piece.end for piece in self.pieces)
            if not covered:
                pieces = [piece for piece in pieces if piece.end <= made.start or made.end <= piece.start]
                pieces.append(made)
        return _joined(text, pieces)


def _again(inner: Inner, document: Document) -> Piece | None:
    body = document.rendered()
    return None if body == document.body else Piece(inner.start, inner.end, inner.write(body))


def _joined(text: str, pieces: list[Piece]) -> str:
    made, at = [], 0
    for piece in sorted(pieces):
        if piece.start >= at:
            made += [text[at : piece.start], piece.text]
        else:  # two encoded texts that are not apart: what is between is neither's
            made.append(piece.text)
        at = max(at, piece.end)
    return "".join([*made, text[at:]])


class Document:
    """One body. `roots`: paths under which selectors by path may know what is in it; `name`: what it is called;
    `carrier`: what carries it, where that is no body."""

    __slots__ = (
        "body", "carrier", "decided", "edits", "format", "found", "gone", "name", "parts", "path", "roots", "spans",
        "texts",
        "where",
    )  # fmt: skip

    def __init__(
        self,
        body: bytes,
        found: tuple[Found, ...],
        where: Where,
        kind: Format,
        roots: tuple[Path, ...] = ((),),
        name: str = "",
        carrier: Carrier = Carrier.BODY,
    ) -> None:
        self.body, self.found, self.where, self.format, self.roots, self.name = body, found, where, kind, roots, name
        self.carrier = carrier
        self.decided = False
        """Whether a rule has spoken of something in it."""
        self.edits: list[Edit] = []
        self.gone: list[Found] = []
        """Values that go with their names."""
        self.texts: list[Text] = []
        self.parts: list[tuple[Part, Document]] = []
        self.path: tuple[str, int] | None = None
        """That of a URL, as it is written, and where it begins."""
        self.spans: list[tuple[int, int]] = []
        """What of it is decided already."""

    @property
    def quiet(self) -> bool:
        """Whether nothing of it changes, and nothing is encoded in it."""
        changing = self.decided or self.edits or self.gone or self.parts or self.spans
        return not (changing or any(text.pieces or text.inner for text in self.texts))

    def has(self, found: Found) -> bool:
        """Whether that is decided already."""
        return any(start < found.end and found.start < end for start, end in self.spans)

    def called(self, found: Found) -> tuple[tuple[Carrier, str], ...]:
        """What it is called, by each carrier."""
        name = found.name
        match self.format:
            case Format.FORM:
                inner: tuple[tuple[Carrier, str], ...] = ((Carrier.FIELD, name),)
            case Format.MULTIPART:
                inner = (Carrier.PART, name), (Carrier.FIELD, name)
            case Format.URL if found.path[:1] in (("query",), ("fragment",)):
                inner = ((Carrier.QUERY, name),)
            case _:
                inner = ((Carrier.COOKIE if self.carrier is Carrier.COOKIE else Carrier.KEY, name),)
        return (*inner, (Carrier.HEADER, self.name)) if self.carrier in (Carrier.HEADER, Carrier.COOKIE) else inner

    def segment(self, leaf: Leaf) -> tuple[str, int, int] | None:
        """The path of a URL, and from where to where a value is in it."""
        if self.path is None or leaf.path[:1] != ("path",):
            return None
        path, at = self.path
        return path, leaf.start - at, leaf.end - at

    def place(self, found: Found) -> Callable[[], str]:
        return partial(self.where, found.path)

    def write(self, found: Leaf, text: str) -> None:
        self.edits.append(Edit(found.start, found.end, found.write(text)))

    def rendered(self) -> bytes:
        """With all changes made. Raises `ValueError` where two are of the same bytes."""
        edits = [*self.edits, *self._edits()]
        return splice(self.body, without(self.body, self.format, self.gone, edits) if self.gone else edits)

    def _edits(self) -> Iterator[Edit]:
        for text in self.texts:
            if (text.pieces or text.inner) and (made := text.rendered()) != text.leaf.text:
                yield Edit(text.leaf.start, text.leaf.end, text.leaf.write(made))
        for part, document in self.parts:
            if (body := document.rendered()) != part.body:
                yield Edit(part.start, part.end, part.write(body))
