"""XPath, as far as the names on the way to a value tell: elements, attributes, wildcards, descendants, `text()`.

Owns the reading of expressions. A name without a prefix is meant under any. Predicates and functions need more than
names, and are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from outgate.redact.leaf import Step
from outgate.redact.select.steps import Pattern, SelectorError, Wanted

STEP = re.compile(r"(?P<slashes>//?)(?P<at>@?)(?P<name>[^\W\d][\w.-]*(?::(?:[^\W\d][\w.-]*))?|\*)")
LONGEST = 1000
"""Characters of an expression."""


def compiled(expression: str) -> Pattern:
    """Raises `SelectorError`."""
    if not expression.startswith("/"):
        raise SelectorError(f"{_shown(expression)} does not begin at the top", "write /a/b, or //b for any b")
    if len(expression) > LONGEST:
        raise SelectorError(f"{len(expression)} characters are too long", f"use at most {LONGEST}")
    path, exact = (expression[: -len("/text()")], True) if expression.endswith("/text()") else (expression, False)
    steps: list[Wanted] = []
    at = 0
    while at < len(path):
        found = STEP.match(path, at)
        if found is None or (steps and _is_attribute(path[:at])):
            raise SelectorError(f"{_shown(expression)} cannot be read at {_shown(path[at:])}", _hint(path[at:]))
        steps.append(Wanted(_test(found["at"], found["name"]), anywhere=found["slashes"] == "//"))
        at = found.end()
    if not steps or path.endswith("/"):
        raise SelectorError(f"{_shown(expression)} names no element", "write /a/b, or //b for any b")
    return Pattern(tuple(steps), exact)


def _is_attribute(path: str) -> bool:
    return "@" in path.rpartition("/")[2]


def _hint(rest: str) -> str:
    if rest.startswith("["):
        return "predicates are not looked at: name elements and attributes alone"
    return "steps are /name, //name, /*, /@name and at the end /text()"


def _test(at: str, name: str) -> Callable[[Step], bool]:
    if name == "*":
        return _attribute if at else _element
    wanted = at + name
    if ":" in name:
        return lambda step: step == wanted
    return lambda step: isinstance(step, str) and _bare(step) == wanted


def _bare(step: str) -> str:
    """The name without its prefix."""
    prefix, colon, local = step.partition(":")
    return (prefix[:1] if prefix.startswith("@") else "") + local if colon else step


def _attribute(step: Step) -> bool:
    return isinstance(step, str) and step.startswith("@")


def _element(step: Step) -> bool:
    return isinstance(step, str) and not step.startswith(("@", "#", "?"))


def _shown(text: str) -> str:
    return ascii(text[:60])
