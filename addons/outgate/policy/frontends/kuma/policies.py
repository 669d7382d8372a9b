"""All policies of a load, and what those in force say of one destination.

Owns the choice of policies for the gate, and the joining of what they say in Kuma's precedence. Knows no conf.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from outgate.policy.frontends import Contribution, Inert, Setting
from outgate.policy.frontends.kuma.allowed import INBOUND
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
    used: set[Entry] = field(default_factory=set)
    """Those that have a say in something outside."""
    reasons: dict[Entry, str] = field(default_factory=dict)
    """Why some have none, where it is not that nothing is there."""
    explained: set[Resource] = field(default_factory=set)
    """Of which a warning says already why they have none."""

    def said(self, kind: str, outside: Resource, route: Resource | None = None) -> Said:
        """What holds for a destination; with a route, for what that route takes. Where something is said of the route,
        what is said of the destination does not hold for it, as in Kuma."""
        found = [entry for entry in self.entries.get(kind, []) if about(entry, outside, route)]
        if any(_names(entry, ROUTE) for entry in found):
            found = [entry for entry in found if not _names(entry, outside.kind)]
        self.use(found)
        return Said(merged(entry.conf for entry in found), tuple(entry.source for entry in reversed(found)))

    def use(self, entries: Iterable[Entry]) -> list[Entry]:
        """Entries that are about to have their say."""
        found = list(entries)
        self.used.update(found)
        return found

    def pass_over(self, entries: Iterable[Entry], reason: str) -> None:
        """Entries that are about something, and cannot have a say in it."""
        self.reasons.update(dict.fromkeys(entries, reason))

    def _all(self) -> Iterator[Entry]:
        for entries in self.entries.values():
            yield from entries

    def warn_unused(self, made: Contribution) -> None:
        """Warns of policies that had no say in anything, now that all of it is joined."""
        speaking = {entry.resource for entry in self.used}
        for entry in (entry for entry in self._all() if entry not in self.used):
            resource, reason = entry.resource, self.reasons.get(entry, "is about nothing outside that is known")
            whole = resource not in speaking
            made.inert.append(Inert(resource.reading, "" if whole else entry.record.path, reason))
            if whole and resource not in self.explained:
                self.explained.add(resource)
                made.problems.append(_inert(resource, reason, "" if entry in self.reasons else _to_do(resource)))


def _to_do(resource: Resource) -> str:
    if resource.kind in INBOUND:
        return f"name a {EXTERNAL} by sni, or the zone's egress by its label"
    return f"add the {EXTERNAL} that it is about"


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


def _names(entry: Entry, kind: str) -> bool:
    """Whether an item is about one of a kind, and not about everything."""
    return entry.side == "to" and entry.target is not None and entry.target.get("kind") == kind


def in_force(entries: Iterable[Entry], setting: Setting, made: Contribution) -> Policies:
    """The entries that are the gate's, in order. Policies of which nothing is are warned of."""
    found: dict[str, list[Entry]] = {}
    against: list[tuple[Entry, str]] = []
    for entry in entries:
        reason = _reason_against(entry, setting)
        if reason:
            against.append((entry, reason))
        else:
            found.setdefault(entry.resource.kind, []).append(entry)
    _set_aside(against, {entry.resource for those in found.values() for entry in those}, made)
    return Policies({kind: ordered(those) for kind, those in found.items()})


def _set_aside(against: Iterable[tuple[Entry, str]], speaking: set[Resource], made: Contribution) -> None:
    """Says of each policy once, and of each of its items, that it has no effect and why."""
    warned: set[Resource] = set()
    for entry, reason in against:
        resource = entry.resource
        made.inert.append(Inert(resource.reading, entry.record.path if resource in speaking else "", reason))
        if resource not in warned:
            warned.add(resource)
            made.problems.append(_inert(resource, reason))


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


def _inert(resource: Resource, reason: str, hint: str = "") -> Problem:
    return Problem(resource.document.where, f"{resource} {reason}", hint, Severity.WARNING)


def orphans(policies: Policies, outside: Iterable[Resource], routes: Iterable[Resource], made: Contribution) -> None:
    """Warns of items that name what is not there."""
    there = {EXTERNAL: list(outside), ROUTE: list(routes)}
    for entry in (entry for found in policies.entries.values() for entry in found):
        for target in (entry.top, entry.target if entry.side == "to" else None):
            kind = target.get("kind") if target is not None else ""
            if target is None or kind not in there:
                continue
            if not any(meant(target, one) and one.mesh == entry.resource.mesh for one in there[kind]):
                policies.explained.add(entry.resource)
                what = f"{target.path}: there is no such {kind} in mesh {entry.resource.mesh}"
                made.problems.append(
                    Problem(target.where, what, "add it, or correct the reference", Severity.WARNING, target.path)
                )
