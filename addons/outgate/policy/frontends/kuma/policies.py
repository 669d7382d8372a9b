"""All policies of a load, and what those in force say of one destination.

Owns the choice of policies for the gate, and the joining of what they say in Kuma's precedence. Knows no conf.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from outgate.policy.frontends import Contribution, Setting
from outgate.policy.frontends.kuma.dialect import ROLES, Dialect, Role, places, spelt
from outgate.policy.frontends.kuma.entries import Entry
from outgate.policy.frontends.kuma.merging import merged
from outgate.policy.frontends.kuma.order import ordered
from outgate.policy.frontends.kuma.resource import Resource
from outgate.policy.frontends.kuma.target import meant, selects
from outgate.policy.model import Source
from outgate.policy.schema import Record
from outgate.problems import Problem, Severity

EXTERNAL = "MeshExternalService"
ROUTE = "MeshHTTPRoute"
IN_MESH = ("MeshService", "MeshMultiZoneService", "MeshServiceSubset")


@dataclass(frozen=True, slots=True)
class Said:
    """What the policies of one kind say of one destination."""

    conf: Record | None = None
    sources: tuple[Source, ...] = ()
    """Who says it; the one that has the last word first."""


@dataclass(slots=True)
class Policies:
    """Entries of policies that are in force at the gate, by kind, the lowest precedence first."""

    entries: Mapping[str, list[Entry]]

    def said(self, kind: str, outside: Resource, route: Resource | None = None) -> Said:
        """What holds for a destination; with a route, for what that route takes."""
        found = [entry for entry in self.entries.get(kind, []) if about(entry, outside, route)]
        return Said(merged(entry.conf for entry in found), tuple(entry.source for entry in reversed(found)))


def about(entry: Entry, outside: Resource, route: Resource | None = None) -> bool:
    """Whether an item is about a destination, or about a route to it."""
    if entry.resource.mesh != outside.mesh:
        return False
    top, target = entry.top, entry.target
    if top is not None and top.get("kind") == EXTERNAL and not meant(top, outside):
        return False
    if top is not None and top.get("kind") == ROUTE and (route is None or not meant(top, route)):
        return False
    if target is None or target.get("kind") == "Mesh" or entry.side != "to":
        return True
    if target.get("kind") == ROUTE:
        return route is not None and meant(target, route)
    return target.get("kind") == outside.kind and meant(target, outside)


def in_force(entries: Iterable[Entry], setting: Setting, made: Contribution) -> Policies:
    """The entries that are the gate's, in order. Policies of which nothing is are warned of."""
    found: dict[str, list[Entry]] = {}
    warned: set[Resource] = set()
    for entry in entries:
        reason = _reason_against(entry, setting)
        if not reason:
            found.setdefault(entry.resource.kind, []).append(entry)
        elif entry.resource not in warned:
            warned.add(entry.resource)
            made.problems.append(_inert(entry.resource, reason))
    return Policies({kind: ordered(those) for kind, those in found.items()})


def _reason_against(entry: Entry, setting: Setting) -> str:
    """Why an item has no effect at this gate; empty where it has."""
    resource, roles = entry.resource, ROLES[setting.kuma_role]
    if resource.shadow:
        return "is only shown by the control plane, as its label kuma.io/effect: shadow says"
    roles &= _proxies(entry.top, resource.dialect)
    if not roles:
        return "is for other proxies than those whose part this gate plays"
    placed = places(resource.kind)
    if not roles & placed:
        return f"would have no effect on a Kuma {spelt(roles)}: it belongs on the {spelt(placed)}"
    if not selects(entry.top, setting.gate, roles):
        return "selects other proxies than this gate: see gate_labels"
    if entry.target is not None and entry.side == "to" and entry.target.get("kind") in IN_MESH:
        return f"is about a {entry.target.get('kind')}, and traffic within the mesh is not the gate's"
    return ""


def _proxies(top: Record | None, dialect: Dialect) -> frozenset[Role]:
    """An empty `proxyType` never selects egress, in the one dialect that has it; others do not tell the two apart."""
    if dialect is not Dialect.MADR062:
        return frozenset(Role)
    given = top.get("proxyType") if top is not None else None
    return frozenset(Role(value.lower()) for value in given) if given else frozenset({Role.SIDECAR})


def _inert(resource: Resource, reason: str) -> Problem:
    return Problem(resource.document.where, f"{resource} {reason}", "", Severity.WARNING)


def orphans(policies: Policies, outside: Iterable[Resource], routes: Iterable[Resource], made: Contribution) -> None:
    """Warns of items that name what is not there."""
    there = {EXTERNAL: list(outside), ROUTE: list(routes)}
    for entry in (entry for found in policies.entries.values() for entry in found):
        for target in (entry.top, entry.target if entry.side == "to" else None):
            kind = target.get("kind") if target is not None else ""
            if target is None or kind not in there:
                continue
            if not any(meant(target, one) and one.mesh == entry.resource.mesh for one in there[kind]):
                what = f"{target.path}: there is no such {kind} in mesh {entry.resource.mesh}"
                made.problems.append(
                    Problem(target.where, what, "add it, or correct the reference", Severity.WARNING, target.path)
                )
