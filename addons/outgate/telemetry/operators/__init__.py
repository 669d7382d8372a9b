"""Envoy's command operators: from a name and an argument, once, to what reads a value from every event.

Owns the table of all of them, and COALESCE, which is made of others. Knows no format.
"""

from __future__ import annotations

import difflib
import json

from outgate.telemetry.event import Event
from outgate.telemetry.operators import exchange, outcome, places, security, sizes, timing
from outgate.telemetry.operators.kinds import Operator, Read, Value, needed
from outgate.telemetry.operators.refused import REFUSED
from outgate.telemetry.showing import Showing


def _coalesce(argument: str | None, showing: Showing) -> Read:
    example = 'write {"operators": ["REQUESTED_SERVER_NAME", {"command": "REQ", "param": ":authority"}]}'
    try:
        listed = json.loads(needed(argument, "a JSON object"))["operators"]
        reads = [_one(entry, showing) for entry in listed]
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError, RecursionError):
        raise ValueError(f"needs a JSON object with a list of operators; {example}") from None
    if not reads:
        raise ValueError(f"has no operators; {example}")

    def read(event: Event) -> Value:
        for each in reads:
            if (value := each(event)) not in (None, ""):
                return value
        return None

    return read


def _one(entry: object, showing: Showing) -> Read:
    if isinstance(entry, str):
        return compiled(entry, None, None, showing)
    if not isinstance(entry, dict) or entry.keys() - {"command", "param", "max_length"}:
        raise TypeError
    length = entry.get("max_length")
    if length is not None and (not isinstance(length, int) or length < 0):
        raise ValueError(f'does not take a max_length of "{length}"; write a number of characters')
    return compiled(str(entry["command"]), entry.get("param"), length, showing)


OPERATORS: dict[str, Operator] = {
    **timing.OPERATORS,
    **exchange.OPERATORS,
    **outcome.OPERATORS,
    **sizes.OPERATORS,
    **places.OPERATORS,
    **security.OPERATORS,
    "COALESCE": Operator("the first of some operators that is set", _coalesce, takes="JSON", cut=True),
}


def compiled(name: str, argument: str | None, length: int | None, showing: Showing) -> Read:
    """What reads its value, cut to a length where one is given. Raises `ValueError`: what is wrong, and what to write
    instead."""
    if (operator := OPERATORS.get(name)) is None:
        raise ValueError(_unknown(name))
    if length is not None and not operator.cut:
        raise ValueError(f'takes no length; leave ":{length}" out')
    read = operator.compile(argument, showing)
    return read if length is None else _cut(read, length)


def _cut(read: Read, length: int) -> Read:
    def cut(event: Event) -> Value:
        value = read(event)
        return value[:length] if isinstance(value, str) else value

    return cut


def _unknown(name: str) -> str:
    if why := REFUSED.get(name):
        return f"is not supported: {why}"
    close = difflib.get_close_matches(name, OPERATORS, 1)
    return f"is no operator; {f'did you mean {close[0]}?' if close else 'docs/telemetry.md lists them'}"
