"""Who asks, as Kuma names it: tags of the caller's proxy, or its identity.

Owns the translation into conditions. A caller's tags are its labels; two of them are what else is known of it.
"""

from __future__ import annotations

from collections.abc import Iterable

from outgate.policy.access_model import Attribute, Condition
from outgate.policy.frontends.kuma.entries import SPIFFE
from outgate.policy.frontends.kuma.target import SERVICE
from outgate.policy.schema import Record

type Caller = tuple[Condition, ...]
"""All of it must hold; nothing is everybody."""

KNOWN = {"k8s.kuma.io/namespace": Attribute.NAMESPACE, "k8s.kuma.io/service-account": Attribute.SERVICE_ACCOUNT}
EVERYBODY: Caller = ()
MOST = 256
"""Of callers that one policy tells apart in the end."""


class TooManyError(ValueError):
    """Selectors overlap in more ways than are told apart."""


def of_target(target: Record | None) -> Caller:
    """Who a reference in `from` means."""
    if target is None or target.get("kind") == "Mesh":
        return EVERYBODY
    tags: dict[str, str] = dict(target.get("tags", {}))
    if target.get("kind") in ("MeshService", "MeshServiceSubset") and target.get("name"):
        tags[SERVICE] = target.get("name")
    return tuple(_of_tag(name, value) for name, value in sorted(tags.items()) if value != "*")


def _of_tag(name: str, value: str) -> Condition:
    if (attribute := KNOWN.get(name)) is not None:
        return Condition(attribute, (value,))
    return Condition(Attribute.SOURCE_LABEL, (value,), key=name)


def of_identity(record: Record | None) -> Caller:
    """Who a `spiffeID` means."""
    if record is None:
        return EVERYBODY
    value = record.get("value").removeprefix(SPIFFE)
    return (Condition(Attribute.PRINCIPAL, (value + "*" if record.get("type") == "Prefix" else value,)),)


def but_not(caller: Caller, others: Iterable[Caller]) -> list[Caller]:
    """The caller without some others, as callers of which no two are the same one. Raises `TooManyError`."""
    parts = [caller]
    for other in dict.fromkeys(others):
        parts = [(*part, *rest) for part in parts for rest in _others(other)]
        parts = [part for part in parts if not _contradicts(part)]
        if len(parts) > MOST:
            raise TooManyError
    return parts


def _others(caller: Caller) -> list[Caller]:
    """Everybody else, cut up by the first condition that does not hold."""
    return [(*caller[:index], _negated(condition)) for index, condition in enumerate(caller)]


def _negated(condition: Condition) -> Condition:
    return Condition(condition.attribute, condition.values, condition.key, not condition.negated)


def _contradicts(caller: Caller) -> bool:
    return any(_negated(condition) in caller for condition in caller)
