"""OSM and osm-edge: documents in, destinations, access policies and the mode out.

Owns the order, and which kinds are read. osm-edge's documents are OSM's with a field more, under either group.
"""

from __future__ import annotations

from outgate.policy.documents import Document
from outgate.policy.frontends import Contribution, Inert, Setting
from outgate.policy.frontends.osm import egress_gateway, mesh_config
from outgate.policy.frontends.osm.destinations import Destinations
from outgate.policy.frontends.osm.egress import Egress, RouteGroup, egress, requests
from outgate.policy.frontends.osm.upstream_setting import UpstreamSetting, upstream_setting
from outgate.problems import Problem, Severity

GROUPS = {
    "Egress": ("policy.openservicemesh.io", "policy.flomesh.io"),
    "UpstreamTrafficSetting": ("policy.openservicemesh.io", "policy.flomesh.io"),
    "HTTPRouteGroup": ("specs.smi-spec.io",),
    "EgressGateway": egress_gateway.GROUPS,
}


class OsmFrontend:
    """OSM's own validation and joining."""

    mesh = "osm"

    def claims(self, document: Document) -> bool:
        return document.group in GROUPS.get(document.kind, ()) or mesh_config.claims(document)

    def translate(self, documents: list[Document], setting: Setting) -> Contribution:
        made = Contribution()
        open_to_all = mesh_config.translate(filter(mesh_config.claims, documents), setting, made)
        egresses = _egresses(documents, setting, made)
        groups, settings = _groups(documents, setting, made), _settings(documents, setting, made)
        gateways = [document for document in documents if document.kind == "EgressGateway"]
        egress_gateway.egress_gateways(gateways, (one.resource for one in egresses), setting, made)
        if open_to_all:
            _warn_inert(egresses, made)
        else:
            Destinations(egresses, groups, settings, made).make()
        return made


def _egresses(documents: list[Document], setting: Setting, made: Contribution) -> list[Egress]:
    found = (egress(document, setting, made) for document in documents if document.kind == "Egress")
    return [one for one in found if one is not None]


def _groups(documents: list[Document], setting: Setting, made: Contribution) -> dict[str, RouteGroup]:
    found = (requests(document, setting, made) for document in documents if document.kind == "HTTPRouteGroup")
    return {one.key: one for one in found if one is not None}


def _settings(documents: list[Document], setting: Setting, made: Contribution) -> dict[str, UpstreamSetting]:
    """By `NAMESPACE/NAME`. A host belongs to one of them."""
    settings: dict[str, UpstreamSetting] = {}
    hosts: dict[str, UpstreamSetting] = {}
    for document in documents:
        if document.kind != "UpstreamTrafficSetting":
            continue
        found = upstream_setting(document, setting, made)
        if found is None:
            continue
        rival = hosts.setdefault(found.host, found)
        if rival is not found:
            what = f"spec.host: {found.host} has settings already, in {rival.resource.source()}"
            where = found.resource.spec.at("host")
            made.problems.append(Problem(where, what, "keep one of the two", field="spec.host"))
        settings[found.key] = found
    return settings


def _warn_inert(egresses: list[Egress], made: Contribution) -> None:
    for one in egresses:
        reason = "says nothing while enableEgress is true: everything may leave"
        made.inert.append(Inert(one.resource.reading, "", reason))
        what = f"{one.resource} {reason}"
        made.problems.append(
            Problem(one.resource.document.where, what, "set spec.traffic.enableEgress to false", Severity.WARNING)
        )
