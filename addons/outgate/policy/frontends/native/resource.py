"""What every native document has around its `spec`.

Owns `apiVersion`, `kind` and `metadata`. Knows no kind's fields.
"""

from __future__ import annotations

from dataclasses import dataclass

from outgate.policy.documents import Document
from outgate.policy.frontends import Setting
from outgate.policy.model import Source
from outgate.policy.schema import Anything, Field, Fields, Mapping, Reading, Record, Text
from outgate.problems import Where

GROUP = "outgate.dev"
API_VERSION = f"{GROUP}/v1alpha1"

METADATA = Fields(
    {
        "name": Field(Text(empty=False, maximum=253), required=True),
        "namespace": Field(Text(empty=False, maximum=63)),
        "labels": Field(Mapping(Text())),
        "annotations": Field(Mapping(Text())),
        # Written by the API server into what it hands out.
        "creationTimestamp": Field(Anything()),
        "generation": Field(Anything()),
        "managedFields": Field(Anything()),
        "resourceVersion": Field(Anything()),
        "uid": Field(Anything()),
    }
)


@dataclass(frozen=True, slots=True)
class Resource:
    """A document whose envelope and shape are right; `spec` is None where something in it is not."""

    document: Document
    reading: Reading
    namespace: str
    spec: Record | None

    @property
    def key(self) -> str:
        return f"{self.document.kind}/{self.namespace}/{self.document.name}"

    def reference(self, text: str) -> tuple[str, str]:
        """Namespace and name of another document, written `NAME` or `NAMESPACE/NAME`."""
        namespace, _, name = text.rpartition("/")
        return namespace or self.namespace, name

    def source(self, field: str = "", where: Where | None = None) -> Source:
        """The document, or one of its fields, as provenance."""
        return Source(where or self.document.where, self.document.kind, self.document.name, self.namespace, field)


def read(document: Document, spec: Fields, setting: Setting) -> Resource:
    """A document in the shape of its kind; what is wrong is in `Resource.reading`."""
    reading = Reading(document.kind, setting.strict)
    envelope = Fields(
        {
            "apiVersion": Field(
                Text(pattern=API_VERSION.replace(".", r"\."), hint=f"use {API_VERSION}"), required=True
            ),
            "kind": Field(Text(), required=True),
            "metadata": Field(METADATA, required=True),
            "spec": Field(spec, required=True),
            "status": Field(Anything()),
        }
    )
    record = envelope.read(document.root, "", reading)
    found = record.get("spec") if record is not None and not reading.failed else None
    return Resource(document, reading, document.namespace or setting.gate.namespace, found)
