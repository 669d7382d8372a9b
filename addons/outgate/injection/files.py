"""A file of manifests, as text: each document that changes is changed where it has to be, and the others not at all.

Owns the way from text to manifests and back, and the places of what is told. What changes is `manifests.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from outgate.injection import manifests
from outgate.injection.manifests import Done, Refused
from outgate.injection.settings import Settings
from outgate.injection.spans import Unplaced, spans
from outgate.injection.splicing import rewritten
from outgate.injection.yaml_text import Document, documents
from outgate.problems import Problem, Severity, Where


@dataclass(slots=True)
class File:
    """The text as it is now, and what is to be told. With an error among it, the text is of no use."""

    text: str = ""
    problems: list[Problem] = field(default_factory=list)

    @property
    def refused(self) -> bool:
        return any(problem.severity is Severity.ERROR for problem in self.problems)


def changed(text: str, name: str, settings: Settings | None) -> File:
    """With the sidecar in every pod, or without settings in none. Raises `PolicyError` where it is no YAML."""
    found, line = File(), 0
    for document in documents(text, name):
        where = Where(name, line + _first(document.text), 1)
        try:
            found.text += _document(document, where, settings, found.problems)
        except RecursionError:
            found.problems.append(Problem(where, "it contains itself, or is nested too deeply", "write it out"))
        line += document.text.count("\n")
    return found


def _document(document: Document, where: Where, settings: Settings | None, told: list[Problem]) -> str:
    made = manifests.remove(document.data) if settings is None else manifests.inject(document.data, settings)
    if isinstance(made, Refused):
        return _refused(document, made, where, told)
    told += [Problem(where, text, severity=Severity.WARNING) for text in made.warnings]
    if made.manifest == document.data:
        return document.text
    bare = manifests.remove(document.data)
    if isinstance(bare, Refused):
        return _refused(document, bare, where, told)
    return _rewritten(document, [bare, made], where, told)


def _refused(document: Document, refused: Refused, where: Where, told: list[Problem]) -> str:
    told.append(Problem(_item(document.text, refused.place, where), refused.reason))
    return document.text


def _item(text: str, place: tuple[int, ...], document: Where) -> Where:
    """Where an item of a list begins; `document` says where the text's own first line that says something is."""
    try:
        span = spans(text)
        for number in place:
            items = next(span.items[at] for at, key in enumerate(span.keys) if key.name == "items")
            span = items.items[number]
    except (Unplaced, StopIteration, IndexError):  # written by anchors, say
        return document
    if not place:
        return document
    line = document.line - _first(text) + text.count("\n", 0, span.start) + 1
    return Where(document.file, line, span.start - text.rfind("\n", 0, span.start))


def _rewritten(document: Document, steps: list[Done], where: Where, told: list[Problem]) -> str:
    """Out of the text goes first what was there, so that nothing is changed where something is put in."""
    text, value, kept = document.text, document.data, True
    for step in steps:
        text, followed = rewritten(text, value, step.manifest)
        value, kept = step.manifest, kept and followed
    if not kept:
        what = f"{manifests.called(value)}: it is written anew, without its comments"
        told.append(Problem(where, what, "anchors and flow style cannot always be kept", Severity.WARNING))
    return text


def _first(text: str) -> int:
    """The line on which a document says something."""
    said = (number for number, line in enumerate(text.splitlines(), 1) if _says(line))
    return next(said, 1)


def _says(line: str) -> bool:
    return bool(line.strip()) and not line.startswith(("#", "---", "%"))


def joined(texts: list[str]) -> Iterator[str]:
    """One stream of several files."""
    for number, text in enumerate(texts):
        if number and not text.startswith("---"):
            yield "---\n"
        yield text if text.endswith("\n") or number == len(texts) - 1 else f"{text}\n"
