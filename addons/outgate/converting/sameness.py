"""Whether two policies decide alike: what is compared of each, and where they differ.

Owns what makes no difference: where something is written, what it is called, and the order of what has none. A
conversion is proved by this, policy by policy, and not by trust in whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from ipaddress import ip_network
from typing import Any

from outgate.converting.access import does_something
from outgate.converting.destinations import effective, reached
from outgate.policy.access_model import AccessLayer, AccessPolicy, AccessRule, Attribute, Condition
from outgate.policy.addresses import as_routed
from outgate.policy.model import Destination, Port, Source
from outgate.policy.principals import SCHEME
from outgate.policy.route_model import Backend, NamedMatch, Route, Unmatched
from outgate.policy.snapshot import Policy

UNTOLD = frozenset({"source", "mode_source", "extra"})
ADDRESSES = frozenset({Attribute.SOURCE_IP, Attribute.REMOTE_IP, Attribute.DESTINATION_IP})

type Difference = tuple[Source | None, str]
"""What is not the same: the source of the first policy's, and the field."""


def differences(policy: Policy, other: Policy, *, telemetry: bool) -> Iterator[Difference]:
    """What `other` does not say as `policy` does. `telemetry`: that is compared, too."""
    yield from _of_fields(policy.defaults, other.defaults, policy.defaults.mode_source)
    if _plain(policy.scopes) != _plain(other.scopes):
        yield next((each.source for each in policy.scopes), None), "scopes"
    yield from _of_destinations(policy, other)
    yield from _of_access(policy, other)
    for name in ("telemetry", "keeping") if telemetry else ("keeping",):
        if _plain(getattr(policy, name)) != _plain(getattr(other, name)):
            yield None, name


def _of_fields(said: Any, other: Any, source: Source | None) -> Iterator[Difference]:
    for field in fields(said):
        if field.name not in UNTOLD and _plain(getattr(said, field.name)) != _plain(getattr(other, field.name)):
            yield source, field.name


def _of_destinations(policy: Policy, other: Policy) -> Iterator[Difference]:
    if len(policy.destinations) != len(other.destinations):
        yield None, f"{len(policy.destinations)} destinations, of which {len(other.destinations)} are left"
        return
    keys, others = _Keys(policy.destinations), _Keys(other.destinations)
    for said, there in zip(policy.destinations, other.destinations, strict=True):
        yield from _of_fields(_bare(said), _bare(there), said.source)
        if len(said.ports) != len(there.ports):
            yield said.source, "ports"
            continue
        for port, port_there in zip(said.ports, there.ports, strict=True):
            yield from _of_fields(_settled(port, keys), _settled(port_there, others), port.source or said.source)


def _bare(said: Destination) -> Destination:
    """Without its names and its ports, which are compared one by one."""
    return replace(said, key="", name="", ports=())


class _Keys:
    """Keys of backends by the place of their destination, which both policies have."""

    def __init__(self, destinations: tuple[Destination, ...]) -> None:
        self._places = {each.key: place for place, each in enumerate(destinations)}

    def same(self, backend: Backend) -> Backend:
        own, _, subset = backend.key.partition("|")
        return replace(backend, key=f"{self._places.get(own, own)}|{subset}")


def _settled(port: Port, keys: _Keys) -> Port:
    """With what has an effect on it, and nothing else."""
    return replace(
        effective(port),
        routes=tuple(_routed(each, keys) for each in reached(port.routes)),
        unmatched=(port.unmatched or Unmatched.FORWARD) if port.routes else None,
    )


def _routed(route: Route, keys: _Keys) -> Route:
    return replace(
        route,
        backends=tuple(map(keys.same, route.backends)),
        mirrors=tuple(replace(each, backend=keys.same(each.backend)) for each in route.mirrors),
        limits=tuple(replace(each, by=tuple(sorted(each.by, key=repr))) for each in route.limits),
    )


def _of_access(policy: Policy, other: Policy) -> Iterator[Difference]:
    said, there = _layers(policy), _layers(other)
    if len(said) != len(there):
        yield next((each.source for layer in policy.access for each in layer.policies), None), "layers"
        return
    for ours, theirs in zip(said, there, strict=True):
        for (policy_of, one), (_, another) in zip(ours, theirs, strict=False):
            if one != another:
                yield policy_of.source, "rules"
        if len(ours) != len(theirs):
            yield ours[0][0].source, "policies"


def _layers(policy: Policy) -> list[list[tuple[AccessPolicy, object]]]:
    """The policies of each layer that are about something, and what is compared of them."""
    places: dict[str, list[int]] = {}
    for place, each in enumerate(policy.destinations):
        source = each.source
        places.setdefault(f"{source.kind}/{source.namespace}/{source.name}", []).append(place)
    made = [list(_effective(layer, places.__getitem__, places.__contains__)) for layer in policy.access]
    return [layer for layer in made if layer]


def _effective(
    layer: AccessLayer, places: Callable[[str], list[int]], known: Callable[[str], bool]
) -> Iterator[tuple[AccessPolicy, object]]:
    for each in layer.policies:
        targets = {place for target in each.targets if known(target) for place in places(target)}
        if does_something(each) and (targets or not each.targets):
            yield each, (each.action, each.shadow, targets, [_rule(rule) for rule in each.rules])


def _rule(rule: AccessRule) -> object:
    """Groups and the conditions in them have no order; a group without any takes everything."""
    groups = [(set(map(_group, each)) if each and all(each) else set()) for each in (rule.sources, rule.operations)]
    return groups, _group(rule.conditions)


def _group(conditions: tuple[Condition, ...]) -> frozenset[Condition]:
    return frozenset(replace(each, values=tuple(_value(each, value) for value in each.values)) for each in conditions)


def _value(condition: Condition, value: str) -> str:
    if condition.attribute in ADDRESSES:
        return str(as_routed(ip_network(value, strict=False)))
    return value.removeprefix(SCHEME) if condition.attribute is Attribute.PRINCIPAL else value


def _plain(value: Any) -> Any:
    """Comparable, without places; labels, tests of headers and the caller's conditions have no order."""
    if isinstance(value, float):
        return round(value, 9)
    if isinstance(value, Condition):
        return _group((value,))
    if is_dataclass(value):
        told = {field.name: _plain(getattr(value, field.name)) for field in fields(value) if field.name not in UNTOLD}
        if "labels" in told:
            told["labels"] = sorted(told["labels"])
        for name in ("headers", "queries"):
            if name in told and all(isinstance(each, NamedMatch) for each in getattr(value, name)):
                told[name] = sorted(told[name], key=repr)
        if isinstance(told.get("caller"), list):
            told["caller"] = set(told["caller"])
        return told
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value
