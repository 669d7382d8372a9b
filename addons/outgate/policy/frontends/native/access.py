"""`EgressAccess`: who may do what.

Owns the kind's shape and its translation into rules. The fields are Istio's, with headers and regions beside them, and
`when` for everything else that rules may look at; how rules are judged is `access.py`'s of the layer above.
"""

from __future__ import annotations

from collections.abc import Callable, Container

from outgate.policy.access_model import AccessPolicy, AccessRule, Action, Attribute, Condition
from outgate.policy.frontends import Contribution
from outgate.policy.frontends.native.conditions import WHEN, conditions
from outgate.policy.frontends.native.resource import Resource
from outgate.policy.frontends.native.shapes import Cidr, Either, Filled
from outgate.policy.hosts import HostError, canonical_value
from outgate.policy.principals import SCHEME
from outgate.policy.schema import (
    Boolean,
    Choice,
    Field,
    Fields,
    Integer,
    Mapping,
    Reading,
    Record,
    Sequence,
    Shape,
    Text,
)

STRINGS = Sequence(Text(empty=False), least=1)
SOURCES: dict[str, tuple[Attribute, Shape]] = {
    "principals": (Attribute.PRINCIPAL, STRINGS),
    "namespaces": (Attribute.NAMESPACE, STRINGS),
    "serviceAccounts": (Attribute.SERVICE_ACCOUNT, STRINGS),
    "trustDomains": (Attribute.TRUST_DOMAIN, STRINGS),
    "ipBlocks": (Attribute.SOURCE_IP, Sequence(Cidr(), least=1)),
}
OPERATIONS: dict[str, tuple[Attribute, Shape]] = {
    "hosts": (Attribute.HOST, STRINGS),
    "ports": (Attribute.PORT, Sequence(Integer(1, 65535), least=1)),
    "methods": (Attribute.METHOD, STRINGS),
    "paths": (Attribute.PATH, STRINGS),
    "snis": (Attribute.SNI, STRINGS),
    "regions": (Attribute.REGION, STRINGS),
}


def _negatable(name: str) -> tuple[str, str]:
    return name, f"not{name[0].upper()}{name[1:]}"


def _fields(table: dict[str, tuple[Attribute, Shape]], **more: Field) -> Fields:
    both = {spelt: Field(shape) for name, (_, shape) in table.items() for spelt in _negatable(name)}
    return Fields({**both, **more})


FROM = Either(Sequence(Filled(_fields(SOURCES, when=Field(WHEN))), least=1))
HEADERS = Field(Mapping(Either(STRINGS), least=1))
TO = Either(Sequence(Filled(_fields(OPERATIONS, headers=HEADERS, notHeaders=HEADERS, when=Field(WHEN))), least=1))
RULE = Filled(Fields({"from": Field(FROM), "to": Field(TO), "when": Field(WHEN)}))
LAYER = Text(pattern=r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?", hint="use lower-case letters, digits and hyphens")
SPEC = Fields(
    {
        "action": Field(Choice(tuple(Action), fold=True)),
        "shadow": Field(Boolean()),
        "layer": Field(LAYER),
        "destinations": Field(Either(STRINGS)),
        "rules": Field(Sequence(RULE)),
        "from": Field(FROM),
        "to": Field(TO),
    }
)


def translate(resource: Resource, spec: Record, into: Contribution) -> None:
    """Adds the policy of one document, unless its fields contradict each other."""
    action = Action(spec.get("action", Action.ALLOW))
    _contradictions(resource.reading, spec, action)
    records = spec.get("rules") if "rules" in spec else [spec]
    rules = tuple(_rule(resource, record) for record in records)
    if not resource.reading.failed:
        shadow, layer = spec.get("shadow", False), spec.get("layer", "")
        into.access.append(AccessPolicy(action, rules, resource.source(), shadow, _targets(resource, spec), layer))


def _targets(resource: Resource, spec: Record) -> tuple[str, ...]:
    """The destinations that are meant, as a decision names them."""
    named = (resource.reference(text) for text in spec.get("destinations", ()))
    return tuple(f"EgressDestination/{namespace}/{name}" for namespace, name in named)


def unknown(resource: Resource, spec: Record, destinations: Container[tuple[str, str]]) -> None:
    """Reports destinations that are named and not there: a policy about nothing neither allows nor denies."""
    for text in spec.get("destinations", ()):
        if resource.reference(text) not in destinations:
            what, hint = f'"{text}" is no EgressDestination', "write the name of one that is loaded, or NAMESPACE/NAME"
            resource.reading.error(spec.at("destinations"), "spec.destinations", what, hint)


def _contradictions(reading: Reading, spec: Record, action: Action) -> None:
    flat = "from" in spec or "to" in spec
    if "rules" in spec and flat:
        reading.error(spec.at("rules"), "spec.rules", "stands beside from or to", "move those into a rule")
    if "rules" not in spec and not flat:
        hint = "write `rules: [{}]` to match everything, or from and to"
        reading.error(spec.where, "spec", "does not say what it matches", hint)
    if "rules" in spec and not spec.get("rules") and action is not Action.ALLOW:
        reading.error(spec.at("rules"), "spec.rules", f"{action} without rules does nothing", "write `rules: [{}]`")
    if spec.get("shadow") and action is Action.AUDIT:
        reading.error(spec.at("shadow"), "spec.shadow", "an AUDIT enforces nothing anyway", "remove it")


def _rule(resource: Resource, record: Record) -> AccessRule:
    return AccessRule(
        sources=tuple(_group(resource, one, SOURCES) for one in record.get("from", ())),
        operations=tuple(_group(resource, one, OPERATIONS) for one in record.get("to", ())),
        conditions=conditions(record, resource.reading),
        source=resource.source(record.path, record.where),
    )


def _group(resource: Resource, record: Record, table: dict[str, tuple[Attribute, Shape]]) -> tuple[Condition, ...]:
    if not record.values:
        resource.reading.error(
            record.where, record.path, "is empty", "name something, or remove it to match everything"
        )
    made = []
    for name, (attribute, _) in table.items():
        for spelt in _negatable(name):
            if spelt in record:
                values = tuple(_value(resource, record, spelt, attribute, value) for value in record.get(spelt))
                made.append(Condition(attribute, values, negated=spelt != name))
    headers = (*_headers(record, "headers", negated=False), *_headers(record, "notHeaders", negated=True))
    return (*made, *headers, *conditions(record, resource.reading))


def _headers(record: Record, name: str, *, negated: bool) -> list[Condition]:
    return [
        Condition(Attribute.HEADER, tuple(values), key.lower(), negated) for key, values in record.get(name, {}).items()
    ]


def _value(resource: Resource, record: Record, name: str, attribute: Attribute, value: object) -> str:
    text = str(value)
    if (problem := PROBLEMS.get(attribute, _fine)(text)) != "":
        resource.reading.error(record.at(name), record.under(name), f"{text!a} {problem}")
    if attribute is Attribute.SERVICE_ACCOUNT and "/" not in text:
        return f"{resource.namespace}/{text}"
    return text.removeprefix(SCHEME) if attribute is Attribute.PRINCIPAL else text


def _fine(text: str) -> str:
    return ""


def _star(text: str) -> str:
    inner = text[1:] if text.startswith("*") else text.removesuffix("*")
    return 'has "*" in the middle; a value is exact, "prefix*", "*suffix" or "*"' if "*" in inner else ""


def _host(text: str) -> str:
    if fault := _star(text):
        return fault
    try:
        canonical_value(text)
    except HostError as error:
        return f"is no host: {error}"
    return ""


def _sni(text: str) -> str:
    if fault := _host(text):
        return fault
    return "is more than a name, which is all that TLS tells" if ":" in canonical_value(text) else ""


def _method(text: str) -> str:
    return _star(text) or ("" if text == text.upper() else "is lower case, and methods are compared by case")


def _path(text: str) -> str:
    if "{" in text:
        return ""
    return _star(text) or ("" if text.startswith(("/", "*")) else "does not start with a slash")


def _account(text: str) -> str:
    return 'has "*"; service accounts are compared whole' if "*" in text else ""


PROBLEMS: dict[Attribute, Callable[[str], str]] = {
    Attribute.PRINCIPAL: _star,
    Attribute.NAMESPACE: _star,
    Attribute.SERVICE_ACCOUNT: _account,
    Attribute.HOST: _host,
    Attribute.METHOD: _method,
    Attribute.PATH: _path,
    Attribute.SNI: _sni,
    Attribute.REGION: _star,
}
"""What is wrong with a value, in words; empty where nothing is."""
