"""The `when` blocks of an `EgressAccess` and an `EgressTraffic`: one test of one attribute, whichever it is.

Owns their shape and their translation. What has a field of its own is easier to read there; a `when` is for the rest.
"""

from __future__ import annotations

from outgate.policy.access_model import Attribute, Condition
from outgate.policy.conditions import Terms, compile_condition
from outgate.policy.frontends.native.shapes import Either, Filled
from outgate.policy.model import Defaults
from outgate.policy.schema import Boolean, Choice, Field, Fields, Reading, Record, Sequence, Text

NEED_KEY = frozenset({Attribute.HEADER, Attribute.SOURCE_LABEL})
MAY_HAVE_KEY = NEED_KEY | {Attribute.REQUEST_CLAIM, Attribute.METADATA}
"""Attributes of which there are many, told apart by a key."""
TERMS = Terms(Defaults(), granting=True)

WHEN = Sequence(
    Filled(
        Fields(
            {
                "attribute": Field(Choice(tuple(Attribute), fold=True), required=True),
                "key": Field(Text(empty=False)),
                "values": Field(Either(Sequence(Text(), least=1)), required=True),
                "not": Field(Boolean()),
            }
        )
    ),
    least=1,
)


def conditions(record: Record, reading: Reading) -> tuple[Condition, ...]:
    """What the `when` of a block comes to; nothing where it has none."""
    return tuple(_condition(each, reading) for each in record.get("when", ()))


def _condition(record: Record, reading: Reading) -> Condition:
    attribute, key = Attribute(record.get("attribute", Attribute.METADATA)), record.get("key", "")
    if attribute in NEED_KEY and not key:
        reading.error(record.where, record.under("key"), f"{attribute} needs one", "name which")
    if key and attribute not in MAY_HAVE_KEY:
        reading.error(record.at("key"), record.under("key"), f"{attribute} has none", "remove it")
    if attribute is Attribute.HEADER:
        key = key.lower()
    made = Condition(attribute, tuple(record.get("values", ())), key, record.get("not", False))
    try:
        compile_condition(made, TERMS)
    except ValueError as error:
        reading.error(record.at("values"), record.under("values"), str(error), "correct it")
    return made
