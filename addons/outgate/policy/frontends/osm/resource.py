"""What every document of OSM has around its `spec`.

Owns the envelope. Knows no kind's fields.
"""

from __future__ import annotations

from dataclasses import dataclass

from outgate.policy.documents import Document
from outgate.policy.frontends import Contribution, Setting
from outgate.policy.model import Fate, Source
from outgate.policy.schema import Anything, Field, Fields, Reading, Record, Shape, Text
from outgate.problems import Where

METADATA = Fields(
    {
        "name": Field(Text()),
        "namespace": Field(Text()),
        "labels": Field(Anything(), fate=Fate.IGNORED, note="labels of the document itself"),
        "annotations": Field(Anything(), fate=Fate.IGNORED, note="for other tools"),
        **dict.fromkeys(
            ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid"),
            Field(Anything(), fate=Fate.IGNORED, note="kept by the cluster"),
        ),
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """A document that was read without an error."""

    document: Document
    spec: Record
    reading: Reading
    namespace: str
    """Its own, or the gate's where it names none."""

    @property
    def name(self) -> str:
        return self.document.name

    def source(self, field: str = "", where: Where | None = None) -> Source:
        return Source(where or self.document.where, self.document.kind, self.name, self.namespace, field)

    def __str__(self) -> str:
        return f"{self.document.kind} {self.namespace}/{self.name}"


def read(document: Document, spec: Shape, setting: Setting, contribution: Contribution) -> Resource | None:
    """The document, or None where it cannot be used. Fates and errors are added to the contribution; warnings stay in
    the reading, for there may be more of them."""
    reading = Reading(document.kind or "MeshConfig", setting.strict)
    record = envelope(spec).read(document.root, "", reading)
    contribution.fields += reading.fields
    contribution.readings.append(reading)
    found = record.get("spec") if record is not None else None
    if reading.failed or not isinstance(found, Record):
        contribution.problems += reading.problems
        return None
    return Resource(document, found, reading, document.namespace or setting.gate.namespace)


def envelope(spec: Shape) -> Fields:
    """The shape of a whole document. A fragment, as one is given to `kubectl patch`, has nothing but a spec."""
    return Fields(
        {
            "apiVersion": Field(Text()),
            "kind": Field(Text()),
            "metadata": Field(METADATA),
            "spec": Field(spec, required=True),
            "status": Field(Anything(), fate=Fate.IGNORED, note="kept by the cluster"),
        }
    )
