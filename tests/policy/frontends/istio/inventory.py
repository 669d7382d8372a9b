"""The account of every field that Istio's kinds have: what is applied, what is not yet, and why.

Owns the walk through the shapes and the table that is made of it. Reads no document: the shapes are the source.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from outgate.policy.frontends.istio import authorization, later, mesh_carriers
from outgate.policy.frontends.istio.frontend import KINDS
from outgate.policy.model import Fate
from outgate.policy.schema import Field, Fields, Mapping, Sequence, Shape

SHAPES: dict[str, Shape] = {
    **{name: kind.shape for name, kind in KINDS.items()},
    authorization.KIND.name: authorization.KIND.shape,
    "IstioOperator": mesh_carriers.OPERATOR,
}
"""By kind. MeshConfig is the same wherever it is carried."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One field of a kind. `path` has `[]` for every element of a list and `.*` for every key of a mapping."""

    kind: str
    path: str
    fate: Fate
    guards: bool
    note: str
    leaf: bool
    """It has a value of its own, not only fields."""
    top: bool
    """Its fate is its own, not that of the field around it."""


def entries(kind: str) -> Iterator[Entry]:
    """Every field of a kind, in the order of its shape."""
    yield from _walk(kind, SHAPES[kind], "", None)


def _walk(kind: str, shape: Shape, path: str, inherited: Fate | None) -> Iterator[Entry]:
    inner, path = _unwrapped(shape, path)
    if not isinstance(inner, Fields):
        return
    for name, field in inner.fields.items():
        under = f"{path}.{name}" if path else name
        fate = inherited or field.fate
        content, _ = _unwrapped(field.shape, under)
        leaf = not isinstance(content, Fields)
        yield Entry(kind, _shown(field, under), fate, field.guards, field.note, leaf, inherited is None)
        yield from _walk(kind, field.shape, under, None if fate in (Fate.APPLIED, Fate.APPROXIMATED) else fate)


def _unwrapped(shape: Shape, path: str) -> tuple[Shape, str]:
    """The shape inside of lists, mappings and what only adds a place."""
    inner: Shape | None = getattr(shape, "of", None)
    if inner is None:
        return shape, path
    mark = ".*" if isinstance(shape, Mapping) else "[]" if isinstance(shape, Sequence) else ""
    return _unwrapped(inner, path + mark)


def _shown(field: Field, under: str) -> str:
    return under if isinstance(field.shape, Fields) else _unwrapped(field.shape, under)[1]


HEAD = """\
# Istio: fields that are not yet applied

Made from the shapes that documents are read against, by
`OUTGATE_REFRESH=1 pytest tests/policy/frontends/istio/test_inventory.py`. Everything here is read and checked all the
same, and a field stands for everything inside of it. Strict loading, the default, refuses a document that sets a field
marked *refused*, because leaving the field out would change what is allowed, as whom, or what is recorded; `--lenient`
lists it as a warning. Where a field is applied with a restriction, the note says so, and what is beyond it is refused
likewise. `outgate check --fields` says what became of each field of each document.

## Fields

| kind | field | fate | strict | note |
|---|---|---|---|---|
"""
KINDS_HEAD = """
## Kinds

| kind | fate | strict | note |
|---|---|---|---|
"""
REPORTED = (Fate.LATER, Fate.REJECTED, Fate.APPROXIMATED)


def table() -> str:
    """The fields and kinds that are not applied as they stand, as a page of Markdown."""
    fields = (entry for kind in sorted(SHAPES) for entry in entries(kind))
    rows = (_row(entry) for entry in fields if entry.top and (entry.fate in REPORTED or _restricted(entry)))
    kinds = (
        f"| {kind} | {other.fate} | {'refused' if other.guarded else 'warned of'} | {other.note} |"
        for kind, other in sorted(later.OTHERS.items())
    )
    return HEAD + "\n".join(rows) + "\n" + KINDS_HEAD + "\n".join(kinds) + "\n"


def _restricted(entry: Entry) -> bool:
    return entry.fate is Fate.APPLIED and bool(entry.note)


def _row(entry: Entry) -> str:
    strict = "refused" if entry.guards or entry.fate is Fate.REJECTED else "warned of"
    shown = strict if entry.fate in (Fate.LATER, Fate.REJECTED) else "see note"
    return f"| {entry.kind} | `{entry.path}` | {entry.fate} | {shown} | {entry.note} |"
