"""What every document of Kuma has around its `spec`, in both of its forms.

Owns the envelopes: `type`, `name` and `mesh` on machines, `apiVersion`, `kind` and `metadata` in Kubernetes. Knows no
kind's fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from outgate.policy.documents import Document
from outgate.policy.frontends import Contribution, Setting
from outgate.policy.frontends.kuma.dialect import Dialect
from outgate.policy.model import Fate, Source
from outgate.policy.schema import Anything, Field, Fields, Reading, Record, Shape, Text
from outgate.policy.schema import Mapping as Labels
from outgate.problems import Where

GROUP = "kuma.io"
MESH = "default"
MESH_LABEL = "kuma.io/mesh"
DISPLAY_NAME = "kuma.io/display-name"
EFFECT = "kuma.io/effect"
KEPT = Field(Anything(), fate=Fate.IGNORED, note="kept by the control plane")

METADATA = Fields(
    {
        "name": Field(Text()),
        "namespace": Field(Text()),
        "labels": Field(Labels(Text())),
        "annotations": Field(Anything(), fate=Fate.IGNORED, note="for other tools"),
        **dict.fromkeys(
            ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid", "ownerReferences"), KEPT
        ),
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """A document that was read without an error."""

    document: Document
    spec: Record
    reading: Reading
    dialect: Dialect
    namespace: str
    """As the model has it: its own, or the gate's where it names none."""
    mesh: str = MESH
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return self.document.kind

    @property
    def name(self) -> str:
        return self.document.name

    @property
    def display_name(self) -> str:
        return self.labels.get(DISPLAY_NAME, self.name)

    @property
    def universal(self) -> bool:
        return "metadata" not in self.document.root.mapping

    @property
    def shadow(self) -> bool:
        """Whether the control plane only shows what it would do."""
        return self.labels.get(EFFECT) == "shadow"

    def source(self, field: str = "", where: Where | None = None) -> Source:
        return Source(where or self.document.where, self.kind, self.name, self.namespace, field)

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def claims(document: Document, kinds: tuple[str, ...]) -> bool:
    """Whether a document is one of Kuma's. Without an `apiVersion` the name of its kind tells."""
    return document.kind in kinds and document.group in (GROUP, "")


def read(document: Document, spec: Shape, setting: Setting, contribution: Contribution) -> Resource | None:
    """The document, or None where it cannot be used. What became of its fields, and errors, are added to the
    contribution; warnings stay in the reading, for there may be more of them."""
    reading = Reading(document.kind, setting.strict)
    kubernetes = document.root.child("metadata") is not None
    whole = (_kubernetes(spec) if kubernetes else _universal(spec)).read(document.root, "", reading)
    contribution.fields += reading.fields
    contribution.readings.append(reading)
    found = whole.get("spec") if whole is not None else None
    if whole is None or reading.failed or not isinstance(found, Record):
        contribution.problems += reading.problems
        return None
    return resource(document, found, whole, reading, setting)


def resource(document: Document, spec: Record, whole: Record, reading: Reading, setting: Setting) -> Resource:
    metadata: Record | None = whole.get("metadata")
    labels: dict[str, str] = (metadata or whole).get("labels", {})
    return Resource(
        document,
        spec,
        reading,
        Dialect(setting.kuma_dialect),
        document.namespace or setting.gate.namespace,
        whole.get("mesh") or labels.get(MESH_LABEL) or MESH,
        labels,
    )


def _kubernetes(spec: Shape) -> Fields:
    return Fields(
        {
            "apiVersion": Field(Text()),
            "kind": Field(Text()),
            "metadata": Field(METADATA),
            "spec": Field(spec, required=True),
            "status": KEPT,
        }
    )


def _universal(spec: Shape) -> Fields:
    return Fields({**UNIVERSAL, "spec": Field(spec, required=True)})


UNIVERSAL = {
    "apiVersion": Field(Text()),
    "kind": Field(Text()),
    "type": Field(Text()),
    "name": Field(Text()),
    "mesh": Field(Text()),
    "labels": Field(Labels(Text())),
    **dict.fromkeys(("creationTime", "modificationTime", "kri", "status"), KEPT),
}
