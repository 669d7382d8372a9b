"""Values of the model as the native kinds write them: durations, texts, tests of headers, conditions, places.

Owns the spelling of what several kinds share. Knows no kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from outgate.policy.access_model import Attribute, Condition
from outgate.policy.model import Source
from outgate.policy.route_model import HeaderChange, HeaderFormat, NamedMatch, TextKind, TextMatch

type Content = dict[str, Any]

WHO = {
    Attribute.PRINCIPAL: "principals",
    Attribute.NAMESPACE: "namespaces",
    Attribute.SERVICE_ACCOUNT: "serviceAccounts",
    Attribute.SOURCE_IP: "ipBlocks",
}


class Unwritable(ValueError):
    """A value that no native kind can say. Carries what to write instead, and whose value it is where that is known."""

    def __init__(self, what: str, hint: str) -> None:
        self.hint = hint
        self.source: Source | None = None
        super().__init__(what)


@contextmanager
def of(source: Source | None) -> Iterator[None]:
    """What is unwritable meanwhile is this one's, unless somebody nearer to it said so."""
    try:
        yield
    except Unwritable as error:
        error.source = error.source or source
        raise


def duration(seconds: float) -> str:
    """In whole seconds where that is enough, else in milliseconds."""
    milliseconds = round(seconds * 1000, 6)
    if milliseconds != round(milliseconds):
        raise Unwritable(f"{seconds:g}s is finer than a millisecond", "use whole milliseconds")
    whole = round(milliseconds)
    return f"{whole // 1000}s" if whole % 1000 == 0 else f"{whole}ms"


def text(data: bytes) -> str:
    """Bytes of a message, as text."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Unwritable("bytes that are no UTF-8", "use text") from error


def given(content: Mapping[str, Any]) -> Content:
    """Without what says nothing: None, empty texts and lists, and what is not so."""
    return {name: value for name, value in content.items() if value not in (None, "", [], {}, False)}


def text_match(match: TextMatch) -> Content:
    if match.kind is TextKind.PRESENT:
        return {"present": not match.negated}
    made: Content = {str(match.kind): match.value}
    return made | given({"ignoreCase": match.ignore_case, "not": match.negated})


def named(tests: Iterable[NamedMatch]) -> Content:
    """Tests of headers or parameters, by name: a list of those of which there are several."""
    made: dict[str, list[Content]] = {}
    for each in tests:
        made.setdefault(each.name, []).append(text_match(each.match))
    return {name: found[0] if len(found) == 1 else found for name, found in made.items()}


def change(changed: HeaderChange) -> Content:
    for pairs in (changed.set, changed.add):
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names):
            raise Unwritable(f"a header is changed twice: {', '.join(names)}", "give it one value")
        made = [name for name, value in pairs if isinstance(value, HeaderFormat)]
        if made:
            raise Unwritable(f"{', '.join(made)}: a value that is made of each request", "write out what it says")
    return given({"set": dict(changed.set), "add": dict(changed.add), "remove": list(changed.remove)})


def when(conditions: Iterable[Condition]) -> list[Content]:
    return [
        {"attribute": str(each.attribute)}
        | given({"key": each.key})
        | {"values": list(each.values)}
        | given({"not": each.negated})
        for each in conditions
    ]


def caller(conditions: Iterable[Condition]) -> Content:
    """A `from` block of a route, a fault or a limit."""
    made: Content = {}
    labels: Content = {}
    rest: list[Condition] = []
    for each in conditions:
        name = WHO.get(each.attribute, "")
        if name and name not in made and not each.negated and not rest and all(each.values):
            made[name] = list(each.values)
        elif each.attribute is Attribute.SOURCE_LABEL and _plain_label(each) and each.key not in labels and not rest:
            labels[each.key] = each.values[0]
        else:
            rest.append(each)
    return made | given({"labels": labels, "when": when(rest)})


def _plain_label(condition: Condition) -> bool:
    return len(condition.values) == 1 and bool(condition.values[0]) and not condition.negated
