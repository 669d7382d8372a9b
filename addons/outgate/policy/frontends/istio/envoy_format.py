"""Whether a header value is well formed for Envoy, where `%NAME%` and `%NAME(argument)%` stand for values.

Owns that grammar: outside of a name, a percent sign is written twice.
"""

from __future__ import annotations

import re2

# A name runs to the next percent sign, or to its argument in parentheses: a JSON list of strings, or plain text in
# which a backslash escapes. Between the parts there may be blanks.
_STRING = r'"(?:[^"\\]|\\.)*"'
_LIST = rf"\[ *{_STRING} *(?:, *{_STRING} *)*\]"
_PLAIN = r"[^\[ )](?:[^)\\]|\\.)*"
VALUE = re2.compile(rf"(?s)(?:[^%]|%%|%[^%(][^%(]*(?:\( *(?:{_LIST} *|{_PLAIN})\) *)?%)*")


def format_fault(value: str) -> str:
    """What is wrong with a header value; empty for nothing."""
    return "" if VALUE.fullmatch(value) else "has a percent sign that begins no name"


def literal_value(value: str) -> str | None:
    """What a valid value says wherever it is used; None where it depends on something."""
    plain = value.replace("%%", "")
    return None if "%" in plain else value.replace("%%", "%")
