"""`EgressRedaction`: what of an exchange is replaced before anybody else sees it.

Owns the kind's shape, what its fields demand of each other, and the translation. What selectors and detectors mean is
known to redaction alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from outgate.policy.documents import Node
from outgate.policy.frontends import Contribution
from outgate.policy.frontends.native.exchanges import MATCH, matching
from outgate.policy.frontends.native.resource import Resource
from outgate.policy.frontends.native.shapes import Either, Expression, Filled, Size
from outgate.policy.redaction_model import (
    Action,
    Carrier,
    Direction,
    Format,
    Inline,
    Mode,
    Opaque,
    RedactionPolicy,
    RedactionRule,
    Replacement,
    Selector,
    Split,
    Strategy,
)
from outgate.policy.schema import Boolean, Choice, Field, Fields, Integer, Reading, Record, Sequence, Text

LARGEST, LARGEST_HELD = 1024**3, 64 * 1024**2
PLAIN, UNSAID, LIVE = Replacement(), RedactionPolicy(""), Inline(Action.BLOCK)
STRATEGY = Choice(tuple(Strategy), fold=True)
OWNERS = {"text": Strategy.CONSTANT, "keep": Strategy.MASK, "format": Strategy.FORMAT}
"""What belongs to one strategy alone."""
REPLACE = Fields(
    {
        "strategy": Field(STRATEGY, required=True),
        "text": Field(Text(pattern=r"[^\x00-\x1f\x7f]*", hint="no control characters", maximum=256)),
        "keep": Field(Integer(0, 64)),
        "format": Field(Choice(tuple(each for each in Format if each), fold=True)),
    }
)


@dataclass(frozen=True, slots=True)
class How:
    """A replacement: the name of a strategy, or that and what belongs to it."""

    def read(self, node: Node, path: str, reading: Reading) -> Replacement | None:
        if not isinstance(node.data, dict):
            name = STRATEGY.read(node, path, reading)
            return Replacement(Strategy(name)) if name is not None else None
        record = REPLACE.read(node, path, reading)
        if record is None or "strategy" not in record:
            return None
        for field, owner in OWNERS.items():
            if field in record and record.get("strategy") != owner:
                what = f"means nothing with strategy {record.get('strategy')}"
                reading.error(record.at(field), record.under(field), what, f"remove it, or write strategy: {owner}")
        return Replacement(
            Strategy(record.get("strategy")),
            record.get("text", PLAIN.text),
            record.get("keep", PLAIN.keep),
            Format(record.get("format", Format.EMPTY)),
        )


STRINGS = Either(Sequence(Text(empty=False, maximum=4096), least=1, most=1024))
SELECT = Filled(
    Fields(
        {
            **{carrier: Field(STRINGS) for carrier in Carrier if carrier is not Carrier.BODY},
            Carrier.BODY: Field(Boolean()),
        }
    )
)
RULE = Fields(
    {
        "name": Field(Text(empty=False, maximum=63), required=True),
        "select": Field(SELECT),
        "detect": Field(STRINGS),
        "patterns": Field(Either(Sequence(Expression(), least=1, most=1024))),
        "replace": Field(How()),
        "direction": Field(Choice(tuple(Direction), fold=True)),
    }
)
INLINE = Fields(
    {
        "action": Field(Choice(tuple(Action), fold=True), required=True),
        "direction": Field(Choice(tuple(Direction), fold=True)),
        "maxBody": Field(Size(1, LARGEST_HELD)),
        "opaque": Field(Choice(tuple(Opaque), fold=True)),
        "split": Field(Choice(tuple(Split), fold=True)),
        "forceSigned": Field(Boolean()),
    }
)
SPEC = Fields(
    {
        "match": Field(MATCH),
        "rules": Field(Sequence(RULE, least=1, most=1024)),
        "defaults": Field(Boolean()),
        "mode": Field(Choice(tuple(Mode), fold=True)),
        "maxBody": Field(Size(1, LARGEST)),
        "inline": Field(INLINE),
    }
)


def translate(resource: Resource, spec: Record, into: Contribution) -> None:
    """Adds what one document says, unless its fields contradict each other."""
    rules = tuple(_rule(resource, record) for record in spec.get("rules", ()))
    _contradictions(resource.reading, spec)
    _names(resource.reading, spec)
    if resource.reading.failed:
        return
    made = RedactionPolicy(
        name=resource.key,
        matching=matching(spec),
        rules=rules,
        defaults=spec.get("defaults", UNSAID.defaults),
        mode=Mode(spec.get("mode", Mode.DETECT)),
        max_body=spec.get("maxBody", UNSAID.max_body),
        inline=_inline(spec.get("inline")),
        source=resource.source(),
    )
    into.keeping = replace(into.keeping, redactions=(*into.keeping.redactions, made))


def _contradictions(reading: Reading, spec: Record) -> None:
    if not spec.values.keys() - {"match"}:
        reading.error(spec.where, "spec", "says nothing", "give rules, mode, defaults or maxBody")
    if spec.get("defaults") is False:
        what = "false: CREDENTIALS ARE KEPT AS THEY ARE where no other rule takes them"
        reading.warn(spec.at("defaults"), "spec.defaults", what, "leave it out, and keep values by rules with keep")
    if "inline" in spec:
        _inline_contradictions(reading, spec, spec.get("inline"))


def _inline_contradictions(reading: Reading, spec: Record, inline: Record) -> None:
    if "rules" not in spec:
        what = "changes nothing without rules: those that ship are for what is kept"
        reading.error(spec.at("inline"), "spec.inline", what, "give rules, such as one with detect: card")
    if spec.get("mode") == Mode.ALLOW:
        what = "would replace every text of live messages"
        reading.error(spec.at("mode"), "spec.mode", what, "give inline in a document of its own, without mode")
    if (match := spec.get("match")) is not None and "mediaTypes" in match:
        what = "is what a message says of itself, and could be said to escape inline"
        reading.error(match.at("mediaTypes"), "spec.match.mediaTypes", what, "remove it, or give inline elsewhere")
    if inline.get("forceSigned") and inline.get("action") == Action.BLOCK:
        what = "is about what is masked, and action BLOCK masks nothing"
        reading.error(inline.at("forceSigned"), inline.under("forceSigned"), what, "remove it, or write action: MASK")


def _inline(record: Record | None) -> Inline | None:
    if record is None:
        return None
    return Inline(
        action=Action(record.get("action")),
        direction=Direction(record.get("direction", LIVE.direction)),
        max_body=record.get("maxBody", LIVE.max_body),
        opaque=Opaque(record.get("opaque", LIVE.opaque)),
        split=Split(record.get("split", LIVE.split)),
        force_signed=record.get("forceSigned", LIVE.force_signed),
    )


def _names(reading: Reading, spec: Record) -> None:
    seen: set[str] = set()
    for record in spec.get("rules", ()):
        name = record.get("name", "")
        if name in seen:
            reading.error(record.at("name"), record.under("name"), f'"{name}" is there twice', "rename one of the two")
        seen.add(name)


def _rule(resource: Resource, record: Record) -> RedactionRule:
    if not any(name in record for name in ("select", "detect", "patterns")):
        hint = "give select, detect or patterns"
        resource.reading.error(record.where, record.path, "does not say what it takes", hint)
    return RedactionRule(
        name=record.get("name", ""),
        selectors=tuple(_selectors(resource, record.get("select"))),
        detectors=tuple(dict.fromkeys(record.get("detect", ()))),
        patterns=tuple(dict.fromkeys(record.get("patterns", ()))),
        replacement=record.get("replace", PLAIN),
        direction=Direction(record.get("direction", Direction.BOTH)),
        source=resource.source(record.path, record.where),
    )


def _selectors(resource: Resource, record: Record | None) -> Iterator[Selector]:
    if record is None:
        return
    if not record.values:
        resource.reading.error(record.where, record.path, "selects nothing", f"give one of {', '.join(Carrier)}")
    for name, value in record.values.items():
        source = resource.source(record.under(name), record.at(name))
        if name != Carrier.BODY:
            yield from (Selector(Carrier(name), expression, source) for expression in value)
        elif value:
            yield Selector(Carrier.BODY, "", source)
        else:
            resource.reading.error(source.where, source.field, "selects nothing", "write true, or remove it")
