"""What an `EgressTraffic` matches: texts, headers, and who asks.

Owns the translation of these blocks into conditions of the model.
"""

from __future__ import annotations

from collections.abc import Iterator

from outgate.policy.access_model import Attribute, Condition
from outgate.policy.frontends.native.conditions import conditions
from outgate.policy.frontends.native.resource import Resource
from outgate.policy.model import AttemptKind
from outgate.policy.route_model import NamedMatch, RouteMatch, TextKind, TextMatch
from outgate.policy.schema import Reading, Record

KINDS = {kind.value: kind for kind in TextKind}
WHO = {
    "principals": Attribute.PRINCIPAL,
    "namespaces": Attribute.NAMESPACE,
    "serviceAccounts": Attribute.SERVICE_ACCOUNT,
    "ipBlocks": Attribute.SOURCE_IP,
}


def route_match(resource: Resource, record: Record) -> RouteMatch:
    reading = resource.reading
    if not record.values:
        reading.error(record.where, record.path, "is empty", "name something, or remove match to take everything")
    return RouteMatch(
        kinds=tuple(map(AttemptKind, record.get("kinds", ()))),
        hosts=tuple(record.get("hosts", ())),
        path=_optional(record, "path", reading),
        method=_optional(record, "method", reading),
        scheme=_scheme(record.get("scheme"), reading),
        authority=_optional(record, "authority", reading),
        headers=named(record.get("headers"), reading),
        queries=named(record.get("queries"), reading, lower=False),
        caller=caller(resource, record.get("from")),
        sni=tuple(record.get("snis", ())),
        networks=tuple(record.get("addresses", ())),
    )


def _scheme(said: str | Record | None, reading: Reading) -> TextMatch | None:
    if said is None or isinstance(said, Record):
        return text_match(said, reading) if said is not None else None
    return TextMatch(TextKind.EXACT, said)


def _optional(record: Record, name: str, reading: Reading) -> TextMatch | None:
    return text_match(record.get(name), reading) if name in record else None


def text_match(record: Record, reading: Reading) -> TextMatch:
    """One way to compare, exactly one given."""
    ways = [name for name in KINDS if name in record]
    if len(ways) != 1:
        what = f"{' and '.join(ways)} at once" if ways else "does not say how the text is compared"
        reading.error(record.where, record.path, what, f"write one of {', '.join(KINDS)}")
        return TextMatch(TextKind.PRESENT)
    kind, value = KINDS[ways[0]], record.get(ways[0])
    negated = record.get("not", False)
    if kind is TextKind.PRESENT:
        return TextMatch(kind, negated=negated is value)
    return TextMatch(kind, value, record.get("ignoreCase", False), negated)


def named(block: dict[str, list[Record]] | None, reading: Reading, *, lower: bool = True) -> tuple[NamedMatch, ...]:
    """Tests of headers, or of query parameters, whose names are compared by case."""
    items = [(name.lower() if lower else name, each) for name, tests in (block or {}).items() for each in tests]
    return tuple(NamedMatch(name, text_match(each, reading)) for name, each in items)


def caller(resource: Resource, record: Record | None) -> tuple[Condition, ...]:
    return tuple(_caller(resource, record)) if record is not None else ()


def _caller(resource: Resource, record: Record) -> Iterator[Condition]:
    if not record.values:
        resource.reading.error(record.where, record.path, "is empty", "name somebody, or remove it")
    for name, attribute in WHO.items():
        if name in record:
            values = tuple(str(value) for value in record.get(name))
            if attribute is Attribute.SERVICE_ACCOUNT:
                values = tuple(value if "/" in value else f"{resource.namespace}/{value}" for value in values)
            yield Condition(attribute, values)
    for key, value in record.get("labels", {}).items():
        yield Condition(Attribute.SOURCE_LABEL, (value,), key)
    yield from conditions(record, resource.reading)
