"""Header values that are made with each message: Envoy's `%NAME(argument):length%` among plain text.

Owns the grammar, and which operators may stand in a header. What they come to is the data plane's.
"""

from __future__ import annotations

import re

from outgate.policy.route_model import HeaderFormat, HeaderValue, Operator

PIECE = re.compile(r"%%|%(?P<name>[A-Z][A-Z0-9_]*)(?:\((?P<argument>[^()%]*)\))?(?::(?P<length>\d{1,6}))?%")
ENDS = ("ADDRESS", "ADDRESS_WITHOUT_PORT", "PORT")
HEADERS = frozenset({"REQ", "RESP"})
ALIASES = {"REQUEST_HEADER": "REQ", "RESPONSE_HEADER": "RESP", "UPSTREAM_HOST": "UPSTREAM_REMOTE_ADDRESS"}
OPERATORS = HEADERS | {
    *(f"{whose}_{end}" for whose in ("DOWNSTREAM_REMOTE", "DOWNSTREAM_LOCAL", "UPSTREAM_REMOTE") for end in ENDS),
    *(f"DOWNSTREAM_DIRECT_REMOTE_{end}" for end in ENDS),
    "HOSTNAME",
    "PROTOCOL",
    "REQUESTED_SERVER_NAME",
    "RESPONSE_CODE",
}
NAMED = re.compile(r":?[!#$&'*+\-.^_`|~0-9A-Za-z]+(\?:?[!#$&'*+\-.^_`|~0-9A-Za-z]+)?")
"""A header, or two of which the second stands in for the first."""


def header_value(text: str) -> HeaderValue:
    """What a value written in Envoy's way is. Raises `ValueError`: what is wrong with it, and what to write."""
    parts: list[str | Operator] = []
    at = 0
    while at < len(text):
        sign = text.find("%", at)
        if sign != at:
            parts.append(text[at:] if sign < 0 else text[at:sign])
        if sign < 0:
            break
        found = PIECE.match(text, sign)
        if found is None:
            raise ValueError(f'"{text[sign : sign + 40]}" begins no operator; write "%%" for a percent sign')
        parts.append("%" if found["name"] is None else _operator(found))
        at = found.end()
    whole = "".join(part for part in parts if isinstance(part, str))
    return whole if all(isinstance(part, str) for part in parts) else HeaderFormat(tuple(parts))


def _operator(found: re.Match[str]) -> Operator:
    name, argument, length = ALIASES.get(found["name"], found["name"]), found["argument"], found["length"]
    if name not in OPERATORS:
        raise ValueError(f"%{name}% is not known in a header; write one of {', '.join(sorted(OPERATORS))}")
    if (name in HEADERS) != (argument is not None):
        raise ValueError(f"%{name}% takes {'a header: write %REQ(NAME)%' if name in HEADERS else 'no argument'}")
    if length is not None and name not in HEADERS:
        raise ValueError(f'%{name}% takes no length; leave ":{length}" out')
    if argument is not None and not NAMED.fullmatch(argument):
        raise ValueError(f'%{name}% does not take "{argument}"; write a header, or two as X?Y')
    return Operator(name, (argument or "").lower(), None if length is None else int(length))


def literal_fault(text: str) -> str:
    """Why a value does not say the same wherever it is used; empty where it does."""
    try:
        made = header_value(text)
    except ValueError as error:
        return str(error)
    return "" if isinstance(made, str) else "no operator stands in what a limit answers; write it out"
