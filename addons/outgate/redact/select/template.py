"""Templates of paths: `/users/{id}/*` takes what stands where the braces are.

Owns their reading. `*` is one segment, and at the end whatever follows. Paths are compared as they were sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from outgate.redact.select.steps import SelectorError

SEGMENT = re.compile(r"\*|(?P<before>[^/{}*?#]*)(?:\{(?P<name>[^/{}*?#]*)\}(?P<after>[^/{}*?#]*))?")

type Span = tuple[int, int]


def compiled(template: str) -> Callable[[str], tuple[Span, ...]]:
    """Where in a path, without its query, is what the template takes; nowhere where it does not fit.

    Raises `SelectorError`.
    """
    if not template.startswith("/"):
        raise SelectorError(f"{template[:60]!a} is no path", "begin with a slash, as in /users/{id}/*")
    *segments, last = template[1:].split("/")
    pattern = "".join(f"/{_segment(each, template)}" for each in segments)
    pattern += "/.*" if last == "*" else f"/{_segment(last, template)}"
    matching = re.compile(pattern, re.DOTALL)
    if not matching.groups:
        raise SelectorError(f"{template[:60]!a} takes nothing", "put braces where the value stands: /users/{id}")

    def taken(path: str) -> tuple[Span, ...]:
        found = matching.fullmatch(path)
        return tuple(found.span(group) for group in range(1, matching.groups + 1)) if found is not None else ()

    return taken


def _segment(text: str, template: str) -> str:
    found = SEGMENT.fullmatch(text)
    if found is None:
        hint = "a segment is text, *, or braces once with text around: /files/{name}.json"
        raise SelectorError(f"{template[:60]!a} cannot be read at {text[:60]!a}", hint)
    if text == "*":
        return "[^/]+"
    if found["name"] is None:
        return re.escape(text)
    return f"{re.escape(found['before'])}([^/]+){re.escape(found['after'])}"
