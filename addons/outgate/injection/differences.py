"""From one manifest to another: which items of a list are the same, and the changes as a JSON patch (RFC 6902).

Owns what makes two items one. Knows no field of any manifest but names, kinds and `mountPath`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

type Operation = dict[str, Any]


def patch(before: Any, after: Any, path: str = "") -> Iterator[Operation]:
    """The operations that make `after` of `before`, in the order in which they are applied."""
    if before is after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _mapping(before, after, path)
    elif isinstance(before, list) and isinstance(after, list) and (kept := common(before, after)) is not None:
        yield from _sequence(before, after, kept, path)
    elif not same(before, after):
        yield {"op": "replace", "path": path, "value": after}


def _mapping(before: dict[str, Any], after: dict[str, Any], path: str) -> Iterator[Operation]:
    for key in before:
        if key not in after:
            yield {"op": "remove", "path": f"{path}/{_token(key)}"}
    for key, value in after.items():
        if key in before:
            yield from patch(before[key], value, f"{path}/{_token(key)}")
        else:
            yield {"op": "add", "path": f"{path}/{_token(key)}", "value": value}


def _sequence(before: list[Any], after: list[Any], kept: dict[int, int], path: str) -> Iterator[Operation]:
    """What goes, from the end, so that no place moves before its turn; then what comes, from the beginning."""
    staying = {old: new for new, old in kept.items()}
    for index in reversed(range(len(before))):
        if index not in staying:
            yield {"op": "remove", "path": f"{path}/{index}"}
    for index, value in enumerate(after):
        if index in kept:
            yield from patch(before[kept[index]], value, f"{path}/{index}")
        else:
            yield {"op": "add", "path": f"{path}/{index}", "value": value}


def common(before: Sequence[Any], after: Sequence[Any]) -> dict[int, int] | None:
    """Which item of `before` each item of `after` is, by their places; None where that is not plain, or they moved.
    Where names do not tell and there are as many, place is all there is."""
    old, new = [_identity(item) for item in before], [_identity(item) for item in after]
    if len(set(old)) < len(old) or len(set(new)) < len(new):
        return {place: place for place in range(len(new))} if len(old) == len(new) else None
    places = {identity: place for place, identity in enumerate(old)}
    kept = {place: places[identity] for place, identity in enumerate(new) if identity in places}
    return kept if list(kept.values()) == sorted(kept.values()) else None


def _identity(item: Any) -> tuple[str, ...]:
    if not isinstance(item, dict):
        return "plain", json.dumps(item, sort_keys=True, default=str)
    metadata = item.get("metadata")
    if "kind" in item and isinstance(metadata, dict):
        return "object", str(item["kind"]), str(metadata.get("namespace")), str(metadata.get("name"))
    if isinstance(item.get("name"), str):
        return "named", item["name"], str(item.get("mountPath", ""))
    return "plain", json.dumps(item, sort_keys=True, default=str)


def same(one: Any, other: Any) -> bool:
    """Equal, and of one kind: true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


def _token(key: str) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")
