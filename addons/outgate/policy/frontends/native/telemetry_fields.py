"""The fields of an `EgressTelemetry`: shapes, and the places that logs and spans may go to.

Owns what can be said of one value. What needs two values at once, and what they come to, is `telemetry.py`'s.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from outgate.policy.documents import Node
from outgate.policy.frontends.line_formats import LineFields, LineText
from outgate.policy.frontends.native.shapes import Filled
from outgate.policy.schema import (
    Boolean,
    Choice,
    Duration,
    Field,
    Fields,
    Mapping,
    Number,
    Reading,
    Sequence,
    Text,
)
from outgate.policy.telemetry_model import Encoding, TagKind
from outgate.policy.telemetry_rules import ALL_METRICS, METRICS

HOST = r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/@]+):(?P<port>[0-9]{1,5})"
LOG = re.compile(rf"stdout|/.*|(?P<scheme>tcp|otlp)://{HOST}")
SPANS = re.compile(rf"(?P<scheme>otlp|http)://{HOST}(?P<path>/\S*)?")


class To(NamedTuple):
    """Where something goes."""

    scheme: str
    target: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """A place by its pattern; one with a host has a port that can be dialled."""

    pattern: re.Pattern[str]
    hint: str

    def read(self, node: Node, path: str, reading: Reading) -> To | None:
        text: str | None = Text(empty=False).read(node, path, reading)
        if text is None:
            return None
        found = self.pattern.fullmatch(text)
        parts = found.groupdict() if found is not None else {}
        if found is None or (parts["scheme"] and not 0 < int(parts["port"]) < 65536):
            reading.error(node.where, path, f'"{text}" is no place for it', self.hint)
            return None
        if not parts["scheme"]:
            return To("stdout", "") if text == "stdout" else To("file", text)
        return To(parts["scheme"], f"{parts['host']}:{parts['port']}", parts.get("path") or "")


SINK = Fields(
    {
        "to": Field(Target(LOG, "write stdout, /a/file, tcp://HOST:PORT or otlp://HOST:PORT"), required=True),
        "encoding": Field(Choice(tuple(Encoding), fold=True)),
        "format": Field(LineText()),
        "fields": Field(LineFields()),
        "labels": Field(Mapping(LineText())),
        "omitEmpty": Field(Boolean()),
        "filter": Field(Text(empty=False)),
    }
)
METRIC = Fields(
    {
        "metric": Field(Choice((ALL_METRICS, *METRICS), fold=True)),
        "disabled": Field(Boolean()),
        "set": Field(Mapping(Text(empty=False))),
        "remove": Field(Sequence(Text(empty=False))),
    }
)
TAG = Fields({"name": Field(Text(empty=False), required=True), **{kind: Field(Text()) for kind in TagKind}})
TAG.fields["default"] = Field(Text())
HEADER = Fields({"name": Field(Text(empty=False), required=True), "value": Field(Text()), "environment": Field(Text())})
TRACES = Fields(
    {
        "to": Field(Target(SPANS, "write otlp://HOST:4317, or http://HOST:4318/v1/traces")),
        "headers": Field(Sequence(HEADER)),
        "timeout": Field(Duration()),
        "sampling": Field(Number(0, 100)),
        "tags": Field(Sequence(TAG)),
        "disabled": Field(Boolean()),
        "propagates": Field(Boolean()),
    }
)
SPEC = Fields(
    {
        "for": Field(
            Filled(Fields({"namespace": Field(Text(empty=False)), "labels": Field(Mapping(Text(), least=1))}))
        ),
        "logs": Field(Sequence(SINK)),
        "metrics": Field(Sequence(METRIC)),
        "traces": Field(TRACES),
    }
)
