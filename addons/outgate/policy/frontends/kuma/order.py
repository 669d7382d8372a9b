"""Which of several policies says more: Kuma's precedence, lowest first.

Owns the order alone. What is merged in this order is `merging.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from outgate.policy.frontends.kuma.entries import Entry
from outgate.policy.frontends.kuma.resource import Resource
from outgate.policy.schema import Record

KINDS = (
    "Mesh",
    "Dataplane",
    "MeshSubset",
    "MeshGateway",
    "MeshService",
    "MeshExternalService",
    "MeshMultiZoneService",
    "MeshServiceSubset",
    "MeshHTTPRoute",
)
ROLE = "kuma.io/policy-role"
ROLES = ("system", "producer", "consumer", "workload-owner")
ORIGIN = "kuma.io/origin"
ORIGINS = ("global", "", "zone")
SYSTEM = "kuma-system"
PRODUCED = ("MeshService", "MeshHTTPRoute")


def ordered(entries: Iterable[Entry]) -> list[Entry]:
    """The lowest precedence first; of equals, the name that comes last in the alphabet."""
    found = sorted(entries, key=lambda entry: entry.index)
    found.sort(key=lambda entry: entry.resource.display_name, reverse=True)
    found.sort(key=_rank)
    return found


def _rank(entry: Entry) -> tuple[int, ...]:
    top, resource = entry.top, entry.resource
    dataplane = top is not None and top.get("kind") == "Dataplane"
    return (
        _kind(top),
        int(dataplane and top is not None and bool(top.get("name"))),
        int(dataplane and top is not None and bool(top.get("sectionName"))),
        _place(ORIGINS, resource.labels.get(ORIGIN, "")),
        _place(ROLES, role(resource, entry.side, entry.siblings)),
        _kind(entry.target),
        int(entry.target is not None and bool(entry.target.get("sectionName"))),
    )


def _kind(target: Record | None) -> int:
    return _place(KINDS, target.get("kind") if target is not None else "Mesh")


def _place(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else 0


def role(resource: Resource, side: str, targets: Sequence[Record | None]) -> str:
    """Whose policy it is: what its label says, or what its namespace and what it is about do."""
    said = resource.labels.get(ROLE)
    if said in ROLES:
        return str(said)
    namespace = resource.document.namespace
    if resource.universal or not namespace or namespace == SYSTEM:
        return "system"
    if side != "to":
        return "workload-owner"
    return "producer" if all(_produced(target, namespace) for target in targets) else "consumer"


def _produced(target: Record | None, namespace: str) -> bool:
    return (
        target is not None
        and target.get("kind") in PRODUCED
        and bool(target.get("name"))
        and target.get("namespace", namespace) == namespace
    )
