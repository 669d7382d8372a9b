"""Istio: documents in, destinations, scopes, access policies, telemetry and defaults out.

Owns the order: read each document, then what applies to the whole mesh, then what they come to together. Each kind has
a module of its own.
"""

from __future__ import annotations

from outgate.policy.documents import Document
from outgate.policy.frontends import Contribution, Setting
from outgate.policy.frontends.istio import (
    authorization,
    destination_rule,
    envoy_filter,
    gateway,
    later,
    mesh_carriers,
    mesh_config,
    mesh_identity,
    mesh_telemetry,
    service_entry,
    sidecar,
    telemetry,
    virtual_service,
)
from outgate.policy.frontends.istio.destination_rules import DestinationRules
from outgate.policy.frontends.istio.destinations import Destinations
from outgate.policy.frontends.istio.gateway import Gateways
from outgate.policy.frontends.istio.rate_limits import RateLimits
from outgate.policy.frontends.istio.resource import Kind, Resource
from outgate.policy.frontends.istio.routes import Routes
from outgate.policy.frontends.istio.upstreams import Upstreams, hosts_of
from outgate.problems import Severity

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        service_entry.KIND,
        destination_rule.KIND,
        virtual_service.KIND,
        gateway.KIND,
        sidecar.KIND,
        telemetry.KIND,
        envoy_filter.KIND,
    )
}
GROUPS = ("networking.istio.io", "security.istio.io", "telemetry.istio.io", "extensions.istio.io")
"""Every kind of these groups is Istio's."""


class IstioFrontend:
    """Istio's own validation, selection and merge."""

    mesh = "istio"

    def claims(self, document: Document) -> bool:
        return document.group in GROUPS or mesh_carriers.claims(document)

    def translate(self, documents: list[Document], setting: Setting) -> Contribution:
        contribution = Contribution()
        meshes = _meshes(documents, setting, contribution)
        rooted = mesh_config.rooted(meshes, setting, contribution)
        read = _read(documents, rooted, contribution)
        authorization.translate(documents, rooted, contribution)
        if not any(problem.severity is Severity.ERROR for problem in contribution.problems):
            _combine(read, meshes, rooted, contribution)
            beside = frozenset(authorization.gateway_namespaces(documents, rooted.gate))
            known = mesh_telemetry.gathered(meshes, contribution)
            contribution.telemetry = telemetry.translate(read["Telemetry"], known, rooted.gate, beside)
        for resource in (*meshes, *(resource for found in read.values() for resource in found)):
            contribution.problems += resource.reading.problems
        return contribution


def _meshes(documents: list[Document], setting: Setting, contribution: Contribution) -> list[Resource]:
    carriers = (document for document in documents if mesh_carriers.claims(document))
    read = (mesh_carriers.read(document, setting, contribution) for document in carriers)
    return [mesh for mesh in read if mesh is not None]


def _read(documents: list[Document], setting: Setting, contribution: Contribution) -> dict[str, list[Resource]]:
    """All documents of the kinds that are applied, by kind; the others are reported."""
    read: dict[str, list[Resource]] = {name: [] for name in KINDS}
    for document in documents:
        kind = KINDS.get(document.kind)
        if kind is not None and document.group == kind.group:
            resource = kind.read(document, setting, contribution)
            if resource is not None:
                read[kind.name].append(resource)
        elif document.kind != authorization.KIND.name and not mesh_carriers.claims(document):
            later.report(document, setting, contribution)
    return read


def _combine(
    read: dict[str, list[Resource]], meshes: list[Resource], setting: Setting, contribution: Contribution
) -> None:
    """What the documents come to together. All of them are valid by themselves."""
    mesh = mesh_config.settings(meshes, contribution)
    for carrier in meshes:
        mesh_config.contribute(carrier, contribution)
    entries = read["ServiceEntry"]
    registered = frozenset(host for entry in entries for host in hosts_of(entry))
    gateways = Gateways(read["Gateway"], setting)
    routes = Routes(read["VirtualService"], gateways, registered, mesh.route_exports)
    rules = DestinationRules(read["DestinationRule"], setting, mesh.rule_exports)
    routes.check()
    own = mesh_identity.own_hosts(routes.gateway_hosts(), setting)
    mesh_identity.check(rules.rules, own)
    limits = RateLimits(read["EnvoyFilter"], setting)
    upstreams = Upstreams(entries, rules, mesh, setting.istio_secrets)
    contribution.destinations += Destinations(entries, routes, upstreams, limits, mesh).make()
    contribution.scopes += [sidecar.scope(resource, setting) for resource in read["Sidecar"]]
    gateways.warn_unused()
    routes.warn_unused()
    rules.warn_unused(own)
    limits.warn_unused()
