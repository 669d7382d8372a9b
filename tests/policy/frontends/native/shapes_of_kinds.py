"""Every shape in the native kinds, values to try it with, and examples: for what is said of shapes elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docpages.markdown import ROOT
from outgate.policy.documents import Node, load
from outgate.policy.frontends.native.json_schema import SPECS
from outgate.policy.frontends.native.shapes import Either, Filled
from outgate.policy.schema import Fields, Mapping, Reading, Sequence, Shape
from outgate.problems import Where

HERE = Where("test")
EXAMPLES = [*sorted((ROOT / "docs/examples/native").glob("*.yaml")), *sorted((ROOT / "policy").glob("[0-9]*.yaml"))]
VALUES: list[Any] = [
    *(
        "",
        "x",
        "X-Y",
        "*",
        "*.a.example",
        "a.example",
        "10.0.0.0/8",
        "64:ff9b::/96",
        "/a",
        "/a/*",
        "/a?b",
        "a b",
        "a\n",
    ),
    *("5", "-5", "70000", "007", "5s", "1h30m", "0.5ms", "5 s", "64Ki", "10Gi", "1e3", "a" * 300, "a" * 5000, "ünï"),
    *("ALLOW", "allow", "Deny", "HTTP", "http", "5xx", "cluster", "TLSv1.2", "TLSv1x2", "MASK", "CUSTOM", "GET"),
    *("2026-01-31", "2026-01-31T12:00:00Z", "stdout", "otlp://a:4317", "a+b", "(", "a|b", "%PROTOCOL%", "50%"),
    *("0" * 64, "text/*", "host", "header", "~a", ".", "none", "HEADER", "x-y", "true"),
    *(0, 1, -1, 2, 100, 101, 301, 599, 600, 65535, 65536, 10**6, 10**13, 1.5, 2.0, True, False, {}, []),
    *(["x"], ["a.example"], [1], [[]], [{}], {"x": "y"}, {"x": 1}, {"x": ["y"]}, {"exact": "x"}, {"x": {"exact": "y"}}),
    *({"name": "x"}, {"name": "x", "value": "y"}, {"kind": "EXACT", "value": "x"}, {"strategy": "MASK"}, {"number": 1}),
    *(
        {"strategy": "MASK", "keep": 4},
        {"mode": "MUTUAL"},
        {"namespaces": "x"},
        {"hosts": ["a"]},
        {"a": None},
        ["x"] * 300,
    ),
]


def shapes() -> Iterator[Shape]:
    """Each once, as far as that can be told."""
    seen: set[str] = set()
    waiting: list[Shape] = list(SPECS.values())
    while waiting:
        shape = waiting.pop()
        said = repr(shape) if not isinstance(shape, Fields | Filled) else str(id(shape))
        if said not in seen:
            seen.add(said)
            waiting += _within(shape)
            yield shape


def _within(shape: Shape) -> list[Shape]:
    match shape:
        case Fields():
            return [known.shape for known in shape.fields.values()]
        case Filled() | Sequence() | Mapping():
            return [shape.of]
        case Either():
            return [shape.many]
    return []


def takes(shape: Shape, value: Any) -> bool:
    """Whether the gate does."""
    reading = Reading("test")
    shape.read(node(value), "spec", reading)
    return not reading.failed


def node(value: Any) -> Node:
    if isinstance(value, dict):
        return Node({key: node(each) for key, each in value.items()}, HERE, dict.fromkeys(value, HERE))
    return Node([node(each) for each in value], HERE) if isinstance(value, list) else Node(value, HERE)


def documents_of(file: Path) -> list[Any]:
    """Those of the gate's own kinds, as JSON has them."""
    return [_data(one.root) for one in load(file) if one.kind in SPECS]


def _data(found: Node) -> Any:
    if isinstance(found.data, dict):
        return {key: _data(value) for key, value in found.mapping.items()}
    if isinstance(found.data, list):
        return [_data(value) for value in found.sequence]
    return found.data if found.data is None or isinstance(found.data, str | bool | int | float) else str(found.data)
