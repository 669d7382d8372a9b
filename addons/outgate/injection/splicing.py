"""A change of a document's value, made in its text: everything else stays as it was written, comments too.

Owns where a text is cut and what is put there, in block style and in flow style, which JSON is. What was put in is
taken out again to the byte. A result that does not mean what it should is thrown away, and the document written anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

import yaml

from outgate.injection.differences import common, same
from outgate.injection.spans import Kind, Span, Unplaced, spans
from outgate.injection.yaml_text import MARK, dump, load


@dataclass(frozen=True, slots=True)
class Edit:
    """What is put in the place of a part of the text."""

    start: int
    end: int
    text: str


def rewritten(text: str, before: Any, after: Any) -> tuple[str, bool]:
    """The text of `before`, saying `after`; and whether it is as it was written otherwise."""
    if same(before, after):
        return text, True
    try:
        made = _applied(text, list(_Splicing(text).value(spans(text), before, after, None)))
        if same(load(made), after):
            return made, True
    except (Unplaced, yaml.YAMLError, ValueError):
        pass  # it is written in a way that cannot be followed
    mark = "---\n" if MARK.match(text) else ""
    return f"{mark}{dump(after)}", False


def _applied(text: str, edits: list[Edit]) -> str:
    """Of edits at one place the first comes first."""
    edits.sort(key=lambda edit: edit.start)
    if any(first.end > second.start for first, second in pairwise(edits)):
        raise Unplaced("two changes meet")
    pieces, at = [], 0
    for edit in edits:
        pieces += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*pieces, text[at:]])


class _Splicing:
    """The edits of one text. Inner ones come before outer ones, as both may be at one place."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.newline = "\r\n" if "\r\n" in text else "\n"

    def value(self, span: Span, before: Any, after: Any, opening: int | None) -> Iterator[Edit]:
        """`opening`: behind the colon, where the value is a key's."""
        if same(before, after):
            return
        # In flow style there has to be something left to which commas lead.
        if _both(dict, before, after) and span.kind is Kind.MAPPING and (not span.flow or before.keys() & after.keys()):
            yield from self.mapping(span, before, after)
        elif _both(list, before, after) and span.kind is Kind.SEQUENCE and (not span.flow or common(before, after)):
            yield from self.sequence(span, before, after, opening)
        elif span.flow or span.kind is Kind.ALIAS:
            yield Edit(span.start, span.end, _flow(after))
        else:
            raise Unplaced("a value would have to be written anew")

    # Mappings.

    def mapping(self, span: Span, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Edit]:
        places = {key.name: number for number, key in enumerate(span.keys)}
        for name, number in places.items():
            if name in before and name in after:
                yield from self.entry(span, number, before[name], after[name])
        gone = [number for name, number in places.items() if name in before and name not in after]
        yield from self.removed(span, gone)
        # What a merge key brings in is written out where it is to be another.
        added = {
            name: value
            for name, value in after.items()
            if name not in places and not (name in before and same(before[name], value))
        }
        if added and span.flow:
            inside = ", ".join(f"{json.dumps(name)}: {_flow(value)}" for name, value in added.items())
            yield Edit(span.items[-1].end, span.items[-1].end, f", {inside}")
        elif added:
            yield self.inserted(self.line_end(span.end), dump(added), span.keys[0].column)

    def entry(self, span: Span, number: int, before: Any, after: Any) -> Iterator[Edit]:
        """The value of a key: one that was empty, or is to be, is written anew, and all others are gone into."""
        value, key = span.items[number], span.keys[number]
        if same(before, after) or (before and after):
            yield from self.value(value, before, after, key.colon)
        elif span.flow:
            written = value.end > value.start
            yield Edit(value.start if written else key.colon, value.end, f"{'' if written else ' '}{_flow(after)}")
        elif after:
            _, _, block = dump({key.name: after}).partition("\n")
            yield Edit(key.colon, value.end, self.lines(block, key.column))
        else:
            yield Edit(key.colon, value.end, "" if after is None else f" {_flow(after)}")

    # Sequences.

    def sequence(self, span: Span, before: list[Any], after: list[Any], opening: int | None) -> Iterator[Edit]:
        if (kept := common(before, after)) is None:
            raise Unplaced("the items have moved")
        for new, old in kept.items():
            yield from self.value(span.items[old], before[old], after[new], None)
        yield from self.removed(span, sorted(set(range(len(before))) - set(kept.values())))
        behind: int | None = None
        for fresh, group in groupby(enumerate(after), lambda each: each[0] not in kept):
            items = list(group)
            if fresh:
                yield self.added(span, [value for _, value in items], behind, opening)
            else:
                behind = kept[items[-1][0]]

    def added(self, span: Span, values: list[Any], behind: int | None, opening: int | None) -> Edit:
        """Items behind another, or before all."""
        if span.flow:
            inside = ", ".join(map(_flow, values))
            if behind is None:
                return Edit(span.items[0].start, span.items[0].start, f"{inside}, ")
            return Edit(span.items[behind].end, span.items[behind].end, f", {inside}")
        column = self.column(self.dash(span.items[0]))
        if behind is not None:
            return self.inserted(self.line_end(span.items[behind].end), dump(values), column)
        if opening is None or self.line_end(opening) > span.items[0].start:
            raise Unplaced("there is no line before the first item")
        return self.inserted(self.line_end(opening), dump(values), column)

    # Both.

    def removed(self, span: Span, numbers: list[int]) -> Iterator[Edit]:
        """Whole lines with the line's end before them, or in flow style from comma to comma."""
        for _, group in groupby(enumerate(numbers), lambda each: each[1] - each[0]):
            run = [number for _, number in group]
            first, last = run[0], run[-1]
            if not span.flow:
                yield Edit(self.line_begin(self.head(span, first)), self.line_end(span.items[last].end), "")
            elif first > 0:
                yield Edit(span.items[first - 1].end, span.items[last].end, "")
            else:
                yield Edit(self.head(span, 0), self.head(span, last + 1), "")

    def head(self, span: Span, number: int) -> int:
        """Where an item begins, its key or hyphen included."""
        if span.keys:
            return span.keys[number].start
        return span.items[number].start if span.flow else self.dash(span.items[number])

    def dash(self, item: Span) -> int:
        found = self.text.rfind("-", 0, item.start)
        if found < 0 or self.text[found + 1 : item.start].strip():
            raise Unplaced("an item has no hyphen before it")
        return found

    def inserted(self, at: int, block: str, column: int) -> Edit:
        return Edit(at, at, self.lines(block, column))

    def lines(self, block: str, column: int) -> str:
        margin = " " * column
        return "".join(f"{self.newline}{margin if line else ''}{line}" for line in block.splitlines())

    def line_end(self, at: int) -> int:
        found = self.text.find("\n", at)
        if found < 0:
            return len(self.text)
        return found - 1 if self.text[found - 1 : found] == "\r" else found

    def line_begin(self, at: int) -> int:
        """Before the end of the line before the one where something begins. Raises where it does not begin a line."""
        newline = self.text.rfind("\n", 0, at)
        if self.text[newline + 1 : at].strip() or newline < 0:
            raise Unplaced("something else stands in the line")
        return newline - 1 if self.text[newline - 1 : newline] == "\r" else newline

    def column(self, at: int) -> int:
        return at - self.text.rfind("\n", 0, at) - 1


def _both(kind: type, before: Any, after: Any) -> bool:
    """Whether both are such, and neither is empty."""
    return isinstance(before, kind) and isinstance(after, kind) and bool(before and after)


def _flow(value: Any) -> str:
    """JSON is YAML in flow style."""
    return json.dumps(value)
