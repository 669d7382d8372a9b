"""outgate's own kinds as a front-end.

Owns which documents are native and which module reads each kind.
"""

from __future__ import annotations

from collections.abc import Callable

from outgate.policy.documents import Document
from outgate.policy.frontends import Contribution, Setting
from outgate.policy.frontends.native import access, capture, defaults, destination, redaction, telemetry
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


class NativeFrontend:
    """`outgate.dev/v1alpha1`."""

    mesh = "native"

    def claims(self, document: Document) -> bool:
        return document.group == GROUP and document.kind in KINDS

    def translate(self, documents: list[Document], setting: Setting) -> Contribution:
        """What the documents say; whatever is wrong with one leaves it out and is reported."""
        made = Contribution()
        for document in documents:
            fields, translate = KINDS[document.kind]
            resource = read(document, fields, setting)
            if resource.spec is not None:
                translate(resource, resource.spec, made)
            made.problems += resource.reading.problems
            made.fields += resource.reading.fields
        return made
