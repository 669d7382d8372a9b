"""One base and many environments: later policy directories replace documents of earlier ones.

Owns the identity of a document (group, kind, namespace, name) and who replaces whom. Knows nothing of fields: a
document is replaced whole.
"""

from __future__ import annotations

from collections.abc import Iterable

from outgate.policy.documents import Document
from outgate.policy.model import Source
from outgate.problems import Problem

type Key = tuple[str, str, str, str]


def key(document: Document, namespace: str) -> Key | None:
    """What makes two documents the same one; None for a fragment, which has no name. `namespace` is the one that
    documents without one belong to. The version is no part of it: `v1` and `v1beta1` are one object."""
    if not document.kind or not document.name:
        return None
    return document.group, document.kind, document.namespace or namespace, document.name


def overlay(
    documents: Iterable[Document], namespace: str
) -> tuple[list[Document], tuple[tuple[Source, Source], ...], list[Problem]]:
    """What remains, in the order given, then the pairs (winner, loser), then what is named twice in one layer."""
    kept: dict[Key | int, Document] = {}
    replaced: list[tuple[Source, Source]] = []
    problems: list[Problem] = []
    for number, document in enumerate(documents):
        identity = key(document, namespace)
        earlier = kept.pop(identity, None) if identity is not None else None
        if earlier is not None and earlier.layer == document.layer:
            problems.append(_twice(document, earlier))
        elif earlier is not None:
            replaced.append((source(document), source(earlier)))
        kept[number if identity is None else identity] = document
    return list(kept.values()), tuple(replaced), problems


def source(document: Document) -> Source:
    """A document as the provenance of a value."""
    return Source(document.where, document.kind, document.name, document.namespace)


def _twice(document: Document, earlier: Document) -> Problem:
    what = f"{document.kind} {document.name} is there twice; the other is at {earlier.where}"
    return Problem(document.where, what, "rename one, or remove it")
