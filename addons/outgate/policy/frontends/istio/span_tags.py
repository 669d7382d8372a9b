"""Tags that documents add to every span, wherever they are written.

Owns their shape, their check and their translation.
"""

from __future__ import annotations

from collections.abc import Mapping as Pairs

from outgate.policy.frontends.istio.common import one_of
from outgate.policy.frontends.line_formats import LineText, Written
from outgate.policy.schema import Field, Fields, Mapping, Reading, Record, Text
from outgate.policy.telemetry_model import CustomTag, TagKind

KINDS = ("literal", "environment", "header", "formatter")
NAMED = Fields({"name": Field(Text(empty=False), required=True), "defaultValue": Field(Text())}, snake=True)
TAG = Fields(
    {
        "literal": Field(Fields({"value": Field(Text(empty=False), required=True)})),
        "environment": Field(NAMED),
        "header": Field(NAMED),
        "formatter": Field(Fields({"value": Field(LineText(), required=True)})),
    },
    snake=True,
)
TAGS = Mapping(TAG)


def check_tags(given: Pairs[str, Record], reading: Reading) -> None:
    """Each tag has a name, and one value."""
    for name, record in given.items():
        if not name:
            reading.error(record.where, record.path, "a tag needs a name")
        if not any(kind in record for kind in KINDS):
            reading.error(record.where, record.path, f'the tag "{name}" has no value', f"give {', '.join(KINDS)}")
        one_of(record, KINDS, reading)


def tags(given: Pairs[str, Record]) -> tuple[CustomTag, ...]:
    return tuple(_tag(name, record) for name, record in given.items())


def _tag(name: str, record: Record) -> CustomTag:
    if "literal" in record:
        return CustomTag(name, TagKind.LITERAL, record.get("literal").get("value"))
    if "formatter" in record:
        form: Written = record.get("formatter").get("value")
        return CustomTag(name, TagKind.FORMAT, form.value)
    kind = TagKind.ENVIRONMENT if "environment" in record else TagKind.HEADER
    block: Record = record.get(str(kind))
    return CustomTag(name, kind, block.get("name"), block.get("defaultValue", ""))
