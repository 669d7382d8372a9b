"""What every document of Linkerd and the Gateway API has around its `spec`.

Owns the envelope, and the annotations that set time limits, retries and failure accrual. Knows no kind's fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from outgate.policy.documents import Document, Node
from outgate.policy.frontends import Contribution, Setting
from outgate.policy.model import Fate, FieldReport, Source
from outgate.policy.schema import Anything, Field, Fields, Mapping, Reading, Record, Shape, Text, Timestamp
from outgate.problems import Where

APPROXIMATED = {
    ("balancer.linkerd.io/failure-accrual", "unified"): (
        "read as consecutive: rates of success and answers about too many requests take no address out"
    ),
}
"""Annotations of which only a part is done, and what is not."""


@dataclass(frozen=True, slots=True)
class Annotations:
    """Each of which has a fate of its own."""

    def read(self, node: Node, path: str, reading: Reading) -> dict[str, str] | None:
        found: dict[str, str] | None = Mapping(Text()).read(node, path, reading)
        for name, text in (found or {}).items():
            note = APPROXIMATED.get((name, text), "")
            where = node.keys.get(name, node.where)
            fate = reading.inherited or (Fate.APPROXIMATED if note else Fate.APPLIED)
            reading.fields.append(FieldReport(where, reading.kind, f"{path}.{name}", fate, note))
        return found


METADATA = Fields(
    {
        "name": Field(Text(empty=False), required=True),
        "namespace": Field(Text()),
        "creationTimestamp": Field(Timestamp()),
        "annotations": Field(Annotations()),
        "labels": Field(Anything(), fate=Fate.IGNORED, note="labels of the document itself"),
        **dict.fromkeys(
            ("generation", "managedFields", "resourceVersion", "uid"),
            Field(Anything(), fate=Fate.IGNORED, note="kept by the cluster"),
        ),
    }
)
NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """A document that was read without an error."""

    document: Document
    spec: Record
    reading: Reading
    namespace: str
    """Its own, or the gate's where it names none."""
    created: datetime
    annotations: dict[str, str]

    @property
    def name(self) -> str:
        return self.document.name

    @property
    def age(self) -> tuple[datetime, str]:
        """The older one comes first, then by the alphabet."""
        return self.created, f"{self.namespace}/{self.name}"

    def source(self, field: str = "", where: Where | None = None) -> Source:
        return Source(where or self.document.where, self.document.kind, self.name, self.namespace, field)

    def annotation_place(self, name: str) -> tuple[Where, str]:
        """Where an annotation stands, and its path."""
        node = self.document.root.child("metadata", "annotations")
        where = node.keys.get(name, node.where) if node is not None else self.document.where
        return where, f"metadata.annotations.{name}"

    def __str__(self) -> str:
        return f"{self.document.kind} {self.namespace}/{self.name}"


def read(document: Document, spec: Shape, setting: Setting, contribution: Contribution) -> Resource | None:
    """The document, or None where it cannot be used. Fates and errors are added to the contribution; what is found
    later stays in the reading, and is the caller's to add."""
    reading = Reading(document.kind, setting.strict)
    record = _envelope(spec).read(document.root, "", reading)
    contribution.fields += reading.fields
    contribution.readings.append(reading)
    found = record.get("spec") if record is not None else None
    if reading.failed or record is None or not isinstance(found, Record):
        contribution.problems += reading.problems
        return None
    metadata: Record = record.get("metadata")
    return Resource(
        document,
        found,
        reading,
        document.namespace or setting.gate.namespace,
        metadata.get("creationTimestamp") or NEVER,
        metadata.get("annotations") or {},
    )


def _envelope(spec: Shape) -> Fields:
    return Fields(
        {
            "apiVersion": Field(Text(empty=False), required=True),
            "kind": Field(Text(empty=False), required=True),
            "metadata": Field(METADATA, required=True),
            "spec": Field(spec, required=True),
            "status": Field(Anything(), fate=Fate.IGNORED, note="kept by the cluster"),
        }
    )
