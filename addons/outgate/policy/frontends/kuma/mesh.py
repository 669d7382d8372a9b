"""Mesh: what leaves without being registered, who may use what is registered, and the policies that each mesh has.

Owns the shape, in both forms, and the three settings that are the gate's.
"""

from __future__ import annotations

from dataclasses import dataclass

from outgate.policy.documents import Document
from outgate.policy.frontends import Contribution, Setting
from outgate.policy.frontends.kuma.dialect import Dialect
from outgate.policy.frontends.kuma.resource import METADATA, UNIVERSAL, Resource, read, resource
from outgate.policy.frontends.kuma.shapes import ignored
from outgate.policy.schema import Boolean, Field, Fields, Reading, Record, Sequence, Text

OTHERS = "about the mesh itself"
EVERY = "*"

OUTBOUND = Fields({"passthrough": Field(Boolean())})
FIELDS = {
    "networking": Field(Fields({"outbound": Field(OUTBOUND)})),
    "routing": Field(
        Fields(
            {
                "defaultForbidMeshExternalServiceAccess": Field(Boolean()),
                **ignored("localityAwareLoadBalancing", "zoneEgress", note=OTHERS),
            }
        )
    ),
    "skipCreatingInitialPolicies": Field(Sequence(Text())),
    **ignored("mtls", "logging", "metrics", "tracing", "constraints", "meshServices", note=OTHERS),
}


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """One document in words of the model."""

    resource: Resource
    passthrough: bool
    forbids: bool
    """Without a permission nobody may use a MeshExternalService; what 3.0 has where nothing is said."""
    skipped: frozenset[str]
    """Kinds of which it has no policies of its own; `*` is all."""

    @property
    def name(self) -> str:
        return self.resource.name

    def initial(self, kind: str) -> bool:
        """Whether it has the policy of a kind that a control plane makes for every mesh."""
        return not {EVERY, kind} & self.skipped


def mesh(document: Document, setting: Setting, contribution: Contribution) -> Mesh | None:
    """The document, or None where it cannot be used."""
    found = _read(document, setting, contribution)
    if found is None:
        return None
    networking: Record | None = found.spec.get("networking")
    outbound: Record | None = networking.get("outbound") if networking is not None else None
    routing: Record | None = found.spec.get("routing")
    closed = found.dialect is Dialect.V3_0
    return Mesh(
        found,
        outbound.get("passthrough", True) if outbound is not None else True,
        routing.get("defaultForbidMeshExternalServiceAccess", closed) if routing is not None else closed,
        frozenset(found.spec.get("skipCreatingInitialPolicies", [])),
    )


def _read(document: Document, setting: Setting, contribution: Contribution) -> Resource | None:
    """On machines the fields stand beside the name, in Kubernetes under `spec`."""
    if document.root.child("metadata") is not None:
        if document.root.child("spec") is not None:
            return read(document, Fields(FIELDS), setting, contribution)
        return _read_at_top(document, setting, contribution, {"metadata": Field(METADATA)})
    return _read_at_top(document, setting, contribution, {})


def _read_at_top(
    document: Document, setting: Setting, contribution: Contribution, more: dict[str, Field]
) -> Resource | None:
    reading = Reading(document.kind, setting.strict)
    whole = Fields({**UNIVERSAL, **FIELDS, **more}).read(document.root, "", reading)
    contribution.fields += reading.fields
    contribution.problems += reading.problems
    if whole is None or reading.failed:
        return None
    return resource(document, whole, whole, reading, setting)
