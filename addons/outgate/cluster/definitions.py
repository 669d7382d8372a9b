"""CustomResourceDefinitions of the gate's own kinds, made of the shapes that their documents are read by.

Owns what Kubernetes asks of a definition: a structural schema, columns, the status beside. What a shape allows is its
JSON Schema's; where Kubernetes cannot say it, one value or a list of them, the definition lets everything through.

No definition drops what it does not know. A misspelt restriction that the API server left out would be an object that
restricts less; so it is kept, and the gate refuses the object, which its status then says.
"""

from __future__ import annotations

from outgate.cluster.conditions import ACCEPTED, PROGRAMMED
from outgate.cluster.kinds import KINDS, VERSION, Kind
from outgate.policy.frontends.native.json_schema import SPECS, Schema, bounds, schema
from outgate.policy.frontends.native.shapes import Filled
from outgate.policy.schema import Fields, Mapping, Sequence, Shape

KEPT = {"x-kubernetes-preserve-unknown-fields": True}
TEXT: Schema = {"type": "string"}
CONDITION: Schema = {
    "type": "object",
    "required": ["type", "status"],
    "properties": {
        "type": TEXT,
        "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
        "reason": TEXT,
        "message": TEXT,
        "observedGeneration": {"type": "integer", "format": "int64"},
        "lastTransitionTime": {"type": "string", "format": "date-time"},
    },
}
STATUS: Schema = {
    "type": "object",
    "properties": {
        "conditions": {
            "type": "array",
            "items": CONDITION,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        }
    },
}
OWN = {kind.name: kind for kind in KINDS if kind.own}


def definition(kind: Kind) -> Schema:
    """The whole object, as it is applied."""
    lower = kind.name.lower()
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": str(kind)},
        "spec": {
            "group": kind.group,
            "scope": "Namespaced",
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": lower,
                "categories": ["outgate"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": _columns(),
                    "schema": {"openAPIV3Schema": _root(SPECS[kind.name])},
                }
            ],
        },
    }


def _columns() -> list[Schema]:
    conditions = ((ACCEPTED, ACCEPTED, "status"), (PROGRAMMED, PROGRAMMED, "status"), ("Reason", ACCEPTED, "reason"))
    said = [
        {"name": name, "type": "string", "jsonPath": f'.status.conditions[?(@.type=="{kind}")].{field}'}
        for name, kind, field in conditions
    ]
    return [*said, {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}]


def _root(spec: Fields) -> Schema:
    return {
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": TEXT,
            "kind": TEXT,
            "metadata": {"type": "object"},
            "spec": structural(spec),
            "status": STATUS,
        },
        **KEPT,
    }


def structural(shape: Shape) -> Schema:
    """The JSON Schema of a shape in the part of it that Kubernetes takes: one type for each value."""
    match shape:
        case Filled():
            # The API server drops null where it is not allowed; here that would leave out a restriction.
            return _fields(shape.of, {"nullable": True})
        case Fields():
            return _fields(shape)
        case Sequence():
            return {"type": "array", "items": structural(shape.of)} | bounds("Items", shape.least, shape.most)
        case Mapping():
            values = structural(shape.of) | {"nullable": True}
            return {"type": "object", "additionalProperties": values} | bounds("Properties", shape.least)
    return _single(schema(shape))


def _fields(shape: Fields, more: Schema | None = None) -> Schema:
    required = [name for name, known in shape.fields.items() if known.required]
    return {
        "type": "object",
        **({"required": required} if required else {}),
        "properties": {str(name): structural(known.shape) | (more or {}) for name, known in shape.fields.items()},
        **KEPT,
    }


def _single(found: Schema) -> Schema:
    """A number or a text has a word of its own in Kubernetes; other choices between types have none."""
    either = found.get("anyOf", ())
    if not either:
        return found | (KEPT if found.get("type", "object") == "object" else {})
    if {each.get("type") for each in either} != {"integer", "string"}:
        return KEPT
    limits = {key: value for each in either for key, value in each.items() if key != "type"}
    return {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, TEXT], **limits}
