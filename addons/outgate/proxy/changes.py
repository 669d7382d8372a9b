"""Heads as a route changes them: what an origin is told instead, and the workload.

Owns when which change is made. Requests are changed on a copy, when they leave. The changes themselves are `plan`'s.
"""

from __future__ import annotations

import re

from mitmproxy import http

from outgate.policy import rewriting
from outgate.policy.hosts import bracketed
from outgate.policy.model import Attempt
from outgate.proxy.passage import Passage

CLEAN = re.compile(rb"[\x21-\x7e\x80-\xff]+")


def outgoing(request: http.Request, passage: Passage) -> None:
    """Change a copy of a request that is about to leave."""
    chosen, backend = passage.chosen, passage.backend
    authority = None
    if passage.route.rewrite is not None:
        if (path := rewriting.rewritten(chosen, request.path)) is not None:
            request.data.path = _clean(path)
        authority = rewriting.authority_of(chosen, bracketed(backend.host) if backend and backend.host else None)
    for change in passage.plan.outgoing:
        request.headers.fields = change.apply(request.headers.fields)
        authority = change.authority or authority
    if authority is not None:
        _name(request, authority)


def incoming(response: http.Response, passage: Passage) -> None:
    """Change a response on its way to the workload."""
    for change in passage.plan.incoming:
        response.headers.fields = change.apply(response.headers.fields)
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


def _clean(text: str) -> bytes:
    """What a policy makes of a request, where that is one text of a head. Raises `ValueError`, and nothing leaves."""
    made = text.encode("utf-8", "surrogateescape")
    if not CLEAN.fullmatch(made):
        raise ValueError("a route makes something of a request that cannot stand in its head")
    return made


def _name(request: http.Request, authority: str) -> None:
    _clean(authority)
    if request.is_http2:
        request.data.authority = authority.encode()
    else:
        request.headers["host"] = authority
