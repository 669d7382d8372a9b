"""Several confs as one: what comes later wins, field by field.

Owns the merge, which is that of JSON (RFC 7396) with Kuma's one exception: lists whose name begins with `append` are
joined, all others replaced.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any

from outgate.policy.schema import Record

JOINED = "append"


def merged(confs: Iterable[Record]) -> Record | None:
    """The confs in their order as one; None where there is none."""
    found = list(confs)
    return reduce(_over, found) if found else None


def covers(high: Record, low: Record) -> bool:
    """Whether nothing of a conf is left where another is merged over it."""
    return all(name in high.values and _covers(name, high.values[name], low.values[name]) for name in low.values)


def _covers(name: str, high: Any, low: Any) -> bool:
    if isinstance(low, Record) and isinstance(high, Record):
        return covers(high, low)
    return not (name.startswith(JOINED) and isinstance(low, list) and isinstance(high, list))


def _over(low: Record, high: Record) -> Record:
    values: dict[str, Any] = {**low.values}
    for name, value in high.values.items():
        values[name] = _value(name, values.get(name), value)
    return Record(high.where, high.path, values, {**low.places, **high.places})


def _value(name: str, low: Any, high: Any) -> Any:
    if isinstance(low, Record) and isinstance(high, Record):
        return _over(low, high)
    if name.startswith(JOINED) and isinstance(low, list) and isinstance(high, list):
        return [*low, *high]
    return high
