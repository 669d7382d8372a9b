"""Scripts of a page: JSON where they are said to be some, and the JSON that is assigned to something elsewhere.

Owns that nothing that is put into a script ends it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from outgate.redact.codecs import json
from outgate.redact.leaf import Found, Part, Unreadable

JSON_TYPES = ("importmap", "speculationrules")
ASSIGNED = re.compile(r"=\s*+(?=[\[{]\s*+[\"\[{])", re.ASCII)
MOST_TRIED = 32
"""Assignments of one script that are looked at, because each may be read in vain up to its end."""
END = re.compile(rb"<(?=/script)", re.IGNORECASE)
MARKUP = re.compile(rb"<(?=/script|!--|script)", re.IGNORECASE)
"""Which makes a page go on elsewhere; a program may have it where it is no text."""


def read(view: str, begin: int, end: int, kind: str) -> Iterator[Found]:
    """What lies between the tags. `kind`: its media type, as the page has it."""
    if kind.lower().endswith("json") or kind.lower() in JSON_TYPES:
        yield from _part(view, begin, end, "application/json")
        return
    at = begin
    for first, last in _assigned(view, begin, end):
        yield from _part(view, at, first, "text/javascript")
        yield from _part(view, first, last, "application/json")
        at = last
    yield from _part(view, at, end, "text/javascript")


def _assigned(view: str, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Where JSON is."""
    at = begin
    for _ in range(MOST_TRIED):
        found = ASSIGNED.search(view, at, end)
        if found is None:
            return
        try:
            at = json.end_of(view, found.end(), end)
        except Unreadable:
            at = found.end()
        else:
            yield found.end(), at


def _part(view: str, begin: int, end: int, media_type: str) -> Iterator[Part]:
    if not view[begin:end].isspace() and begin < end:
        body = view[begin:end].encode("latin-1")
        held = partial((MARKUP if media_type == "application/json" else END).sub, rb"\\u003c")
        yield Part(begin, end, body, held, ("script",), "script", media_type)
