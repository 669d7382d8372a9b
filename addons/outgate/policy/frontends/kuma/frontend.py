"""Kuma: documents in; destinations, routes, access policies and the mode out.

Owns the order, and which kinds are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from outgate.policy.documents import Document
from outgate.policy.frontends import Contribution, Inert, Override, Setting
from outgate.policy.frontends.kuma import (
    balancing,
    circuit_breakers,
    faults,
    health_checks,
    logs,
    metrics,
    passthrough,
    permissions,
    proxy_patch,
    rate_limits,
    retries,
    routes,
    timeouts,
    traces,
)
from outgate.policy.frontends.kuma.callers import MOST, TooManyError
from outgate.policy.frontends.kuma.destinations import Joined
from outgate.policy.frontends.kuma.dialect import ROLES
from outgate.policy.frontends.kuma.entries import GATEWAYS, INBOUND, Entry
from outgate.policy.frontends.kuma.envoy_patches import patches
from outgate.policy.frontends.kuma.external_service import ExternalService, external_service
from outgate.policy.frontends.kuma.merging import merged
from outgate.policy.frontends.kuma.mesh import Mesh, mesh
from outgate.policy.frontends.kuma.passthrough import Passthrough
from outgate.policy.frontends.kuma.patching import Patching
from outgate.policy.frontends.kuma.policies import Policies, in_force, orphans
from outgate.policy.frontends.kuma.resource import claims
from outgate.policy.frontends.kuma.spoken import unspoken
from outgate.policy.model import Mode
from outgate.policy.telemetry_model import TelemetryPolicy
from outgate.policy.telemetry_rules import joined
from outgate.problems import Problem

READERS = (balancing, circuit_breakers, faults, health_checks, logs, permissions, rate_limits, retries, timeouts)
ROUTES = (routes.HTTP, routes.TCP)
POLICIES = {kind.name: kind for kind in (*(reader.KIND for reader in READERS), rate_limits.ACROSS, *ROUTES)}
SINGLE = {kind.name: kind for kind in (metrics.KIND, passthrough.KIND, proxy_patch.KIND, traces.KIND)}
KINDS = ("Mesh", "MeshExternalService", *SINGLE, *POLICIES)

type Reader[Read] = Callable[[Document, Setting, Contribution], Read | None]


class KumaFrontend:
    """Kuma's own validation, precedence and merge."""

    mesh = "kuma"

    def claims(self, document: Document) -> bool:
        return claims(document, KINDS)

    def translate(self, documents: list[Document], setting: Setting) -> Contribution:
        made = Contribution()
        meshes = _each(documents, "Mesh", mesh, setting, made)
        services = _each(documents, "MeshExternalService", external_service, setting, made)
        single = [one for kind in SINGLE.values() for one in _each(documents, kind.name, kind.entry, setting, made)]
        policies = in_force([*single, *_entries(documents, setting, made)], setting, made)
        _warn_orphans(policies, services, made)
        _add_mode(meshes, policies, made)
        _set_metrics_aside(policies, made)
        made.telemetry = joined([logs.telemetry(policies, services), *_traced(policies)])
        named, roles = {one.name: one for one in meshes}, ROLES[setting.kuma_role]
        patching = Patching(patches(policies, roles, made), services)
        patching.use(policies, made)
        for service in services:
            own = named.get(service.resource.mesh)
            _add_destination(Joined(service, policies, own, roles, services, made.problems), patching, made)
        made.inert += unspoken(policies, services)
        policies.warn_unused(made)
        return made


def _warn_orphans(policies: Policies, services: Sequence[ExternalService], made: Contribution) -> None:
    routes = {entry.resource for kind in ROUTES for entry in policies.entries.get(kind.name, [])}
    orphans(policies, [service.resource for service in services], routes, made)


def _each[Read](
    documents: Iterable[Document], kind: str, reader: Reader[Read], setting: Setting, made: Contribution
) -> list[Read]:
    """What the documents of one kind come to, without those that cannot be used."""
    found = (reader(document, setting, made) for document in documents if document.kind == kind)
    return [one for one in found if one is not None]


def _entries(documents: Iterable[Document], setting: Setting, made: Contribution) -> Iterable[Entry]:
    for document in documents:
        if (kind := POLICIES.get(document.kind)) is None:
            continue
        found = kind.entries(document, setting, made)
        leaving = [entry for entry in found if kind.applies(entry.side)]
        if found and not leaving:
            made.inert.append(Inert(found[0].resource.reading, "", GATEWAYS if kind.scoped else INBOUND))
        yield from leaving


def _set_metrics_aside(policies: Policies, made: Contribution) -> None:
    for entry in policies.use(policies.entries.get(metrics.KIND.name, [])):
        made.inert.append(Inert(entry.resource.reading, "", metrics.ELSEWHERE))


def _traced(policies: Policies) -> Iterator[TelemetryPolicy]:
    entries = policies.use(policies.entries.get(traces.KIND.name, []))
    if (conf := merged(entry.conf for entry in entries)) is not None:
        yield traces.telemetry(entries[-1], conf)


def _add_mode(meshes: list[Mesh], policies: Policies, made: Contribution) -> None:
    """A MeshPassthrough takes the place of what its mesh says."""
    found: dict[str, list[Entry]] = {}
    for entry in policies.use(policies.entries.get("MeshPassthrough", [])):
        found.setdefault(entry.resource.mesh, []).append(entry)
    for entries in found.values():
        if (conf := merged(entry.conf for entry in entries)) is not None:
            passing = Passthrough(conf, entries[-1].resource)
            made.defaults.setdefault("mode", []).append(Override(passing.mode, entries[-1].source))
            made.destinations += passing.destinations()
    for one in meshes:
        if one.name not in found:
            mode = Mode.ALLOW_ANY if one.passthrough else Mode.REGISTRY_ONLY
            source = one.resource.source("networking.outbound.passthrough")
            made.defaults.setdefault("mode", []).append(Override(mode, source))


def _add_destination(one: Joined, patching: Patching, made: Contribution) -> None:
    """The destination and who may use it."""
    service = one.service
    try:
        destination, access = one.destination(), list(permissions.access(one.policies, service, one.mesh))
    except TooManyError:
        what = f"{service.resource}: policies about it overlap in more than {MOST} ways"
        made.problems.append(Problem(service.resource.document.where, what, "name callers by fewer tags"))
        return
    made.destinations.append(patching.patched(destination, service))
    made.access += access
