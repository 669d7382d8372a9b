"""The routes that are bound to an EgressNetwork, each in the order in which it counts.

Owns parents, backends and filters. What is matched is `matches.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from outgate.policy.documents import Document
from outgate.policy.frontends import Contribution, Setting
from outgate.policy.frontends.filters import header_changes, redirect
from outgate.policy.frontends.linkerd.annotated import account
from outgate.policy.frontends.linkerd.matches import Rank, hosts_of, matches_of, rank
from outgate.policy.frontends.linkerd.resource import Resource, read
from outgate.policy.frontends.linkerd.shapes import SPECS
from outgate.policy.model import AttemptKind
from outgate.policy.route_model import DirectResponse, Route, RouteMatch
from outgate.policy.schema import Record

GROUP = "policy.linkerd.io"
KIND = "EgressNetwork"
BROKEN = DirectResponse(500, b"the route names no backend that is there")


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """One rule of a route at one port of its parent, for one of its names."""

    resource: Resource
    parent: str
    """`NAMESPACE/NAME` of an EgressNetwork."""
    port: int
    rank: Rank
    route: Route
    backends: tuple[str, ...] = ()
    """Of the EgressNetworks that it leads to, which is where it was going, as `NAMESPACE/NAME`."""


def is_bound(document: Document) -> bool:
    """Whether a route has an EgressNetwork for a parent."""
    parents = document.root.child("spec", "parentRefs")
    return parents is not None and any(parent.text("kind") == KIND for parent in parents.sequence)


def bound_routes(
    document: Document, setting: Setting, contribution: Contribution
) -> tuple[Resource, list[Bound]] | None:
    """The route, and every rule of it for each of its parents and names; None where it cannot be used."""
    resource = read(document, SPECS[document.kind], setting, contribution)
    if resource is None:
        return None
    account(resource, network=False)
    _check(resource)
    found = [bound for parent in _parents(resource) for bound in _at(parent, resource)]
    return resource, [] if resource.reading.failed else found


def _check(resource: Resource) -> None:
    rules: list[Record] = resource.spec.get("rules", [])
    if resource.document.kind in ("TLSRoute", "TCPRoute") and len(rules) != 1:
        where = resource.spec.at("rules")
        resource.reading.error(where, "spec.rules", f"{len(rules)} rules, exactly one is needed", "write one rule")


def _parents(resource: Resource) -> Iterator[Record]:
    for parent in resource.spec.get("parentRefs", []):
        if parent.get("kind") != KIND or parent.get("group", GROUP) != GROUP:
            resource.reading.warn(parent.where, parent.path, "is no EgressNetwork, so this parent is not the gate's")
        elif parent.get("port") is None:
            resource.reading.error(parent.where, parent.under("port"), "required value is missing", "add the port")
        else:
            yield parent


def _at(parent: Record, resource: Resource) -> Iterator[Bound]:
    key = f"{parent.get('namespace') or resource.namespace}/{parent.get('name')}"
    hosts = hosts_of(resource)
    for rule in resource.spec.get("rules", []):
        made = _route(rule, resource)
        for match in matches_of(resource.document.kind, rule, resource):
            for host in hosts or ("",):
                named = _of_host(match, host)
                route = replace(made, matches=(named,))
                yield Bound(resource, key, parent.get("port"), rank(match, host), route, _networks(rule, resource))


def _of_host(match: RouteMatch, host: str) -> RouteMatch:
    if not host:
        return match
    by_name = AttemptKind.TLS in match.kinds
    return replace(match, sni=(host,)) if by_name else replace(match, hosts=(host,))


def _route(rule: Record, resource: Resource) -> Route:
    made = Route(
        name=resource.name,
        source=resource.source(rule.path, rule.where),
        timeout=_timeout(rule),
        direct=None if _is_there(rule, resource) else BROKEN,
    )
    for record in rule.get("filters", []):
        made = _filtered(made, record, resource)
    return made


def _timeout(rule: Record) -> float | None:
    timeouts: Record | None = rule.get("timeouts")
    if timeouts is None:
        return None
    given = [timeouts.get(name) for name in ("request", "backendRequest") if timeouts.get(name)]
    return min(given) if given else None


def _is_there(rule: Record, resource: Resource) -> bool:
    """Whether traffic goes where it was going: to no other place, or to the network itself."""
    there = True
    for backend in rule.get("backendRefs", []):
        if backend.get("kind") == KIND and backend.get("group", GROUP) == GROUP:
            continue
        if backend.get("kind", "Service") == "Service" and not backend.get("group"):
            if backend.get("port") is None:
                resource.reading.error(backend.where, backend.under("port"), "required value is missing", "add it")
            what = f"sends traffic to the Service {backend.get('name')}, which is not yet applied"
            hint = "register what it leads to with an EgressDestination, or load with --lenient, which answers 500"
            (resource.reading.error if resource.reading.strict else resource.reading.warn)(
                backend.where, backend.path, what, hint
            )
            resource.reading.set_aside(backend.path, what)
        else:
            what = f"{backend.get('kind')} is no backend, so that its requests are answered with 500"
            resource.reading.warn(backend.where, backend.path, what, "write an EgressNetwork")
        there = False
    return there


def _networks(rule: Record, resource: Resource) -> tuple[str, ...]:
    return tuple(
        f"{backend.get('namespace') or resource.namespace}/{backend.get('name')}"
        for backend in rule.get("backendRefs", [])
        if backend.get("kind") == KIND
    )


def _filtered(route: Route, record: Record, resource: Resource) -> Route:
    kind = record.get("type", "")
    name = f"{kind[:1].lower()}{kind[1:]}"
    block: Record | None = record.get(name)
    if block is None:
        resource.reading.error(record.where, record.under(name), "required value is missing", f"add {name}")
        return route
    if kind == "RequestHeaderModifier":
        return replace(route, request_headers=header_changes(block))
    if kind == "ResponseHeaderModifier":
        return replace(route, response_headers=header_changes(block))
    return replace(route, redirect=redirect(block))
