"""One object of the cluster as a document of policy: what its author wrote, without what the server adds.

Owns what is kept of an object, its place in messages and its digest. An object has no lines: its place is its name,
and messages name the field.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from outgate.cluster.kinds import Kind
from outgate.policy.compile import FRONTENDS
from outgate.policy.documents import MAX_DEPTH, Document, Node
from outgate.problems import PolicyError, Problem, Where

SCHEME = "cluster:"
WRITTEN = ("name", "namespace", "labels", "annotations", "creationTimestamp")
"""Of metadata: what people write, and the age, which orders documents."""
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

type Key = tuple[str, str]
"""Namespace and name."""


class NotAnObject(Exception):
    """What the API sent is none."""


@dataclass(frozen=True, slots=True)
class Object:
    """One object at one moment."""

    kind: Kind
    namespace: str
    name: str
    uid: str
    version: str
    """Of the resource: changes with everything that does."""
    generation: int
    """Changes with what its author wrote."""
    content: Mapping[str, Any]
    conditions: tuple[Mapping[str, Any], ...] = ()
    """Those of its status."""
    digest: bytes = field(default=b"", repr=False)
    """Of the content."""

    @property
    def key(self) -> Key:
        return self.namespace, self.name

    @property
    def file(self) -> str:
        """Its place in messages."""
        return place(self.content)

    @property
    def age(self) -> tuple[str, str, str]:
        """The oldest first, as meshes that order documents do."""
        return str(self.content["metadata"].get("creationTimestamp") or ""), self.namespace, self.name


def read(kind: Kind, found: object) -> Object:
    """Raises `NotAnObject`."""
    metadata = found.get("metadata") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(metadata, dict):
        raise NotAnObject(f"an object of {kind} has no metadata")
    name, version = metadata.get("name"), metadata.get("resourceVersion")
    if not isinstance(name, str) or not isinstance(version, str) or not name or not version:
        raise NotAnObject(f"an object of {kind} has no name or no resourceVersion")
    told = metadata.get("generation")
    generation = told if isinstance(told, int) else 0
    content = _written(kind, found, metadata)
    return Object(
        kind=kind,
        namespace=str(metadata.get("namespace") or ""),
        name=name,
        uid=str(metadata.get("uid") or ""),
        version=version,
        generation=generation,
        content=content,
        conditions=_conditions(found.get("status")) if kind.own else (),
        # The status of the gate's own kinds tells the generation that it is about.
        digest=_digest([content, generation if kind.own else 0]),
    )


def _digest(value: object) -> bytes:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).digest()


def _written(kind: Kind, found: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Everything but the status and what only the server writes. Lists leave out what all items have in common."""
    kept = {name: metadata[name] for name in WRITTEN if metadata.get(name)}
    if isinstance(annotations := kept.get("annotations"), dict):
        kept["annotations"] = {key: value for key, value in annotations.items() if key != APPLIED}
    rest = {key: value for key, value in found.items() if key not in ("status", "metadata")}
    return {"apiVersion": f"{kind.group}/{kind.versions[0]}", "kind": kind.name, **rest, "metadata": kept}


def _conditions(status: object) -> tuple[Mapping[str, Any], ...]:
    listed = status.get("conditions") if isinstance(status, dict) else None
    return tuple(each for each in listed if isinstance(each, dict)) if isinstance(listed, list) else ()


def place(content: Mapping[str, Any]) -> str:
    metadata = content["metadata"]
    parts = (content["kind"], metadata.get("namespace"), metadata["name"])
    return SCHEME + "/".join(str(part) for part in parts if part)


def documents(contents: Iterable[Mapping[str, Any]]) -> list[Document]:
    """Those that some front-end reads: routes that lead nowhere outside are others' business. Raises `PolicyError`."""
    made = (Document(_node(content, Where(place(content)), 0)) for content in contents)
    return [document for document in made if any(frontend.claims(document) for frontend in FRONTENDS)]


def _node(value: Any, where: Where, depth: int) -> Node:
    if depth > MAX_DEPTH:
        raise PolicyError([Problem(where, f"nested more than {MAX_DEPTH} levels deep", "delete or mend the object")])
    if isinstance(value, dict):
        entries = {str(key): _node(inner, where, depth + 1) for key, inner in value.items()}
        return Node(entries, where, dict.fromkeys(entries, where))
    if isinstance(value, list):
        return Node([_node(inner, where, depth + 1) for inner in value], where)
    return Node(value, where)
