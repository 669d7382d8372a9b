"""MeshHTTPRoute and MeshTCPRoute: which requests to something outside go where.

Owns the merge of rules, their order, and what matches and filters come to. Whatever no rule takes goes where it was
going: a route of Kuma never blocks. Which upstream a backend has is `destinations.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from outgate.policy.frontends.filters import header_changes, redirect
from outgate.policy.frontends.kuma.entries import Entry, Kind
from outgate.policy.frontends.kuma.merging import merged
from outgate.policy.frontends.kuma.resource import Resource
from outgate.policy.frontends.kuma.route_shapes import HTTP_ITEM, TCP_ITEM, check_http, check_tcp
from outgate.policy.header_formats import header_value
from outgate.policy.model import Source
from outgate.policy.route_model import (
    NamedMatch,
    Rewrite,
    Route,
    RouteMatch,
    TextKind,
    TextMatch,
)
from outgate.policy.schema import Reading, Record

PATHS = {"Exact": TextKind.EXACT, "PathPrefix": TextKind.SEGMENTS, "RegularExpression": TextKind.REGEX}
ORDER = (TextKind.EXACT, TextKind.SEGMENTS, TextKind.REGEX)
HEADERS = {
    "Exact": TextKind.EXACT,
    "Present": TextKind.PRESENT,
    "Absent": TextKind.PRESENT,
    "RegularExpression": TextKind.REGEX,
    "Prefix": TextKind.PREFIX,
}


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """Requests that are matched, and what is said of them."""

    match: RouteMatch
    conf: Record
    resource: Resource
    """The route that has the last word."""
    sources: tuple[Source, ...]


def http_rules(entries: Iterable[Entry]) -> list[Rule]:
    """In the order in which they are asked. Rules of equal matches are one, in which the later policy wins."""
    found: dict[tuple[RouteMatch, ...], list[tuple[Entry, Record]]] = {}
    for entry in entries:
        for record in entry.conf.get("rules", []):
            matches = tuple(_match(match) for match in record.get("matches", [])) or (RouteMatch(),)
            found.setdefault(matches, []).append((entry, record))
    rules: list[Rule] = []
    for matches, records in found.items():
        conf = merged(_conf(record) for _, record in records)
        entry = records[-1][0]
        sources = tuple(each.resource.source(record.path, record.where) for each, record in reversed(records))
        if conf is not None:
            rules += [Rule(match, conf, entry.resource, sources) for match in matches]
    return sorted(rules, key=lambda rule: _rank(rule.match))


def tcp_rule(entries: Iterable[Entry]) -> Rule | None:
    """The one rule of raw connections."""
    found = [(entry, record) for entry in entries for record in entry.conf.get("rules", [])]
    conf = merged(_conf(record) for _, record in found)
    if conf is None:
        return None
    sources = tuple(entry.resource.source(record.path, record.where) for entry, record in reversed(found))
    return Rule(RouteMatch(), conf, found[-1][0].resource, sources)


def _conf(record: Record) -> Record:
    return record.get("default") or Record(record.where, record.under("default"), {}, {})


def _match(record: Record) -> RouteMatch:
    path: Record | None = record.get("path")
    method = record.get("method")
    return RouteMatch(
        path=TextMatch(PATHS[path.get("type")], path.get("value")) if path is not None else None,
        method=TextMatch(TextKind.EXACT, method) if method else None,
        headers=tuple(_header(header) for header in record.get("headers", [])),
        queries=tuple(
            NamedMatch(query.get("name"), TextMatch(PATHS[query.get("type")], query.get("value")))
            for query in record.get("queryParams", [])
        ),
    )


def _header(record: Record) -> NamedMatch:
    kind = record.get("type", "Exact")
    match = TextMatch(HEADERS[kind], record.get("value", ""), negated=kind == "Absent")
    return NamedMatch(record.get("name").lower(), match)


def _rank(match: RouteMatch) -> tuple[int, ...]:
    """Smaller is asked first, as the Gateway API has it."""
    path = match.path
    return (
        ORDER.index(path.kind) if path is not None else len(ORDER),
        -len(path.value) if path is not None else 0,
        match.method is None,
        -len(match.headers),
        -len(match.queries),
    )


def filtered(route: Route, filters: Iterable[Record]) -> Route:
    """The route with what its filters change; mirrors are not among them, for they have upstreams."""
    made = route
    for record in filters:
        kind = record.get("type")
        if kind == "RequestHeaderModifier":
            made = replace(made, request_headers=header_changes(record.get("requestHeaderModifier"), header_value))
        elif kind == "ResponseHeaderModifier":
            made = replace(made, response_headers=header_changes(record.get("responseHeaderModifier"), header_value))
        elif kind == "RequestRedirect":
            made = replace(made, redirect=redirect(record.get("requestRedirect")), rewrite=None)
        elif kind == "URLRewrite":
            made = replace(made, rewrite=_rewritten(record.get("urlRewrite"), made.rewrite or Rewrite()))
    return made


def mirrors(filters: Iterable[Record]) -> Iterator[tuple[Record, float]]:
    """References to whom a copy goes, and of how many requests."""
    for record in filters:
        block: Record | None = record.get("requestMirror")
        if block is not None:
            yield block.get("backendRef"), block.get("percentage", 100.0)


def _rewritten(block: Record, usual: Rewrite) -> Rewrite:
    path: Record | None = block.get("path")
    named = block.get("hostname")
    return Rewrite(
        path=path.get("replaceFullPath") if path is not None else None,
        prefix=path.get("replacePrefixMatch") if path is not None else None,
        authority=named or usual.authority,
        to_backend=usual.to_backend and not named,
    )


def _nothing(conf: Record, reading: Reading) -> None:
    """All that is asked of an item asks for its reference, too."""


HTTP = Kind("MeshHTTPRoute", HTTP_ITEM, ("to",), _nothing, check_http, needs_some=False, whole=True)
TCP = Kind("MeshTCPRoute", TCP_ITEM, ("to",), _nothing, check_tcp, needs_some=False, whole=True)
