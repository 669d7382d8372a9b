"""JSON patches as whoever gets them applies them."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any


def applied(value: Any, operations: Iterable[dict[str, Any]]) -> Any:
    """By the letter: what is removed or replaced has to be there, and what is added to a list has a place in it."""
    value = {"": copy.deepcopy(value)}
    for each in operations:
        keys = [key.replace("~1", "/").replace("~0", "~") for key in each["path"].split("/")]
        owner = value
        for key in keys[:-1]:
            owner = owner[int(key)] if isinstance(owner, list) else owner[key]
        key = int(keys[-1]) if isinstance(owner, list) else keys[-1]
        if each["op"] == "add" and isinstance(owner, list):
            assert 0 <= key <= len(owner)
            owner.insert(key, each["value"])
        elif each["op"] == "remove":
            del owner[key]
        else:
            assert each["op"] == "add" or isinstance(owner, list) or key in owner
            owner[key] = each["value"]
    return value[""]
