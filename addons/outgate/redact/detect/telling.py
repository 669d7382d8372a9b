"""Whether a short text holds a secret that tells itself, such as a vendor's token in the path of a URL.

Owns the question for whoever shows texts and has no time: most are answered by their looks, and the others in one pass.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import re2

from outgate.redact.detect import assignments, commands, lines
from outgate.redact.detect.detector import Beside, Detector, Group
from outgate.redact.detect.patterns import DETECTORS

LONG = re.compile(r"[\w.~+-]{16}", re.ASCII)
"""No such secret is shorter."""
MEMORY = 32 * 1024 * 1024
NAMED = frozenset(each.name for listed in (assignments, commands, lines) for each in listed.DETECTORS)


def holds_secret(text: str) -> bool:
    if LONG.search(text) is None:
        return False
    raw = text.encode("utf-8", "replace")
    together, each = _compiled()
    return any(_is_one(each[number], raw) for number in together.Match(raw) or ())


@cache
def _compiled() -> tuple[Any, list[tuple[Detector, Any]]]:
    """A set that says which may be there, and each by itself."""
    options = re2.Options()
    options.max_mem, options.log_errors, options.encoding = MEMORY, False, re2.Options.Encoding.LATIN1
    chosen = [
        each
        for each in DETECTORS
        if each.group is Group.SECRETS and each.beside is Beside.ANYTHING and each.name not in NAMED
    ]
    made = re2.Set.SearchSet(options)
    for each in chosen:
        made.Add(each.pattern.encode())
    made.Compile()
    return made, [(each, re2.compile(each.pattern.encode(), options)) for each in chosen]


def _is_one(known: tuple[Detector, Any], raw: bytes) -> bool:
    (detector, pattern), text = known, raw.decode("latin-1")
    for match in pattern.finditer(raw):
        value = next((group for group in reversed(match.groups()) if group), match[0]).decode("latin-1")
        if detector.around(text, *match.span()) and (detector.check is None or detector.check(value)):
            return True
    return False
