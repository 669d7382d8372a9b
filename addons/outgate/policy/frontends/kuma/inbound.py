"""What policies about what arrives on an egress say of one destination: of whom, and what.

Owns which of them are about a destination, and the order in which they are asked: each caller has what the most
specific one says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from outgate.policy.frontends.kuma.callers import EVERYBODY, Caller, but_not, of_identity, of_target
from outgate.policy.frontends.kuma.dialect import Dialect, Role
from outgate.policy.frontends.kuma.entries import Entry
from outgate.policy.frontends.kuma.external_service import ExternalService
from outgate.policy.frontends.kuma.merging import merged
from outgate.policy.frontends.kuma.policies import EXTERNAL, Policies, about
from outgate.policy.frontends.kuma.target import ON_ZONE_EGRESS
from outgate.policy.model import Source
from outgate.policy.schema import Record

SNI = "sni.extsvc."


@dataclass(frozen=True, slots=True)
class Said:
    """What holds for some callers."""

    callers: tuple[Caller, ...]
    """No two of them are the same one."""
    conf: Record
    sources: tuple[Source, ...]
    """The one that has the last word first."""


def meant_by_sni(sni: Record | None, service: ExternalService) -> bool:
    """Whether the server name of a zone's egress, `sni.extsvc.MESH.ZONE.NAME.PORT`, means a destination."""
    if sni is None:
        return True
    parts = sni.get("value").removeprefix(SNI).split(".")
    wanted = [service.resource.mesh, service.resource.display_name, str(service.port)]
    return sni.get("value").startswith(SNI) and len(parts) == 4 and [parts[0], *parts[2:]] == wanted


def concerned(policies: Policies, kind: str, service: ExternalService) -> list[Entry]:
    """Items that are about a destination: what a policy says of services of the mesh is not about what is outside."""
    found = policies.entries.get(kind, [])
    return policies.use(entry for entry in found if about(entry, service.resource) and is_outside(entry, service))


def is_outside(entry: Entry, service: ExternalService) -> bool:
    """Whether an item names a destination, or the proxy that it is reached through."""
    top = entry.top
    if top is not None and top.get("kind") == EXTERNAL:
        return True
    if entry.resource.dialect is Dialect.MADR062 and top is not None:
        return Role.EGRESS in [value.lower() for value in top.get("proxyType", [])]
    if top is not None and ON_ZONE_EGRESS in top.get("labels", {}):
        return True
    return any("sni" in match and meant_by_sni(match.get("sni"), service) for match in entry.record.get("matches", []))


def said(entries: Iterable[Entry], service: ExternalService) -> list[Said]:
    """What holds for whom; callers of whom nothing is said are in none. Raises `TooManyError`."""
    asked = _asked(entries, service)
    found: list[Said] = []
    earlier: list[Caller] = []
    for caller in dict.fromkeys(caller for caller, _ in reversed(asked)):
        own = [entry for each, entry in asked if each in (EVERYBODY, caller)]
        conf = merged(entry.conf for entry in own)
        if conf is not None:
            sources = tuple(entry.source for entry in reversed(own))
            found.append(Said(tuple(but_not(caller, earlier)), conf, sources))
        earlier.append(caller)
    return found


def _asked(entries: Iterable[Entry], service: ExternalService) -> list[tuple[Caller, Entry]]:
    """Callers and what is said of them, the least specific first."""
    found = [(rank, caller, entry) for entry in entries for rank, caller in _callers(entry, service)]
    return [(caller, entry) for _, caller, entry in sorted(found, key=lambda each: each[0])]


def _callers(entry: Entry, service: ExternalService) -> Iterator[tuple[tuple[int, bool], Caller]]:
    if entry.side == "from":
        yield (0, False), of_target(entry.target)
        return
    matches: list[Record] = entry.record.get("matches", [])
    if not matches:
        yield (0, False), EVERYBODY
    for match in matches:
        if meant_by_sni(match.get("sni"), service):
            identity: Record | None = match.get("spiffeID")
            kind = identity.get("type") if identity is not None else ""
            yield (("", "Prefix", "Exact").index(kind), "sni" in match), of_identity(identity)
