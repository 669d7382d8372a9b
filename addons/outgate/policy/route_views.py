"""The routes of a port in a few words each, for people who ask what a gate has loaded.

Owns the words. Values of headers and parameters are not shown: each may be a credential.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from outgate.policy.conditions import describe
from outgate.policy.model import Port
from outgate.policy.plain import plain
from outgate.policy.route_model import Route, RouteMatch, TextMatch, Unmatched

type Row = dict[str, Any]


def routes_of(port: Port) -> list[Row]:
    """In their order; then what becomes of what none of them takes, where that is said."""
    rows = [
        {
            "name": route.name,
            "match": " or ".join(map(_match, route.matches)) or "everything",
            "leads_to": _leads_to(route),
            "does": list(_does(route)),
            "source": plain(route.source),
        }
        for route in port.routes
    ]
    if port.routes and port.unmatched is Unmatched.NOT_FOUND and port.routes[-1].matches:
        rows.append({"name": "", "match": "everything else", "leads_to": "HTTP 404", "does": [], "source": None})
    return rows


def _match(match: RouteMatch) -> str:
    texts = (("path", match.path), ("method", match.method), ("scheme", match.scheme), ("authority", match.authority))
    said = [f"{name} {_text(text)}" for name, text in texts if text is not None]
    said += [f"header {named.name} {_kind(named.match)}" for named in match.headers]
    said += [f"parameter {named.name} {_kind(named.match)}" for named in match.queries]
    said += map(describe, match.caller)
    said += [f"server name {' or '.join(match.sni)}"] if match.sni else []
    said += [f"address in {' or '.join(map(str, match.networks))}"] if match.networks else []
    return " and ".join(said) or "everything"


def _text(text: TextMatch) -> str:
    return f"{_kind(text)} {text.value}".rstrip()


def _kind(text: TextMatch) -> str:
    return f"not {text.kind}" if text.negated else str(text.kind)


def _leads_to(route: Route) -> str:
    if route.missing:
        return "HTTP 404"
    if route.redirect is not None:
        return f"HTTP {route.redirect.status} to elsewhere"
    if route.direct is not None:
        return f"HTTP {route.direct.status}"
    total = sum(backend.weight for backend in route.backends)
    if not total or len(route.backends) == 1:
        return ", ".join(backend.key for backend in route.backends) or "its own upstream"
    return ", ".join(f"{100 * backend.weight / total:g} % {backend.key}" for backend in route.backends)


def _does(route: Route) -> Iterator[str]:
    if route.rewrite is not None:
        yield "rewrites"
    if route.timeout is not None:
        yield f"timeout {route.timeout:g} s"
    if route.retry is not None and route.retry.retries:
        yield f"{route.retry.retries} retries"
    for what, found in (("fault", route.faults), ("mirror", route.mirrors), ("rate limit", route.limits)):
        if found:
            yield f"{len(found)} {what}{'s' if len(found) > 1 else ''}"
