"""What of the documents' redaction cannot be carried out, told when they are loaded.

Owns the judgement of selectors and of detectors' names. Which detectors there are, whoever asks says.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterator

from outgate.policy.model import Source
from outgate.policy.redaction_model import Carrier, KeepingPolicy, RedactionRule
from outgate.problems import Problem, Where
from outgate.redact.select import jsonpath, protobuf, template, xpath
from outgate.redact.select.steps import SelectorError

FIELD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
WORD = re.compile(r"[^\W_]")


def problems(keeping: KeepingPolicy, detectors: Collection[str] | None = None) -> Iterator[Problem]:
    """Everything that is wrong. `detectors`: their names and those of their classes; None: they are not judged."""
    for redaction in keeping.redactions:
        for rule in redaction.rules:
            yield from _selectors(rule)
            if detectors is not None:
                yield from _detectors(rule, detectors)


def _selectors(rule: RedactionRule) -> Iterator[Problem]:
    for selector in rule.selectors:
        try:
            READERS.get(selector.carrier, str)(selector.expression)
        except SelectorError as error:
            yield _problem(selector.source or rule.source, error.what, error.hint)


def _detectors(rule: RedactionRule, known: Collection[str]) -> Iterator[Problem]:
    for name in rule.detectors:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1, 0.6)
            hint = f'did you mean "{close[0]}"?' if close else f"write one of {', '.join(sorted(known))}"
            yield _problem(rule.source, f'there is no detector "{name}"', hint)


def _problem(source: Source | None, what: str, hint: str) -> Problem:
    if source is None:
        return Problem(Where("policy"), what, hint)
    return Problem(source.where, f"{source.field}: {what}", hint, field=source.field)


def _header(name: str) -> None:
    if not FIELD.fullmatch(name):
        raise SelectorError(f"{name[:60]!a} is no name of a header", "use letters, digits and hyphens")


def _words(text: str) -> None:
    if not WORD.search(text):
        raise SelectorError(f"{text[:60]!a} has no word in it", "write words of a name, such as card number")


READERS: dict[Carrier, Callable[[str], object]] = {
    Carrier.HEADER: _header,
    Carrier.KEY: _words,
    Carrier.PATH: template.compiled,
    Carrier.JSON_PATH: jsonpath.compiled,
    Carrier.XPATH: xpath.compiled,
    Carrier.PROTOBUF: protobuf.compiled,
}
"""What raises `SelectorError` for what it cannot read. Any text is a name of a cookie, a parameter, a field, a part."""
