"""JSON by its meaning: the order of keys, white space, escapes and ways to write a number do not count.

Owns JSON, JSON by lines, and GraphQL, which is told by the name of its operation and its variables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation

from outgate.capture.matching.values import Meaning, Unread, Value
from outgate.redact.leaf import Path

DOCUMENT = re.compile(r"\s*(#[^\n]*\n\s*)*(\{|(query|mutation|subscription|fragment)\b)")
OPERATION = re.compile(r"\b(?:query|mutation|subscription)\s+([_A-Za-z]\w*)")
BLANK = re.compile(r"[\s,]+")
OF_GRAPHQL = frozenset({"query", "operationName", "variables", "extensions"})


def document(body: bytes, _media_type: str) -> Meaning:
    return _meant(_loaded(body))


def lines(body: bytes, _media_type: str) -> Meaning:
    found = [_loaded(line) for line in body.replace(b"\x1e", b"\n").splitlines() if line.strip()]
    return Meaning("json lines", dict(_walk(found)))


def graphql(body: bytes, _media_type: str) -> Meaning:
    """A document that is the whole body."""
    return _meant({"query": body.decode(errors="replace")})


def of_query(parameters: Mapping[str, str]) -> Meaning | None:
    """A GraphQL request in the parameters of a query, or None."""
    if not parameters.keys() <= OF_GRAPHQL:
        return None
    found: dict[str, object] = dict(parameters)
    for name in found.keys() & {"variables", "extensions"}:
        try:
            found[name] = _loaded(parameters[name].encode(errors="replace"))
        except Unread:
            return None
    return _meant(found) if _asks(found) else None


def _loaded(body: bytes) -> object:
    try:
        text = body.decode("utf-8-sig")
        return json.loads(text, parse_float=_number, parse_int=_number, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise Unread from error


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:  # an exponent beyond all bounds
        raise Unread from error


def _meant(found: object) -> Meaning:
    """Several operations may be sent at once, in a list."""
    if _asks(found):
        asked, hints = _operation(found)
        return Meaning("graphql", dict(_walk(asked)), dict(_walk(hints)))
    if isinstance(found, list) and found and all(map(_asks, found)):
        pairs = [_operation(each) for each in found]
        return Meaning(
            "graphql", dict(_walk([asked for asked, _ in pairs])), dict(_walk([hints for _, hints in pairs]))
        )
    return Meaning("json", dict(_walk(found)))


def _asks(found: object) -> bool:
    """Whether it is a request of GraphQL."""
    if not isinstance(found, dict) or not found.keys() <= OF_GRAPHQL:
        return False
    text, extensions = found.get("query"), found.get("extensions")
    if isinstance(text, str):
        return DOCUMENT.match(text) is not None
    return isinstance(extensions, dict) and "persistedQuery" in extensions


def _operation(found: object) -> tuple[dict[str, object], dict[str, object]]:
    """What has to be equal, and what may differ: the document, where the operation has a name."""
    assert isinstance(found, dict)
    text = BLANK.sub(" ", str(found.get("query") or "")).strip()
    name = found.get("operationName") or (match[1] if (match := OPERATION.search(text)) else None)
    variables = found.get("variables") or {}
    if name:
        return {"operationName": name, "variables": variables}, {"query": text}
    return {"query": text, "variables": variables, "extensions": found.get("extensions") or {}}, {}


def _walk(root: object) -> Iterator[tuple[Path, Value]]:
    """Without recursion: depth is the sender's choice."""
    waiting: list[tuple[Path, str, object]] = [((), "", root)]
    while waiting:
        path, name, found = waiting.pop()
        if isinstance(found, dict) and found:
            waiting += [((*path, key), key.lower(), value) for key, value in found.items()]
        elif isinstance(found, list) and found:
            waiting += [((*path, number), name, value) for number, value in enumerate(found)]
        else:
            yield path, _value(name, found)


def _value(name: str, found: object) -> Value:
    match found:
        case str():
            return Value(name, "string", found)
        case bool():
            return Value(name, "boolean", found)
        case Decimal():
            return Value(name, "number", found)
        case None:
            return Value(name, "null", None)
    return Value(name, "object" if isinstance(found, dict) else "array", None)
