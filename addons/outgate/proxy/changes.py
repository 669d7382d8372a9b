"""Heads as a route changes them: what an origin is told instead, and the workload.

Owns that what frames a message and what passes between two ends only is nobody's to change. The changes themselves are
the policy's; requests are changed on a copy, when they leave.
"""

from __future__ import annotations

from collections.abc import Iterable

from mitmproxy import http

from outgate.policy import rewriting
from outgate.policy.headers import CONTROL_PREFIX, HOP_BY_HOP
from outgate.policy.hosts import bracketed
from outgate.policy.model import Attempt
from outgate.policy.route_model import UNCHANGED, HeaderChange
from outgate.proxy.passage import Passage

UNTOUCHED = HOP_BY_HOP | {"content-length", "transfer-encoding", "trailer"}
AUTHORITY = ("host", ":authority")

type Fields = tuple[tuple[bytes, bytes], ...]


def changes_requests(passage: Passage) -> bool:
    """Whether an origin is told anything else than what was asked."""
    route, backend = passage.route, passage.backend
    changed = route.request_headers is not UNCHANGED and route.request_headers != UNCHANGED
    return changed or route.rewrite is not None or (backend is not None and backend.request_headers != UNCHANGED)


def outgoing(request: http.Request, passage: Passage) -> None:
    """Change a copy of a request that is about to leave."""
    backend = passage.backend
    if (path := rewriting.rewritten(passage.chosen, request.path)) is not None:
        request.data.path = path.encode("utf-8", "surrogateescape")
    authority = rewriting.authority_of(passage.chosen, bracketed(backend.host) if backend and backend.host else None)
    for change in (passage.route.request_headers, *((backend.request_headers,) if backend is not None else ())):
        if change == UNCHANGED:
            continue
        request.headers.fields = applied(change, request.headers.fields)
        named = (value for name, value in (*change.set, *change.add) if name.lower() in AUTHORITY)
        authority = next(named, authority)
    if authority is not None:
        _name(request, authority)


def incoming(response: http.Response, passage: Passage) -> None:
    """Change a response on its way to the workload."""
    backend = passage.backend
    for change in (*((backend.response_headers,) if backend is not None else ()), passage.route.response_headers):
        if change != UNCHANGED:
            response.headers.fields = applied(change, response.headers.fields)
    if passage.cookie:
        response.headers.add("set-cookie", passage.cookie)


def answer(passage: Passage, attempt: Attempt, authority: str) -> http.Response:
    """The answer that a route is."""
    route = passage.route
    if route.redirect is not None:
        where = rewriting.location(passage.chosen, route.redirect, attempt, authority)
        made = http.Response.make(route.redirect.status, b"", {"location": where, "content-length": "0"})
    else:
        assert route.direct is not None
        told = {"content-type": "text/plain", "content-length": str(len(route.direct.body))}
        made = http.Response.make(route.direct.status, route.direct.body, told if route.direct.body else {})
    incoming(made, passage)
    return made


def applied(change: HeaderChange, fields: Iterable[tuple[bytes, bytes]]) -> Fields:
    """A head after a change, without what is nobody's to change."""
    allowed = HeaderChange(
        tuple(field for field in change.set if _free(field[0])),
        tuple(field for field in change.add if _free(field[0])),
        tuple(name for name in change.remove if _free(name)),
    )
    texts = [(_text(name), _text(value)) for name, value in fields]
    return tuple((_bytes(name), _bytes(value)) for name, value in rewriting.changed(allowed, texts))


def _free(name: str) -> bool:
    lower = name.lower()
    return lower not in UNTOUCHED and lower not in AUTHORITY and not lower.startswith((CONTROL_PREFIX, ":"))


def _name(request: http.Request, authority: str) -> None:
    if request.is_http2:
        request.data.authority = authority.encode()
    else:
        request.headers["host"] = authority


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")
