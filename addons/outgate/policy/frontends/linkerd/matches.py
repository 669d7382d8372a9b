"""What the rules of a route match, and which of them come first.

Owns the translation of matches and the order of the Gateway API: the more specific first, then the older. Knows no
parents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from outgate.policy.frontends.expressions import expression_fault
from outgate.policy.frontends.linkerd.resource import Resource
from outgate.policy.hosts import HostError, canonical_pattern
from outgate.policy.model import AttemptKind
from outgate.policy.route_model import NamedMatch, RouteMatch, TextKind, TextMatch
from outgate.policy.schema import Record

KINDS = {
    "HTTPRoute": AttemptKind.HTTP,
    "GRPCRoute": AttemptKind.HTTP,
    "TLSRoute": AttemptKind.TLS,
    "TCPRoute": AttemptKind.TCP,
}
PATHS = {"Exact": TextKind.EXACT, "PathPrefix": TextKind.SEGMENTS, "RegularExpression": TextKind.REGEX}
RANKS = (TextKind.EXACT, TextKind.SEGMENTS, TextKind.REGEX)

type Rank = tuple[int, ...]
"""Smaller is more specific."""


def matches_of(kind: str, rule: Record, resource: Resource) -> list[RouteMatch]:
    """Each of which the rule takes; one that takes everything of the kind where it lists none."""
    made = {"HTTPRoute": _request, "GRPCRoute": _call}.get(kind)
    listed: list[Record] = rule.get("matches", []) if made is not None else []
    found = [made(record, resource) for record in listed] if made is not None and listed else [RouteMatch()]
    return [replace(match, kinds=(KINDS[kind],)) for match in found]


def hosts_of(resource: Resource) -> tuple[str, ...]:
    """The names of a route, `*.example.com` being any under it; none given: every one."""
    found: list[str] = []
    for number, text in enumerate(resource.spec.get("hostnames", [])):
        try:
            found.append(canonical_pattern(text))
        except HostError as error:
            where = resource.spec.at("hostnames")
            resource.reading.error(where, f"spec.hostnames[{number}]", f'"{text}" is no host name: {error}')
    return tuple(found)


def rank(match: RouteMatch, host: str) -> Rank:
    """Of a match for one of the names of its route; empty for every name."""
    path = match.path
    return (
        0 if host and not host.startswith("*") else 1 if host else 2,
        -len(host),
        RANKS.index(path.kind) if path is not None else len(RANKS),
        -len(path.value) if path is not None else 0,
        match.method is None,
        -len(match.headers),
        -len(match.queries),
    )


def _request(record: Record, resource: Resource) -> RouteMatch:
    path: Record | None = record.get("path")
    return RouteMatch(
        path=_path(path, resource) if path is not None else None,
        method=TextMatch(TextKind.EXACT, record.get("method")) if record.get("method") else None,
        headers=tuple(_named(record, "headers", resource, lower=True)),
        queries=tuple(_named(record, "queryParams", resource, lower=False)),
    )


def _path(path: Record, resource: Resource) -> TextMatch:
    kind, value = PATHS[path.get("type", "PathPrefix")], path.get("value", "/")
    if kind is not TextKind.REGEX and not value.startswith("/"):
        resource.reading.error(path.at("value"), path.under("value"), f'"{value}" does not start with "/"')
    return _text(kind, value, path, "value", resource)


def _call(record: Record, resource: Resource) -> RouteMatch:
    """gRPC's paths are `/SERVICE/METHOD`."""
    headers = tuple(_named(record, "headers", resource, lower=True))
    call: Record | None = record.get("method")
    service, method = (call.get("service", ""), call.get("method", "")) if call is not None else ("", "")
    if call is None or not (service or method):
        return RouteMatch(headers=headers)
    if call.get("type") == "RegularExpression":
        text = f"/(?:{service or '[^/]+'})/(?:{method or '[^/]+'})"
        return RouteMatch(path=_text(TextKind.REGEX, text, call, "service", resource), headers=headers)
    if service and method:
        return RouteMatch(path=TextMatch(TextKind.EXACT, f"/{service}/{method}"), headers=headers)
    if service:
        return RouteMatch(path=TextMatch(TextKind.SEGMENTS, f"/{service}"), headers=headers)
    return RouteMatch(path=TextMatch(TextKind.REGEX, f"/[^/]+/{re.escape(method)}"), headers=headers)


def _named(record: Record, field: str, resource: Resource, *, lower: bool) -> Iterator[NamedMatch]:
    for named in record.get(field, []):
        kind = PATHS[named.get("type", "Exact")]
        name = named.get("name").lower() if lower else named.get("name")
        yield NamedMatch(name, _text(kind, named.get("value", ""), named, "value", resource))


def _text(kind: TextKind, value: str, record: Record, field: str, resource: Resource) -> TextMatch:
    if kind is TextKind.REGEX and (why := expression_fault(value)):
        resource.reading.error(record.at(field), record.under(field), f'"{value}" is no RE2 expression: {why}')
    return TextMatch(kind, value)
