"""The formats of log lines: shapes for text and for JSON, with Envoy's command operators in them.

Owns the reading and the grammar, `%NAME(ARGUMENT):LENGTH%` and `%%`. Which operators there are is known to the outputs
alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import re2

from outgate.policy.documents import Node
from outgate.policy.schema import Reading, Text
from outgate.problems import Where

OPERATOR = re2.compile(r"%(?:%|[A-Z0-9_]+(?:\([^)]*\))?(?::[0-9]+)?%)")
HINT = "write %NAME%, or %% for the sign itself"


def line_fault(text: str) -> str:
    """What is wrong with the format of a line, and where in it; empty for nothing."""
    at = text.find("%")
    while at >= 0:
        if (found := OPERATOR.match(text, at)) is None:
            line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
            where = f"line {line}, column {column}" if "\n" in text.strip() else f"column {column}"
            return f'has a percent sign that begins no operator, at {where}: "{text[at : at + 20].splitlines()[0]}"'
        at = text.find("%", found.end())
    return ""


@dataclass(frozen=True, slots=True)
class Written:
    """A format that was read, with its place."""

    value: Any
    where: Where
    path: str


@dataclass(frozen=True, slots=True)
class LineText:
    """A text with operators, kept with its place."""

    def read(self, node: Node, path: str, reading: Reading) -> Written | None:
        text: str | None = Text().read(node, path, reading)
        if text is None:
            return None
        if fault := line_fault(text):
            reading.error(node.where, path, fault, HINT)
            return None
        return Written(text, node.where, path)


@dataclass(frozen=True, slots=True)
class LineFields:
    """An object of texts with operators, plain values, and objects and lists of these, kept with its place."""

    def read(self, node: Node, path: str, reading: Reading) -> Written | None:
        if not isinstance(node.data, dict):
            reading.error(node.where, path, "expected a mapping", 'write "status: %RESPONSE_CODE%"')
            return None
        for under, leaf in _texts(node, path):
            if fault := line_fault(str(leaf.data)):
                reading.error(leaf.where, under, fault, HINT)
        return Written(_plain(node), node.where, path)


def _texts(node: Node, path: str) -> Iterator[tuple[str, Node]]:
    for key, value in node.mapping.items():
        yield from _texts(value, f"{path}.{key}")
    for index, value in enumerate(node.sequence):
        yield from _texts(value, f"{path}[{index}]")
    if isinstance(node.data, str):
        yield path, node


def _plain(node: Node) -> Any:
    if isinstance(node.data, dict):
        return {key: _plain(value) for key, value in node.mapping.items()}
    if isinstance(node.data, list):
        return [_plain(value) for value in node.sequence]
    return node.data if node.data is None or isinstance(node.data, (str, bool, int, float)) else str(node.data)
