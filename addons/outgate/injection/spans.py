"""Where each value of a YAML document stands in its text.

Owns reading the parser's events into a tree of places. An alias is a value of its own here, which is where it stands.
Knows nothing of what the values mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import yaml

from outgate.injection.yaml_text import Loader


class Kind(Enum):
    SCALAR = "scalar"
    ALIAS = "alias"
    SEQUENCE = "sequence"
    MAPPING = "mapping"


@dataclass(slots=True)
class Span:
    """A value from `start` to `end`, which is behind its last character that is not blank."""

    kind: Kind
    start: int
    end: int
    flow: bool = False
    items: list[Span] = field(default_factory=list)
    """Of a sequence, or the values of a mapping."""
    keys: list[Key] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a mapping. `colon` is behind the colon."""

    name: str
    start: int
    column: int
    colon: int


class Unplaced(Exception):
    """The text is written in a way that cannot be followed."""


def spans(text: str) -> Span:
    """The tree of one document. Raises `Unplaced`."""
    events: Iterator[Any] = iter(yaml.parse(text, Loader))
    try:
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                return _node(next(events), events, text)
    except (yaml.YAMLError, StopIteration, RecursionError) as error:
        raise Unplaced(str(error)) from error
    raise Unplaced("there is no document")


def _node(event: Any, events: Iterator[Any], text: str) -> Span:
    start, end = _at(event.start_mark), _at(event.end_mark)
    if isinstance(event, yaml.AliasEvent):
        return Span(Kind.ALIAS, start, end)
    if isinstance(event, yaml.ScalarEvent):
        return Span(Kind.SCALAR, start, _trimmed(text, start, end))
    if isinstance(event, yaml.SequenceStartEvent):
        return _sequence(event, events, text)
    return _mapping(event, events, text)


def _sequence(event: Any, events: Iterator[Any], text: str) -> Span:
    found = Span(Kind.SEQUENCE, _at(event.start_mark), _at(event.end_mark), flow=bool(event.flow_style))
    while not isinstance(inner := next(events), yaml.SequenceEndEvent):
        found.items.append(_node(inner, events, text))
    found.end = _at(inner.end_mark) if found.flow else found.items[-1].end
    return found


def _mapping(event: Any, events: Iterator[Any], text: str) -> Span:
    found = Span(Kind.MAPPING, _at(event.start_mark), _at(event.end_mark), flow=bool(event.flow_style))
    while not isinstance(inner := next(events), yaml.MappingEndEvent):
        if not isinstance(inner, yaml.ScalarEvent):
            raise Unplaced("a key is no plain text")
        colon = text.find(":", _at(inner.end_mark)) + 1
        if not colon or text[_at(inner.end_mark) : colon - 1].strip():
            raise Unplaced("a key has no colon behind it")
        found.keys.append(Key(inner.value, _at(inner.start_mark), _column(inner.start_mark), colon))
        found.items.append(_node(next(events), events, text))
    found.end = _at(inner.end_mark) if found.flow else found.items[-1].end
    return found


def _at(mark: Any) -> int:
    return int(mark.index)


def _column(mark: Any) -> int:
    return int(mark.column)


def _trimmed(text: str, start: int, end: int) -> int:
    """A text of several lines ends where the next thing begins, as its parser sees it."""
    return start + len(text[start:end].rstrip())
