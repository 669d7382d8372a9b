"""What WireMock and Hoverfly have in common: stubs that a request is matched with, and answers in their order.

Owns which exchanges can be stubs, and how wild places are left out of what has to match.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from outgate.capture.formats.sequences import Sequences
from outgate.capture.formats.writing import target
from outgate.capture.matching.canonical import VOLATILE, Canonical, canonical, free
from outgate.capture.matching.forms import pairs
from outgate.redact import places
from outgate.redact.exchange import Request
from outgate.redact.leaf import Path
from outgate.redact.redacted import Manifest, Redacted

type Pattern = dict[str, Any]

LEAVE_OUT = object()
"""Instead of a value, where it is to be left out with its key."""


class StubWriter:
    """Is shown all exchanges twice: to count those of one request, and to write them."""

    def __init__(self) -> None:
        self._sequences = Sequences()

    def count(self, kept: Redacted) -> None:
        request = kept.exchange.request
        if request is not None and not self.refusal(kept):
            self._sequences.count(orjson.dumps(self.pattern(request, kept.manifest)))

    def turn(self, pattern: Pattern) -> tuple[str, int, int]:
        """A name for the requests of this pattern, the number of this answer from 1, and how many there are."""
        return self._sequences.next(orjson.dumps(pattern))

    def close(self) -> None:
        self._sequences.close()

    def pattern(self, request: Request, manifest: Manifest) -> Pattern:
        """What a request has to be like."""
        raise NotImplementedError

    def refusal(self, kept: Redacted) -> str:
        """Why an exchange can be no stub; empty where it can."""
        exchange = kept.exchange
        if exchange.request is None:
            return "a tunnel"
        if exchange.messages or (exchange.response is not None and exchange.response.status == 101):
            return "a WebSocket"
        if exchange.response is not None and exchange.response.body.content is None:
            return "the body of its answer was not kept"
        return ""


class Document(NamedTuple):
    """JSON to compare with."""

    text: str
    exact: bool
    """Whether every value of it is there."""
    open: bool
    """Whether something may stand beside what is there."""


class Asked:
    """A recorded request, as stubs look at it."""

    def __init__(self, request: Request, manifest: Manifest) -> None:
        self.request = request
        self.meaning: Canonical = canonical(request, manifest)
        self.path, _, query = target(request).partition("?")
        asked = pairs(query.encode())
        self.query = {name: values for name, values in asked.items() if not self.free("query", name)}
        self.certain = len(self.query) == len(asked)
        """Whether its whole query has to be equal."""
        self.body = request.body.content or b""

    def free(self, carrier: str, name: str) -> bool:
        """Whether any value fits in a parameter of the query, or in a field or part of the body."""
        where = places.body("request", (name,)) if carrier == "body" else places.named("request", carrier, name)
        return self._free(where, name)

    def _free(self, place: str, name: str) -> bool:
        return name.lower() in VOLATILE or free(place, None, self.meaning.wild, VOLATILE)

    def is_wild(self, segment: int) -> bool:
        return places.segment(segment) in self.meaning.wild

    @property
    def any_body(self) -> bool:
        whole = {places.body("request"), places.body("request", ())}
        return not self.body or bool(self.meaning.wild & whole)

    @property
    def partly_wild(self) -> bool:
        return any(each.startswith(places.body("request")) for each in self.meaning.wild)

    def document(self, put: object) -> Document | None:
        """Its JSON with `put` where any value fits. None: it cannot be written."""
        wild = {each for each in self.meaning.wild if each.startswith(places.body("request", ()))}
        changed = _Changed(self._free, put)
        try:
            found = json.loads(self.body)
            if isinstance(found, dict) and self.meaning.form == "graphql" and found.get("operationName"):
                changed.loose.add(places.body("request", ("query",)))
            text = json.dumps(changed.of(found, (), ""), ensure_ascii=False, allow_nan=False)
        except (ValueError, RecursionError):
            return None
        exact = not changed.places
        return Document(self.body.decode("utf-8-sig") if exact else text, exact, bool(wild - changed.places))


class _Changed:
    """JSON with something else in its free places."""

    def __init__(self, is_free: Callable[[str, str], bool], put: object) -> None:
        self._free, self._put = is_free, put
        self.loose: set[str] = set()
        """Places that are free beside those."""
        self.places: set[str] = set()
        """What was changed."""

    def of(self, found: Any, path: Path, name: str) -> Any:
        place = places.body("request", path)
        if path and not isinstance(found, dict | list) and (place in self.loose or self._free(place, name)):
            self.places.add(place)
            return self._put
        match found:
            case dict():
                inner = ((key, self.of(value, (*path, key), key)) for key, value in found.items())
                return {key: value for key, value in inner if value is not LEAVE_OUT}
            case list():
                each = (self.of(value, (*path, number), name) for number, value in enumerate(found))
                return [value for value in each if value is not LEAVE_OUT]
        return found
