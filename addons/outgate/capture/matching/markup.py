"""XML by its elements: white space between them, the order of attributes and ways to write a character do not count.

Owns the reading, which takes no document that defines anything of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.parsers import expat

from outgate.capture.matching.values import Meaning, Unread, Value
from outgate.redact.leaf import Path

DEEPEST = 500


def xml(body: bytes, _media_type: str) -> Meaning:
    """Elements of one name are compared in their order."""
    reader = _Reader()
    gathered: dict[Path, list[str]] = {}
    for path, text in reader.read(body):
        gathered.setdefault(path, []).append(text)
    return Meaning("xml", {path: Value(_name(path), "string", tuple(texts)) for path, texts in gathered.items()})


def _name(path: Path) -> str:
    return str(path[-1]).removeprefix("@").rpartition(":")[2].lower()


class _Reader:
    """Of one document."""

    def __init__(self) -> None:
        self._found: list[tuple[Path, str]] = []
        self._path: Path = ()
        self._text: list[list[str]] = []
        self._parser = parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._said
        parser.StartDoctypeDeclHandler = self._refuse

    def read(self, body: bytes) -> Iterator[tuple[Path, str]]:
        try:
            self._parser.Parse(body, True)
        except (expat.ExpatError, ValueError, LookupError) as error:
            raise Unread from error
        return iter(self._found)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._path = (*self._path, name)
        if len(self._path) > DEEPEST:
            raise Unread
        self._text.append([])
        for each, value in attributes.items():
            if each != "xmlns" and not each.startswith("xmlns:"):
                self._found.append(((*self._path, f"@{each}"), value))

    def _end(self, _name: str) -> None:
        self._found.append((self._path, " ".join("".join(self._text.pop()).split())))
        self._path = self._path[:-1]

    def _said(self, text: str) -> None:
        self._text[-1].append(text)

    def _refuse(self, *_declared: object) -> None:
        raise Unread
