"""Heads as a route changes them: what an origin is told instead, and the workload.

Owns when which change is made. Requests are changed on a copy, when they leave. The changes themselves are `plan`'s.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mitmproxy import http

from outgate.policy import rewriting
from outgate.policy.hosts import bracketed
from outgate.proxy import header_values
from outgate.proxy.plan import Change, Fields

if TYPE_CHECKING:
    from outgate.proxy.exchange import Exchange

CLEAN = re.compile(rb"[\x21-\x7e\x80-\xff]+")


def outgoing(request: http.Request, exchange: Exchange) -> None:
    """Change a copy of a request that is about to leave, as its passage has it."""
    passage = exchange.passage
    assert passage is not None
    chosen, backend = passage.chosen, passage.backend
    authority = None
    if passage.route.rewrite is not None:
        if (path := rewriting.rewritten(chosen, request.path)) is not None:
            request.data.path = _clean(path)
        authority = rewriting.authority_of(chosen, bracketed(backend.host) if backend and backend.host else None)
    for change in passage.plan.outgoing:
        fields = request.headers.fields
        request.headers.fields = _formed(change, fields, exchange, None) if change.formats else change.apply(fields)
        authority = change.authority or authority
    if authority is not None:
        _name(request, authority)


def incoming(response: http.Response, exchange: Exchange) -> None:
    """Change a response on its way to the workload."""
    passage = exchange.passage
    assert passage is not None
    headers = response.headers
    for change in passage.plan.incoming:
        fields = headers.fields
        headers.fields = _formed(change, fields, exchange, response) if change.formats else change.apply(fields)
    if passage.cookie:
        response.headers.add("set-cookie", passage.cookie)


def answer(exchange: Exchange) -> http.Response:
    """The answer that its route is."""
    passage, attempt = exchange.passage, exchange.attempt
    assert passage is not None
    assert attempt is not None
    route = passage.route
    if route.redirect is not None:
        where = rewriting.location(passage.chosen, route.redirect, attempt, exchange.authority)
        made = http.Response.make(route.redirect.status, b"", {"location": where, "content-length": "0"})
    else:
        assert route.direct is not None
        told = {"content-type": "text/plain", "content-length": str(len(route.direct.body))}
        made = http.Response.make(route.direct.status, route.direct.body, told if route.direct.body else {})
    incoming(made, exchange)
    return made


def _formed(change: Change, fields: Fields, exchange: Exchange, response: http.Response | None) -> Fields:
    told = ((name, header_values.told(form, exchange, response), instead) for name, form, instead in change.formats)
    return change.formed(fields, [one for one in told if one[1]])


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
