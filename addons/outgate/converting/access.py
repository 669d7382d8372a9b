"""Access policies as `EgressAccess`.

Owns the choice between a field of its own and a `when`, for every condition that a rule may have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_network

from outgate.converting.naming import Destinations, Names
from outgate.converting.values import Content, given, when
from outgate.converting.writing import Written, written
from outgate.policy.access_model import AccessLayer, AccessPolicy, AccessRule, Action, Attribute, Condition
from outgate.policy.addresses import as_routed
from outgate.policy.frontends.native.access import OPERATIONS, PROBLEMS, SOURCES
from outgate.policy.principals import SCHEME

OWN = "native"
FIELDS = {attribute: name for table in (SOURCES, OPERATIONS) for name, (attribute, _) in table.items()}


def documents(layers: tuple[AccessLayer, ...], destinations: Destinations, names: Names) -> Iterator[Written]:
    """Each mesh's as a layer of its own where there are several: they do not widen each other."""
    for layer in layers:
        mesh, _, named = layer.mesh.partition("/")
        name = (named if mesh == OWN else mesh) if len(layers) > 1 else ""
        for policy in layer.policies:
            targets = [one for target in policy.targets for one in destinations.targets(target)]
            if does_something(policy) and (targets or not policy.targets):  # else it is about nothing
                yield _document(policy, name, targets, names)


def does_something(policy: AccessPolicy) -> bool:
    """What denies or marks nothing in particular does so to nobody; what allows nothing is all the more."""
    return policy.action is Action.ALLOW or bool(policy.rules)


def _document(policy: AccessPolicy, layer: str, targets: list[str], names: Names) -> Written:
    source = policy.source
    spec: Content = {"action": str(policy.action)}
    spec |= given({"shadow": policy.shadow, "layer": layer, "destinations": targets})
    spec["rules"] = [_rule(rule) for rule in policy.rules]
    name = names.free("EgressAccess", source.namespace, source.name)
    return written("EgressAccess", source.namespace, name, spec, [source])


def _rule(rule: AccessRule) -> Content:
    """An empty group takes everything, as no group does."""
    made: Content = {}
    for name, groups, own in (("from", rule.sources, SOURCES), ("to", rule.operations, OPERATIONS)):
        if groups and all(groups):
            made[name] = [_group(group, [attribute for attribute, _ in own.values()]) for group in groups]
    return made | given({"when": when(rule.conditions)})


def _group(conditions: Iterable[Condition], own: list[Attribute]) -> Content:
    """Its fields in their usual order; what has none of its own comes last, as it came."""
    made: Content = {}
    rest: list[Condition] = []
    for each in sorted(conditions, key=lambda each: own.index(each.attribute) if each.attribute in own else len(own)):
        if each.attribute is Attribute.HEADER and Attribute.HOST in own and _put_header(each, made):
            continue
        name = _field(each) if each.attribute in own else ""
        if not name or name in made:
            rest.append(each)
        else:
            made[name] = [_value(each.attribute, value) for value in each.values]
    return made | given({"when": when(rest)})


def _put_header(condition: Condition, made: Content) -> bool:
    """Whether it has become one of the headers of a group."""
    name = "notHeaders" if condition.negated else "headers"
    if not all(condition.values) or condition.key in made.get(name, {}):
        return False
    made.setdefault(name, {})[condition.key] = list(condition.values)
    return True


def _field(condition: Condition) -> str:
    """The name of the field that says it; empty where its values are none that the field may have."""
    fine = all(_fits(condition.attribute, value) for value in condition.values)
    name = FIELDS[condition.attribute]
    return "" if not fine or not condition.values else f"not{name[0].upper()}{name[1:]}" if condition.negated else name


def _fits(attribute: Attribute, value: str) -> bool:
    if not value or (attribute is Attribute.SERVICE_ACCOUNT and "/" not in value):
        return False
    if attribute is Attribute.PORT:
        return value.isascii() and value.isdigit() and 1 <= int(value) <= 65535
    return attribute not in PROBLEMS or PROBLEMS[attribute](value) == ""


def _value(attribute: Attribute, value: str) -> str | int:
    if attribute is Attribute.PORT:
        return int(value)
    if attribute is Attribute.SOURCE_IP:
        return str(as_routed(ip_network(value, strict=False)))
    return value.removeprefix(SCHEME) if attribute is Attribute.PRINCIPAL else value
