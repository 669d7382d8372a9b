"""Who asks, as Kuma names it: tags of the caller's proxy, or its identity.

Owns the translation into conditions. A caller's tags are its labels; two of them are what else is known of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from outgate.policy.access_model import Attribute, Condition
from outgate.policy.frontends.kuma.entries import SPIFFE
from outgate.policy.frontends.kuma.target import SERVICE
from outgate.policy.schema import Record

type Caller = tuple[Condition, ...]
"""All of it must hold; nothing is everybody."""

type Part[Told] = tuple[Caller, tuple[Told, ...]]
"""Some callers, and what is said of them."""

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


def apart[Told](said: Iterable[tuple[Caller, Told]], replaces: Callable[[Told, Told], bool]) -> list[Part[Told]]:
    """Everybody, in parts of which no two hold the same caller, each with what is said of it in the order given,
    without what something later `replaces`. Raises `TooManyError`."""
    parts: list[Part[Told]] = [(EVERYBODY, ())]
    for caller, what in said:
        meant = [
            (both, (*(each for each in told if not replaces(what, each)), what))
            for part, told in parts
            if not _contradicts(both := (*part, *caller))
        ]
        if len({told for _, told in meant}) == 1:
            meant = [(caller, meant[0][1])]
        parts = [*meant, *((rest, told) for part, told in parts for rest in _but_not(part, caller))]
        if len(parts) > MOST:
            raise TooManyError
    return parts


def _but_not(caller: Caller, other: Caller) -> Iterator[Caller]:
    for rest in _others(other):
        if not _contradicts(found := (*caller, *(each for each in rest if each not in caller))):
            yield found


def _others(caller: Caller) -> list[Caller]:
    """Everybody else, cut up by the first condition that does not hold."""
    return [(*caller[:index], _negated(condition)) for index, condition in enumerate(caller)]


def _negated(condition: Condition) -> Condition:
    return Condition(condition.attribute, condition.values, condition.key, not condition.negated)


def _contradicts(caller: Caller) -> bool:
    """Whether nobody is such a caller: something both holds and does not, or a tag has two values."""
    tags: dict[tuple[Attribute, str], tuple[str, ...]] = {}
    for each in caller:
        other = each.negated or each.attribute is Attribute.PRINCIPAL
        if _negated(each) in caller or (
            not other and tags.setdefault((each.attribute, each.key), each.values) != each.values
        ):
            return True
    return False
