"""Secrets that tell themselves, looked for in whatever bytes say.

Owns the search, which has nothing in common with redaction's own but the table of patterns: each is matched as it
stands there, without hints, in bytes that no codec has taken apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

import re2

from outgate.capture.leaks.replaced import is_replaced
from outgate.redact.detect import assignments
from outgate.redact.detect.detector import Beside, Detector, Group
from outgate.redact.detect.patterns import DETECTORS

MEMORY = 64 * 1024 * 1024
END = b"\0"
TOLD = frozenset(detector.name for detector in assignments.DETECTORS)
"""Secrets only by a name in a text, which may be anything once codecs have taken the text apart."""


class Secrets:
    """All that default rules take, but for `kept`: names of detectors, and of classes of them."""

    def __init__(self, kept: Iterable[str] = ()) -> None:
        gone = {*kept, *TOLD}
        self.detectors = tuple(
            each
            for each in DETECTORS
            if each.group is Group.SECRETS and each.beside is Beside.ANYTHING and not {each.name, each.group} & gone
        )

    def found(self, said: bytes) -> Iterator[str]:
        """The names of what finds something."""
        if not self.detectors:
            return
        for number in self._possible(said):
            detector = self.detectors[number]
            if any(_is_one(detector, said, match) for match in self._patterns[number].finditer(said)):
                yield detector.name

    def _possible(self, said: bytes) -> Iterable[int]:
        """Where its memory is not enough RE2 says that there is nothing, not even the end; then all are asked."""
        found = set(self._set.Match(said + END) or ())
        last = len(self.detectors)
        return sorted(found - {last}) if last in found else range(last)

    @cached_property
    def _set(self) -> Any:
        made = re2.Set.SearchSet(_options())
        for each in self.detectors:
            made.Add(each.pattern.encode())
        made.Add(rb"\x00\z")
        made.Compile()
        return made

    @cached_property
    def _patterns(self) -> list[Any]:
        return [re2.compile(each.pattern.encode(), _options()) for each in self.detectors]


def _options() -> re2.Options:
    options = re2.Options()
    options.max_mem, options.log_errors, options.encoding = MEMORY, False, re2.Options.Encoding.LATIN1
    return options


def _is_one(detector: Detector, said: bytes, match: Any) -> bool:
    """In a window around it, which is all that what stands beside it is asked for."""
    start, end = match.span()
    begin = max(0, start - 64)
    window = said[begin : end + 64].decode("latin-1")
    if not detector.around(window, start - begin, end - begin):
        return False
    value = next((group for group in reversed(match.groups()) if group), match[0])
    return not is_replaced(value) and (detector.check is None or detector.check(value.decode("latin-1")))
