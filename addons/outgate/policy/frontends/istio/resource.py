"""One Istio document after it was read: its spec, its name, and the problems found so far.

Owns the envelope around every spec (apiVersion, metadata, status) and the reading of a document against its kind.
Knows no field of a spec.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from outgate.policy.documents import Document
from outgate.policy.frontends import Contribution, Setting
from outgate.policy.frontends.istio.common import DNS_LABEL
from outgate.policy.model import Fate, Source
from outgate.policy.schema import Anything, Field, Fields, Mapping, Reading, Record, Shape, Text
from outgate.problems import Where

NETWORKING = ("v1", "v1beta1", "v1alpha3")
DRY_RUN = "istio.io/dry-run"

_SERVER_SIDE = (
    "uid",
    "resourceVersion",
    "generation",
    "managedFields",
    "ownerReferences",
    "finalizers",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generateName",
)


def envelope(spec: Field, *, body: str = "spec", annotations: Fate = Fate.IGNORED) -> Fields:
    """The shape of a whole document around the shape of its spec."""
    cluster = Field(Anything(), fate=Fate.IGNORED, note="kept by the cluster")
    unread = "for other tools" if annotations is Fate.IGNORED else ""
    metadata = {
        "name": Field(Text(empty=False), required=True),
        "namespace": Field(DNS_LABEL),
        "labels": Field(Mapping(Text()), fate=Fate.IGNORED, note="labels of the document itself"),
        "annotations": Field(Mapping(Text()), fate=annotations, note=unread),
        "creationTimestamp": Field(Anything(), fate=Fate.IGNORED, note="the order of documents stands in for it"),
    }
    return Fields(
        {
            "apiVersion": Field(Text(empty=False), required=True),
            "kind": Field(Text(empty=False), required=True),
            "metadata": Field(Fields(metadata | dict.fromkeys(_SERVER_SIDE, cluster)), required=True),
            body: spec,
            "status": cluster,
        }
    )


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """A document that was read. Its `spec` may lack values that were reported as problems."""

    document: Document
    root: Record
    spec: Record
    reading: Reading
    namespace: str
    """Its own, or the gate's where it names none."""
    in_root: bool = False
    """In the namespace whose defaults are everybody's."""

    @property
    def kind(self) -> str:
        return self.document.kind or self.reading.kind

    @property
    def name(self) -> str:
        return self.document.name or self.reading.kind

    def source(self, field: str = "", where: Where | None = None) -> Source:
        return Source(where or self.document.where, self.kind, self.name, self.namespace, field)

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: where it lives, its shape, and the checks that need two values at once."""

    name: str
    group: str
    versions: tuple[str, ...]
    shape: Shape
    check: Callable[[Resource], None]

    def read(self, document: Document, setting: Setting, contribution: Contribution) -> Resource | None:
        """The document, or None where it cannot be used. Problems and fates are added to the contribution."""
        reading = Reading(self.name, setting.strict)
        self._check_version(document, reading)
        _check_dry_run(document, reading)
        root = self.shape.read(document.root, "", reading)
        resource = None
        if isinstance(root, Record):
            spec = root.get("spec") or Record(root.where, "spec", {}, {})
            namespace = document.namespace or setting.gate.namespace
            in_root = namespace == setting.gate.root_namespace
            resource = Resource(document, root, spec, reading, namespace, in_root)
            self.check(resource)
        contribution.fields += reading.fields
        if reading.failed or resource is None:
            contribution.problems += reading.problems
            return None
        return resource

    def _check_version(self, document: Document, reading: Reading) -> None:
        version = document.api_version.rpartition("/")[2]
        if document.group == self.group and version not in self.versions:
            node = document.root.child("apiVersion")
            known = ", ".join(f"{self.group}/{name}" for name in self.versions)
            reading.error(
                node.where if node else document.where,
                "apiVersion",
                f'"{document.api_version}" is not a version of {self.name}',
                f"use one of {known}",
            )


def _check_dry_run(document: Document, reading: Reading) -> None:
    annotations = document.root.child("metadata", "annotations")
    if document.kind != "AuthorizationPolicy" and annotations is not None and DRY_RUN in annotations.mapping:
        reading.error(
            annotations.keys[DRY_RUN],
            f"metadata.annotations.{DRY_RUN}",
            f"is for AuthorizationPolicy only, not for {document.kind}",
            "remove it",
        )
