"""MeshProxyPatch: its shape, and what Kuma asks of a modification.

Owns the texts of Envoy's configuration inside of documents, with their places. Which modifications the gate can carry
out is `envoy_patches.py`'s.
"""

from __future__ import annotations

from dataclasses import dataclass

from outgate.policy import documents
from outgate.policy.documents import Node
from outgate.policy.frontends.kuma.resource import Resource
from outgate.policy.frontends.kuma.single import Single
from outgate.policy.schema import Anything, Field, Fields, Mapping, Reading, Record, Sequence, Text
from outgate.problems import PolicyError, Where

ADDING = ("AddFirst", "AddLast", "AddBefore", "AddAfter")
OF_RESOURCES, OF_FILTERS = ("Add", "Patch", "Remove"), (*ADDING, "Patch", "Remove")
OPERATIONS = {
    "cluster": OF_RESOURCES,
    "listener": OF_RESOURCES,
    "virtualHost": OF_RESOURCES,
    "networkFilter": OF_FILTERS,
    "httpFilter": OF_FILTERS,
}
NAMING = {
    "cluster": (),
    "listener": ("tags",),
    "virtualHost": ("routeConfigurationName",),
    "networkFilter": ("listenerName", "listenerTags"),
    "httpFilter": ("listenerName", "listenerTags"),
}
"""What a match may name beside `name` and `origin`."""


@dataclass(frozen=True, slots=True)
class EnvoyText:
    """Envoy's configuration as YAML in a text, read as if it stood in the document itself."""

    def read(self, node: Node, path: str, reading: Reading) -> Node | None:
        if not isinstance(node.data, str):
            reading.error(node.where, path, "expected a text that holds YAML", 'write "value: |" and indent it')
            return None
        try:
            found = documents.parse(node.data, node.where.file)
        except PolicyError as error:
            why = error.problems[0].what
        else:
            if len(found) == 1 and isinstance(found[0].root.data, dict):
                return _moved(found[0].root, node.where, lines="\n" in node.data)
            why = "it is no mapping"
        reading.error(node.where, path, f"native Envoy resource is not valid: {why}", "correct it")
        return None


def _moved(node: Node, start: Where, *, lines: bool) -> Node:
    """A node of an inner text with its place in the file: a block begins on the line after its mark."""
    where = Where(start.file, start.line + node.where.line, 1) if lines else start
    if isinstance(node.data, dict):
        inner = {key: _moved(value, start, lines=lines) for key, value in node.mapping.items()}
        keys = {key: Where(start.file, start.line + at.line, 1) if lines else start for key, at in node.keys.items()}
        return Node(inner, where, keys)
    if isinstance(node.data, list):
        return Node([_moved(item, start, lines=lines) for item in node.sequence], where)
    return Node(node.data, where)


STEP = Fields(
    {
        "op": Field(Text(empty=False), required=True),
        "path": Field(Text(), required=True),
        "from": Field(Text()),
        "value": Field(Anything()),
    }
)


def _modification(kind: str) -> Fields:
    named = {name: Field(Mapping(Text()) if name.lower().endswith("tags") else Text()) for name in NAMING[kind]}
    match = Fields({"name": Field(Text()), "origin": Field(Text()), **named})
    return Fields(
        {
            "operation": Field(Text(), required=True),
            "match": Field(match),
            "value": Field(EnvoyText()),
            "jsonPatches": Field(Sequence(STEP)),
        }
    )


MODIFICATION = Fields({kind: Field(_modification(kind)) for kind in OPERATIONS})
CONF = Fields({"appendModifications": Field(Sequence(MODIFICATION))})


def _check(conf: Record, resource: Resource) -> None:
    reading = resource.reading
    modifications: list[Record] = conf.get("appendModifications", [])
    if not modifications:
        path = conf.under("appendModifications")
        reading.error(conf.at("appendModifications"), path, "must not be empty", "write one, or remove the policy")
    for record in modifications:
        if len(record.places) != 1:
            what = "exactly one modification can be defined at a time. Currently, "
            reading.error(record.where, record.path, f"{what}{len(record.places)} modifications are defined")
            continue
        for kind, modification in record.values.items():
            _check_one(kind, modification, reading)


def _check_one(kind: str, record: Record, reading: Reading) -> None:
    operation = record.get("operation")
    if operation not in OPERATIONS[kind]:
        known = ", ".join(f'"{name}"' for name in OPERATIONS[kind])
        what = f"invalid operation. Available operations: {known}"
        reading.error(record.at("operation"), record.under("operation"), what)
    elif operation == "Patch":
        _check_patch(kind, record, reading)
    elif operation == "Remove":
        if "value" in record.places:
            reading.error(record.at("value"), record.under("value"), "must not be defined", "remove it")
    elif "value" not in record.places:
        reading.error(record.where, record.under("value"), "must be defined", "add it")
    _check_match(kind, operation, record, reading)


def _check_patch(kind: str, record: Record, reading: Reading) -> None:
    given = [name for name in ("value", "jsonPatches") if name in record.places]
    if len(given) != 1:
        what = "only one type" if given else "exactly one"
        reading.error(record.where, record.path, f"{kind} must have {what} defined: value, jsonPatches")


def _check_match(kind: str, operation: str, record: Record, reading: Reading) -> None:
    match: Record | None = record.get("match")
    place = match or record
    named = match is not None and "name" in match
    path = record.under("match.name")
    if operation in ("AddBefore", "AddAfter") and not named:
        which = operation.removeprefix("Add").lower()
        what = f"must be defined. You need to pick a filter {which} which this one will be added"
        reading.error(place.where, path, what, "add it")
    elif operation == "Patch" and OPERATIONS[kind] is OF_FILTERS and not named:
        reading.error(place.where, path, "must be defined", "name the filter that is patched")
    elif operation == "Add" and kind == "virtualHost" and named:
        reading.error(place.where, path, "must not be defined", "remove it")
    elif operation == "Add" and kind != "virtualHost" and match is not None:
        reading.error(match.where, match.path, "must not be defined", "remove it")


KIND = Single("MeshProxyPatch", CONF, _check)
