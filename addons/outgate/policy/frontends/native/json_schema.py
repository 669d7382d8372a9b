"""The native kinds as JSON Schema, made of the shapes that their documents are read by.

Owns what each shape is in JSON Schema. It says what can be said of one value: what it refuses the reader refuses too,
but for null, which is absent to most fields; what hosts, networks and expressions are, and what fields demand of each
other, only the reader knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from outgate.policy.frontends.line_formats import LineFields, LineText
from outgate.policy.frontends.native import frontend, redaction, tls, traffic, traffic_fields
from outgate.policy.frontends.native.destination import NUMBER, NumberOrEvery
from outgate.policy.frontends.native.resource import API_VERSION, METADATA
from outgate.policy.frontends.native.shapes import SIZE, Cidr, Either, Expression, Filled, Host, Nat64, Size
from outgate.policy.frontends.native.telemetry_fields import Target
from outgate.policy.schema import (
    DURATION,
    Anything,
    Boolean,
    Choice,
    Duration,
    Fields,
    Integer,
    Mapping,
    Number,
    Sequence,
    Shape,
    Text,
    Timestamp,
)

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SPECS: dict[str, Fields] = {kind: spec for kind, (spec, _) in frontend.KINDS.items()} | {frontend.TRAFFIC: traffic.SPEC}
DIGITS = "-?[0-9]{1,19}"

type Schema = dict[str, Any]


def document(kinds: Iterable[str]) -> Schema:
    """Of documents of some kinds."""
    made = {kind: _resource(kind) for kind in kinds}
    return {
        "$schema": DIALECT,
        "title": API_VERSION,
        "type": "object",
        "required": ["apiVersion", "kind"],
        "properties": {"apiVersion": {"const": API_VERSION}, "kind": {"enum": list(made)}},
        "allOf": [
            {"if": {"properties": {"kind": {"const": kind}}}, "then": {"$ref": f"#/$defs/{kind}"}} for kind in made
        ],
        "$defs": made,
    }


def _resource(kind: str) -> Schema:
    return {
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": {"const": API_VERSION},
            "kind": {"const": kind},
            "metadata": schema(METADATA),
            "spec": schema(SPECS[kind]),
            "status": {},
        },
        "additionalProperties": False,
    }


def schema(shape: Shape) -> Schema:
    """Of one shape. Raises TypeError for one that is not known here."""
    match shape:
        case Filled():
            return schema(shape.of)
        case Fields():
            return _fields(shape)
        case Sequence():
            return {"type": "array", "items": schema(shape.of)} | bounds("Items", shape.least, shape.most)
        case Mapping():
            return {"type": "object", "additionalProperties": schema(shape.of)} | bounds("Properties", shape.least)
        case LineFields():
            return {"type": "object"}
        case Anything():
            return {}
    return _either(shape) or _text(shape) or _plain(shape)


def _either(shape: Shape) -> Schema:
    """Of what is a single value or more than that; empty for what is not."""
    match shape:
        case Either():
            many = schema(shape.many)
            return {"anyOf": [many, many["items"]]}
        case tls.Name():
            return {"anyOf": [text(least=1), schema(tls.NAMED)]}
        case redaction.How():
            return {"anyOf": [schema(redaction.STRATEGY), schema(redaction.REPLACE)]}
        case traffic_fields.Scheme():
            return {"anyOf": [schema(traffic_fields.SCHEME), schema(traffic_fields.TEXT)]}
    return {}


def _text(shape: Shape) -> Schema:
    """Of what is written as a text alone; empty for what is not."""
    match shape:
        case Text():
            return text(shape.pattern, 0 if shape.empty else 1, shape.maximum)
        case Host() | Cidr() | Nat64() | tls.Pin() | Target():
            return text(least=1)
        case Expression():
            return text(least=1, most=4096)
        case LineText() | Timestamp():
            return text()
        case Duration():
            return text(DURATION.pattern.replace(r"\d", "[0-9]"))
        case Choice():
            return _choice(shape)
    return {}


def _plain(shape: Shape) -> Schema:
    match shape:
        case Boolean():
            return {"type": "boolean"}
        case Number():
            return {"type": "number"} | _range(shape.least, shape.most)
        case Integer():
            return _whole(shape.least, shape.most, DIGITS)
        case NumberOrEvery():
            return _whole(NUMBER.least, NUMBER.most, rf"{DIGITS}|\*")
        case Size():
            return _whole(shape.least, shape.most, SIZE.pattern)
    raise TypeError(f"{type(shape).__name__} has no JSON Schema; add it to policy/frontends/native/json_schema.py")


def _fields(shape: Fields) -> Schema:
    required = [name for name, known in shape.fields.items() if known.required]
    return {
        "type": "object",
        **({"required": required} if required else {}),
        "properties": {str(name): schema(known.shape) for name, known in shape.fields.items()},
        "additionalProperties": False,
    }


def text(pattern: str = "", least: int = 0, most: int = 0) -> Schema:
    whole = {"pattern": f"^(?:{pattern})$"} if pattern else {}
    return {"type": "string"} | whole | bounds("Length", least, most)


def bounds(what: str, least: int, most: int = 0) -> Schema:
    return ({f"min{what}": least} if least else {}) | ({f"max{what}": most} if most else {})


def _choice(shape: Choice) -> Schema:
    """Names without regard to case are no list: `(?i)` in front is read alike by Kubernetes and by editors."""
    names = [str(name) for name in shape.names]
    if not shape.fold:
        return {"type": "string", "enum": names}
    return {"type": "string", "pattern": "(?i)^(?:{})$".format("|".join(name.replace(".", r"\.") for name in names))}


def _whole(least: int | None, most: int | None, written: str) -> Schema:
    """A whole number, or what may stand for one in quotes."""
    return {"anyOf": [{"type": "integer"} | _range(least, most), text(written)]}


def _range(least: float | None, most: float | None) -> Schema:
    return ({"minimum": least} if least is not None else {}) | ({"maximum": most} if most is not None else {})
