"""Which recorded host a request is for, by how it arrived.

Owns the three modes. A proxy's client says the host, a redirected one dials it, and one that calls the replay by its
own address says it in `Host`, in the first segment of its path, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import urlsplit

from outgate.capture.formats.writing import PORTS
from outgate.capture.match import Scope
from outgate.redact.exchange import Request


class Mode(StrEnum):
    """How clients reach a replay."""

    REVERSE = "reverse"
    REGULAR = "regular"
    TRANSPARENT = "transparent"


class Place(NamedTuple):
    scheme: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is known of a connection. `host` and `port`: of CONNECT, or as they were dialled."""

    mode: Mode
    scheme: str
    host: str = ""
    port: int = 0


class Places:
    """Those of a capture."""

    def __init__(self, requests: Iterable[Request]) -> None:
        self.all = {Place(each.scheme, each.host.lower().rstrip("."), each.port): None for each in requests}

    def located(self, request: Request, arrival: Arrival) -> tuple[Request, Scope]:
        """The request with its place, and how much of that is meant. Its `host` and `port` are what it says."""
        if arrival.mode is Mode.REGULAR:
            return _at(request, arrival.host or request.host, arrival.port or request.port), Scope.PLACE
        if arrival.mode is Mode.TRANSPARENT:
            return _at(request, request.host or arrival.host, arrival.port or request.port), Scope.PLACE
        if found := self._named(request, request.host, request.port):
            return found
        first, slash, rest = request.target.removeprefix("/").partition("/")
        segment, mark, query = first.partition("?")
        if found := self._named(request, *split(segment)):
            return replace(found[0], target=f"/{rest}" if slash else f"/{mark}{query}"), found[1]
        return _at(request, request.host, request.port), Scope.ANY

    def origin(self, asked: Request, scope: Scope) -> Request | None:
        """A located request as its origin would get it; None: nobody knows whose it is."""
        if scope is not Scope.HOST:
            return asked if scope is Scope.PLACE else None
        place = next(each for each in self.all if each.host == asked.host)
        return replace(asked, scheme=place.scheme, port=place.port)

    def _named(self, request: Request, host: str, port: int) -> tuple[Request, Scope] | None:
        """Of a host of the capture. Its port may be the replay's own, and a scheme a base address in a test."""
        host = host.lower().rstrip(".")
        same = sorted(
            (place for place in self.all if place.host == host), key=lambda each: each.scheme != request.scheme
        )
        if not same:
            return None
        exact = next((place for place in same if place.port == port), None)
        if exact is None:
            return _at(request, host, port), Scope.HOST
        return replace(_at(request, host, port), scheme=exact.scheme), Scope.PLACE


def _at(request: Request, host: str, port: int) -> Request:
    return replace(request, host=host, port=port or PORTS.get(request.scheme, 0))


def split(authority: str) -> tuple[str, int]:
    """Host and port of a `Host` field or the target of CONNECT; 0 where no port is said."""
    try:
        found = urlsplit(f"//{authority}")
        return found.hostname or "", found.port or 0
    except ValueError:
        return "", 0
