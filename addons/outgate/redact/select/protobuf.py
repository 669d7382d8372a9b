"""Numbers of protobuf fields: `3.1` is field 1 of what field 3 holds.

Owns the reading of expressions.
"""

from __future__ import annotations

import re

from outgate.redact.leaf import Step
from outgate.redact.select.steps import Pattern, SelectorError, Wanted

NUMBERS = re.compile(r"[1-9][0-9]{0,8}(?:\.[1-9][0-9]{0,8}){0,63}")
HIGHEST = (1 << 29) - 1


def compiled(expression: str) -> Pattern:
    """Raises `SelectorError`."""
    numbers = [int(number) for number in expression.split(".")] if NUMBERS.fullmatch(expression) else [HIGHEST + 1]
    if max(numbers) > HIGHEST:
        hint = f"write 3.1, with numbers from 1 to {HIGHEST}"
        raise SelectorError(f"{expression[:60]!a} is no way by numbers of fields", hint)
    return Pattern(tuple(map(_is, numbers)))


def _is(number: int) -> Wanted:
    def fits(step: Step) -> bool:
        return step == number

    return Wanted(fits)
