"""What the comments of values.yaml say: the table of README.md, and values.schema.json.

Owns the reading of the comments and the form of both. Knows nothing of Helm, nor of what a value does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from docpages.markdown import ROOT

CHART = ROOT / "helm" / "outgate"
SOURCE = CHART / "values.yaml"
README = CHART / "README.md"
SCHEMA = CHART / "values.schema.json"
TABLE = re.compile(r"(?<=<!-- values -->\n).*(?=<!-- /values -->)", re.DOTALL)
HINT = re.compile(r"\+(schema|define (?P<name>\w+)): (?P<text>.*)")
KINDS: Mapping[type, str] = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}

type Json = dict[str, Any]


@dataclass(frozen=True)
class Value:
    """One of values.yaml. What has members of its own is a section."""

    path: tuple[str, ...]
    default: Any
    told: str
    hint: Json

    @property
    def section(self) -> bool:
        return isinstance(self.default, dict) and bool(self.default) and not self.hint

    @property
    def name(self) -> str:
        return ".".join(self.path)


@cache
def values() -> tuple[Value, ...]:
    """Sections before what is in them. Raises ValueError for a hint that is no YAML."""
    text = SOURCE.read_text(encoding="utf-8")
    return tuple(_below(yaml.compose(text), (), text.splitlines()))


def readme() -> str:
    """README.md as it has to be. Raises ValueError where it has no place for the table."""
    rows = ["| value | default | |", "|---|---|---|"]
    rows += [
        f"| `{value.name}` | {_shown(value)} | {value.told} |" for value in values() if value.told or not value.section
    ]
    text, count = TABLE.subn(lambda _: "\n".join([*rows, ""]), README.read_text(encoding="utf-8"))
    if count != 1:
        raise ValueError(f"{README} has no place for the table; write <!-- values --> and <!-- /values --> in it")
    return text


def schema() -> str:
    """values.schema.json as it has to be."""
    whole: Json = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$defs": _definitions(),
        "title": "Values of the chart outgate",
        **_object([value for value in values() if len(value.path) == 1]),
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def refresh() -> None:
    """Writes both files anew."""
    README.write_text(readme(), encoding="utf-8")
    SCHEMA.write_text(schema(), encoding="utf-8")


def _below(node: Any, path: tuple[str, ...], lines: list[str]) -> Iterator[Value]:
    for key, inner in node.value:
        here = (*path, key.value)
        told, hints = _comment(lines, key.start_mark.line)
        default = yaml.safe_load(yaml.serialize(inner))
        value = Value(here, default, told, hints.get("schema", {}))
        yield value
        if value.section:
            yield from _below(inner, here, lines)


def _comment(lines: list[str], at: int) -> tuple[str, Json]:
    """The description above a line, and the hints below it."""
    first = at
    while first and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    return _parted([line.strip().removeprefix("#").removeprefix(" ") for line in lines[first:at]])


def _parted(comment: list[str]) -> tuple[str, Json]:
    start = next((number for number, line in enumerate(comment) if line.startswith("+")), len(comment))
    hints: dict[str, str] = {}
    name = ""
    for line in comment[start:]:
        if match := HINT.fullmatch(line):
            name = match["name"] or "schema"
            hints[name] = match["text"]
        else:
            hints[name] += line
    return " ".join(comment[:start]), {name: yaml.safe_load(text) for name, text in hints.items()}


def _definitions() -> Json:
    """The one comment of `+define`s."""
    lines = SOURCE.read_text(encoding="utf-8").splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("# +define"))
    end = next(number for number in range(first, len(lines)) if not lines[number])
    return _parted([line.removeprefix("# ") for line in lines[first:end]])[1]


def _object(members: list[Value]) -> Json:
    properties = {value.path[-1]: _property(value) for value in members}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _property(value: Value) -> Json:
    told = {"description": value.told} if value.told else {}
    if "$ref" in value.hint:
        return told | value.hint
    if value.section:
        depth = len(value.path) + 1
        return told | _object([each for each in values() if len(each.path) == depth and each.path[:-1] == value.path])
    kind = {} if value.default is None else {"type": KINDS[type(value.default)]}
    return told | kind | value.hint


def _shown(value: Value) -> str:
    if value.section:
        return ""
    return f"`{json.dumps(value.default, ensure_ascii=False)}`".replace("|", r"\|")
