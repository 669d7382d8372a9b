"""What a body means, as values by their path. Two bodies mean the same if all of their values are equal.

Owns these shapes. How a body is read is `bodies`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from outgate.redact.leaf import Path


class Value(NamedTuple):
    """`content` can be compared: text, a number, bytes, or several of them in a tuple."""

    name: str
    """What it is called: the nearest key, in lower case."""
    kind: str
    content: object


type Values = Mapping[Path, Value]


class Meaning(NamedTuple):
    """`values` have to be equal; `hints` speak for one of several that are."""

    form: str
    """How it was read: `json`, `form`, `bytes`."""
    values: Values
    hints: Values = MappingProxyType({})


class Unread(ValueError):
    """A body that is not of the format that it was read as."""
