"""What policies about what arrives on an egress say of one destination: of whom, and what.

Owns which of them are about a destination, and whom each means: items of `from` are merged for whoever several of them
mean, of `rules` the most specific one says it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from outgate.policy.frontends.kuma.callers import EVERYBODY, Caller, apart, of_identity, of_target
from outgate.policy.frontends.kuma.dialect import Dialect, Role
from outgate.policy.frontends.kuma.entries import Entry
from outgate.policy.frontends.kuma.external_service import ExternalService
from outgate.policy.frontends.kuma.merging import covers, merged
from outgate.policy.frontends.kuma.policies import EXTERNAL, Policies, about
from outgate.policy.frontends.kuma.target import ON_ZONE_EGRESS
from outgate.policy.model import Source
from outgate.policy.schema import Record

SNI = "sni.extsvc."

type Told = tuple[Caller, Entry]


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
    alike: dict[tuple[Entry, ...], list[Caller]] = {}
    for caller, told in apart(_asked(entries, service), _replaces):
        alike.setdefault(tuple(dict.fromkeys(entry for _, entry in told)), []).append(caller)
    return [
        Said(tuple(callers), conf, tuple(entry.source for entry in reversed(own)))
        for own, callers in alike.items()
        if (conf := merged(entry.conf for entry in own)) is not None
    ]


def _asked(entries: Iterable[Entry], service: ExternalService) -> list[tuple[Caller, Told]]:
    """Callers and what is said of them, the least specific first."""
    found = [(rank, caller, entry) for entry in entries for rank, caller in _callers(entry, service)]
    return [(caller, (caller, entry)) for _, caller, entry in sorted(found, key=lambda each: each[0])]


def _replaces(later: Told, earlier: Told) -> bool:
    """Items of `from` that mean the same caller are merged; of `rules`, the most specific one is over what everybody is
    told, and no other."""
    by_match = later[1].side == earlier[1].side == "rules"
    if by_match and earlier[0] not in (EVERYBODY, later[0]):
        return True
    return covers(later[1].conf, earlier[1].conf)


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
