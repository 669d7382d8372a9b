"""Linkerd: documents in, destinations and access policies out.

Owns the order, and which documents are read: EgressNetworks, and the routes of the Gateway API that name one as parent.
"""

from __future__ import annotations

from outgate.policy.documents import Document
from outgate.policy.frontends import Contribution, Setting
from outgate.policy.frontends.linkerd.destinations import Destinations
from outgate.policy.frontends.linkerd.network import egress_network
from outgate.policy.frontends.linkerd.routes import GROUP, KIND, bound_routes, is_bound
from outgate.policy.frontends.linkerd.shapes import SPECS

ROUTES = ("gateway.networking.k8s.io", GROUP)


class LinkerdFrontend:
    """Linkerd's own validation, choice and precedence."""

    mesh = "linkerd"

    def claims(self, document: Document) -> bool:
        if document.kind == KIND:
            return document.group == GROUP
        return document.kind in SPECS and document.group in ROUTES and is_bound(document)

    def translate(self, documents: list[Document], setting: Setting) -> Contribution:
        made = Contribution()
        networks = [
            network
            for document in documents
            if document.kind == KIND and (network := egress_network(document, setting, made)) is not None
        ]
        routes = [
            route
            for document in documents
            if document.kind != KIND and (route := bound_routes(document, setting, made)) is not None
        ]
        usable = [network for network in networks if not network.resource.reading.failed]
        Destinations(usable, [bound for _, found in routes for bound in found], made).make()
        for resource in (*(network.resource for network in networks), *(resource for resource, _ in routes)):
            made.problems += resource.reading.problems
        return made
