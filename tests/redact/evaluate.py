"""How much of the labelled texts the default rules find, and how much else: recall and false positives, by class.

The rows lie in `labelled/`: a carrier, and a text in which `[[class:value]]` is what has to be found. A row without one
is a look-alike. Rows are read by small readers of this file's own, so that no codec has a part in what is measured.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from outgate.policy.redaction_model import Carrier
from outgate.redact.detect.defaults import EVERY, RULES
from outgate.redact.detect.names import Names
from outgate.redact.detect.search import Detectors
from outgate.redact.meanings import is_other
from redact.samples import sample

FOLDER = Path(__file__).parent / "labelled"
EXPECTED = re.compile(r"\[\[([a-z-]+):(.*?)\]\]", re.DOTALL)
NAMED_BY = {"header": Carrier.HEADER, "query": Carrier.QUERY, "form": Carrier.FIELD, "cookie": Carrier.COOKIE}


class Span(NamedTuple):
    """From where to where in a value, and what is there or by what it was found."""

    start: int
    end: int
    label: str


@dataclass(frozen=True)
class Value:
    """A text, what it is called, and what has to be found in it."""

    carrier: str
    name: str
    text: str
    expected: tuple[Span, ...]


@dataclass(frozen=True)
class Row:
    where: str
    values: tuple[Value, ...]


@dataclass
class Tally:
    """`missed` and `surplus`: which, for whoever has to mend it."""

    expected: int = 0
    found: int = 0
    missed: list[str] = field(default_factory=list)
    surplus: list[str] = field(default_factory=list)


def rows() -> Iterator[Row]:
    for path in sorted(FOLDER.glob("*.txt")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if line and not line.startswith("# "):
                carrier, _, text = line.partition(" | ")
                where = f"{path.name}:{number}"
                yield Row(where, tuple(_values(carrier.strip(), sample(text, where))))


def _values(carrier: str, text: str) -> Iterator[Value]:
    for kind, name, marked in _parts(carrier, text):
        yield Value(kind, name, *_unmarked(marked))


def _parts(carrier: str, text: str) -> Iterator[tuple[str, str, str]]:
    """Carrier, name and value of everything that is in a row."""
    match carrier:
        case "json":
            yield from (("json", name, value) for name, value in _leaves(json.loads(text), ""))
        case "form":
            yield from (("form", name, value) for name, value in parse_qsl(text, keep_blank_values=True))
        case "query":
            path, _, query = text.partition("?")
            yield "path", "", path
            yield from (("query", name, value) for name, value in parse_qsl(query, keep_blank_values=True))
        case "header":
            name, _, value = text.partition(": ")
            if name in ("cookie", "set-cookie"):
                pairs = (pair.partition("=") for pair in value.split("; ")[: 1 if name == "set-cookie" else None])
                yield from (("cookie", name, value) for name, _, value in pairs)
            else:
                yield "header", name, value
        case _:
            yield carrier, "", text.replace("\\n", "\n")


def _leaves(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield from _leaves(member, key)
    elif isinstance(value, list):
        for member in value:
            yield from _leaves(member, name)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield name, str(value)


def _unmarked(marked: str) -> tuple[str, tuple[Span, ...]]:
    text, spans, at = "", [], 0
    for match in EXPECTED.finditer(marked):
        text += marked[at : match.start()]
        spans.append(Span(len(text), len(text) + len(match[2]), match[1]))
        text += match[2]
        at = match.end()
    return text + marked[at:], tuple(spans)


@cache
def _detectors() -> Detectors:
    return Detectors(name for rule in RULES for name in rule.detectors)


@cache
def _keys() -> Names[str]:
    return Names(
        (selector.expression, rule.name)
        for rule in RULES
        for selector in rule.selectors
        if selector.carrier is Carrier.KEY
    )


@cache
def _carried() -> dict[tuple[Carrier, str], str]:
    return {
        (selector.carrier, selector.expression): rule.name
        for rule in RULES
        for selector in rule.selectors
        if selector.carrier is not Carrier.KEY
    }


def found(value: Value) -> list[Span]:
    """By the default rules: all of it where its name says so and it can be that, else what the detectors find in it."""
    carrier = NAMED_BY.get(value.carrier)
    rule = _carried().get((carrier, value.name.lower()) if carrier else None) or _carried().get((carrier, EVERY))
    rule = rule or next(iter(_keys().find(value.name)), None)
    if rule is not None and not is_other(value.name, value.text):
        return [Span(0, len(value.text), rule)] if value.text else []
    hits = _detectors().search([value.text], [value.name])
    return [Span(hit.start, hit.end, hit.detector.name) for hit in hits]


def evaluate() -> tuple[dict[str, Tally], int, int]:
    """By class; how many rows there are, and in how many of the look-alikes something was found."""
    tallies: dict[str, Tally] = {}
    total = flagged = 0
    for row in rows():
        total += 1
        surplus = [_judge(row, value, tallies) for value in row.values]
        flagged += any(surplus) and not any(value.expected for value in row.values)
    return tallies, total, flagged


def _judge(row: Row, value: Value, tallies: dict[str, Tally]) -> bool:
    """Whether something was found that is not there."""
    spans = found(value)
    for expected in value.expected:
        tally = tallies.setdefault(expected.label, Tally())
        tally.expected += 1
        if _covered(expected, spans):
            tally.found += 1
        else:
            tally.missed.append(f"{row.where} {value.name} {value.text[expected.start : expected.end]!r}")
    surplus = [span for span in spans if not _deserved(span, value.expected)]
    for span in surplus:
        tally = tallies.setdefault(span.label, Tally())
        tally.surplus.append(f"{row.where} {value.name} {value.text[span.start : span.end]!r}")
    return bool(surplus)


def _covered(expected: Span, spans: list[Span]) -> bool:
    """Every character of it lies in something that was found."""
    at = expected.start
    for span in spans:
        if span.start <= at < span.end:
            at = span.end
    return at >= expected.end


def _deserved(span: Span, expected: tuple[Span, ...]) -> bool:
    """At least half of what was found had to be found."""
    shared = sum(max(0, min(span.end, each.end) - max(span.start, each.start)) for each in expected)
    return shared * 2 >= span.end - span.start


def main() -> None:
    tallies, total, flagged = evaluate()
    for label, tally in sorted(tallies.items()):
        print(f"{label:32} {tally.found:4}/{tally.expected:<4} surplus {len(tally.surplus)}")
        for each in tally.missed:
            print("    missed ", each)
        for each in tally.surplus:
            print("    surplus", each)
    expected, right = sum(each.expected for each in tallies.values()), sum(each.found for each in tallies.values())
    surplus = sum(len(each.surplus) for each in tallies.values())
    print(f"{total} rows: {right} of {expected} found, {surplus} else, {flagged} look-alikes flagged")


if __name__ == "__main__":
    main()
