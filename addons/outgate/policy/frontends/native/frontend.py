"""outgate's own kinds as a front-end.

Owns which documents are native and which module reads each kind.
"""

from __future__ import annotations

from collections.abc import Callable

from outgate.policy.documents import Document
from outgate.policy.frontends import Contribution, Setting
from outgate.policy.frontends.native import access, capture, defaults, destination, redaction, telemetry, traffic
from outgate.policy.frontends.native.resource import GROUP, Resource, read
from outgate.policy.schema import Fields, Record

type Translate = Callable[[Resource, Record, Contribution], None]

KINDS: dict[str, tuple[Fields, Translate]] = {
    "EgressDefaults": (defaults.SPEC, defaults.translate),
    "EgressDestination": (destination.SPEC, destination.translate),
    "EgressAccess": (access.SPEC, access.translate),
    "EgressTelemetry": (telemetry.SPEC, telemetry.translate),
    "EgressRedaction": (redaction.SPEC, redaction.translate),
    "EgressCapture": (capture.SPEC, capture.translate),
}
TRAFFIC = "EgressTraffic"
"""The kind that is about what other documents say."""


class NativeFrontend:
    """`outgate.dev/v1alpha1`."""

    mesh = "native"

    def claims(self, document: Document) -> bool:
        return document.group == GROUP and document.kind in (*KINDS, TRAFFIC)

    def translate(self, documents: list[Document], setting: Setting) -> Contribution:
        """What the documents say; whatever is wrong with one leaves it out and is reported."""
        made = Contribution()
        resources = [read(document, _shape(document), setting) for document in documents]
        later: list[traffic.Attached] = []
        for resource in resources:
            if resource.spec is None:
                continue
            if resource.document.kind == TRAFFIC:
                later.append(traffic.Attached(resource, resource.spec))
            else:
                KINDS[resource.document.kind][1](resource, resource.spec, made)
        traffic.attach(later, made)
        known = {(each.namespace, each.name) for each in made.destinations}
        for resource in resources:
            if resource.spec is not None and resource.document.kind == "EgressAccess":
                access.unknown(resource, resource.spec, known)
        for resource in resources:
            made.problems += resource.reading.problems
            made.fields += resource.reading.fields
        return made


def _shape(document: Document) -> Fields:
    return traffic.SPEC if document.kind == TRAFFIC else KINDS[document.kind][0]
