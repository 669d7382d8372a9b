"""The OpenTelemetry backend that logs and traces of Kuma share.

Owns where it is, and what its two ways of saying that ask of each other.
"""

from __future__ import annotations

import re

from outgate.policy.frontends.kuma.dialect import Dialect
from outgate.policy.schema import Field, Fields, Mapping, Reading, Record, Text

PORTS = range(1, 65536)
PLACE = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")
USUAL = 4317
REFERENCE = Fields({"kind": Field(Text()), "name": Field(Text()), "labels": Field(Mapping(Text()))})
ENDPOINT = {"endpoint": Field(Text(empty=False)), "backendRef": Field(REFERENCE)}


def check(block: Record, dialect: Dialect, reading: Reading, *, used: bool = True) -> None:
    """What the fields of the block ask of each other. `used`: something is sent there."""
    reference: Record | None = block.get("backendRef")
    if dialect is Dialect.V3_0 and reference is None:
        hint = f"dialect {Dialect.V2_14} takes endpoint: set kuma_dialect"
        reading.error(block.where, block.under("backendRef"), "must be defined", hint)
    elif ("endpoint" in block.places) == (reference is not None):
        many = "must have only one type defined" if reference is not None else "must have exactly one defined"
        reading.error(block.where, block.path, f"openTelemetry {many}: endpoint, backendRef", "write endpoint")
    elif reference is not None:
        _check_reference(reference, reading, used=used)
    elif not place(block.get("endpoint", "")):
        what = "must be in host:port format, not a URL"
        reading.error(block.at("endpoint"), block.under("endpoint"), what, 'write "collector:4317"')


def _check_reference(reference: Record, reading: Reading, *, used: bool) -> None:
    if not reference.get("labels"):
        what = "backendRef must have exactly one defined: labels"
        reading.error(reference.where, reference.path, what, "add them")
    elif used:
        unsent(reference, f"a {reference.get('kind')} is not read, so that nothing would be sent there", reading)


def unsent(record: Record, what: str, reading: Reading) -> None:
    """What the gate cannot send anything to."""
    hint = f"write an endpoint, which dialects before {Dialect.V3_0} have, or load with --lenient, which sends nothing"
    (reading.error if reading.strict else reading.warn)(record.where, record.path, what, hint)
    reading.set_aside(record.path, what)


def place(text: str) -> str:
    """`host:port`, with OTLP's usual port where none is said; empty where it is no such place."""
    found = PLACE.fullmatch(text)
    if found is None or (found["port"] and int(found["port"]) not in PORTS):
        return ""
    return text if found["port"] else f"{text}:{USUAL}"
