"""Patterns that documents write: what each matches is found, wherever it stands.

Owns their search, a text at a time, so that `^` and `$` are the ends of a value and nothing runs into the next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import re2

from outgate.redact.detect.detector import Detector, Group
from outgate.redact.detect.search import Hit

MEMORY = 4 * 1024 * 1024
"""Bytes that RE2 may use for one."""


class Patterns:
    """By the name of the rule's own detector."""

    def __init__(self, patterns: Mapping[str, str]) -> None:
        options = re2.Options()
        options.max_mem, options.log_errors = MEMORY, False
        self._patterns = [
            (Detector(name, Group.SECRETS, pattern, ""), re2.compile(pattern, options))
            for name, pattern in patterns.items()
        ]

    def hits(self, texts: Sequence[str]) -> Iterator[Hit]:
        for detector, pattern in self._patterns:
            for index, text in enumerate(texts):
                for match in pattern.finditer(_plain(text)):
                    if match.end() > match.start():
                        yield Hit(index, match.start(), match.end(), detector)


def _plain(text: str) -> str:
    """With a question mark for each lone surrogate, which RE2 does not know."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
