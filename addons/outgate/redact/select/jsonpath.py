"""JSONPath (RFC 9535), as far as the way to a value tells: names, places in lists, wildcards, slices, descendants.

Owns the reading of expressions. Filters and places counted from the end need more than the way, and are refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

from outgate.redact.leaf import Step
from outgate.redact.select.steps import Pattern, SelectorError, Wanted

SEGMENT = re.compile(
    r"(?P<dots>\.\.?)(?P<name>[A-Za-z_\x80-\U0010ffff][\w]*|\*)|(?P<deep>\.\.)?\[(?P<inner>)", re.DOTALL
)
SELECTOR = re.compile(
    r"\s*(?:(?P<quoted>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<all>\*)"
    r"|(?P<start>-?\d*)\s*(?P<slice>:)\s*(?P<stop>-?\d*)\s*(?::\s*(?P<by>-?\d*))?"
    r"|(?P<place>-?\d+)"
    r"|(?P<filter>\?))\s*",
    re.DOTALL | re.ASCII,
)
LONGEST = 1000
"""Characters of an expression."""

type Fits = Callable[[Step], bool]


def compiled(expression: str) -> Pattern:
    """Raises `SelectorError`."""
    if not expression.startswith("$"):
        raise SelectorError(f"{_shown(expression)} is not JSONPath", "begin with $, as in $.card.number")
    if len(expression) > LONGEST:
        raise SelectorError(f"{len(expression)} characters are too long", f"use at most {LONGEST}")
    return Pattern(tuple(_segments(expression)))


def _segments(expression: str) -> Iterator[Wanted]:
    at = 1
    while at < len(expression):
        found = SEGMENT.match(expression, at)
        if found is None:
            hint = "go on with .name, ['any name'], [0], [*] or ..name"
            raise SelectorError(f"{_shown(expression)} is not JSONPath at {_shown(expression[at:])}", hint)
        at = found.end()
        if found["name"]:
            fits = _any if found["name"] == "*" else _is(found["name"])
            yield Wanted(fits, anywhere=found["dots"] == "..")
        else:
            tests, at = _bracket(expression, at)
            yield Wanted(_one(tests), anywhere=bool(found["deep"]))


def _bracket(expression: str, at: int) -> tuple[list[Fits], int]:
    """What stands between brackets, and where the text goes on."""
    tests: list[Fits] = []
    while True:
        found = SELECTOR.match(expression, at)
        closing = expression[found.end() : found.end() + 1] if found is not None else ""
        if found is not None and found["filter"]:
            hint = "name the way to the value, or find it with detect"
            raise SelectorError(f"{_shown(expression)} has a filter, which needs more than the way to a value", hint)
        if found is None or closing not in (",", "]"):
            hint = "write ['name'], [0], [1:3] or [*]"
            raise SelectorError(f"{_shown(expression)} is not JSONPath in its brackets", hint)
        tests.append(_test(found, expression))
        at = found.end() + 1
        if closing == "]":
            return tests, at


def _test(found: re.Match[str], expression: str) -> Fits:
    if found["quoted"]:
        return _is(_unquoted(found["quoted"], expression))
    if found["all"]:
        return _any
    if any((found[name] or "").startswith("-") for name in ("start", "stop", "by", "place")):
        raise SelectorError(f"{_shown(expression)} counts from the end, which is not known on the way", "write [*]")
    if found["slice"]:
        return _between(int(found["start"] or 0), found["stop"], int(found["by"] or 1))
    return _is(int(found["place"]))


def _unquoted(text: str, expression: str) -> str:
    inner = text[1:-1]
    if text.startswith("'"):
        inner = inner.replace(r"\'", "'").replace('"', r"\"")
    try:
        made = json.loads(f'"{inner}"', strict=False)
    except ValueError as error:
        hint = r"use \\, \', \n, \u0041 and the like"
        raise SelectorError(f"{_shown(expression)} has an escape in {_shown(text)} that JSON has not", hint) from error
    return str(made)


def _is(name: Step) -> Fits:
    return lambda step: step == name


def _any(step: Step) -> bool:
    return True


def _one(tests: list[Fits]) -> Fits:
    return tests[0] if len(tests) == 1 else lambda step: any(test(step) for test in tests)


def _between(start: int, stop: str, by: int) -> Fits:
    places = range(start, int(stop) if stop else 1 << 62, by) if by else range(0)
    return lambda step: isinstance(step, int) and step in places


def _shown(text: str) -> str:
    return ascii(text[:60])
