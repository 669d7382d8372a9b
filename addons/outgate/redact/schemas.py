"""Objects that say what a value is like and do not hold it: `"password": {"type": "string", "format": "password"}`.

Owns how such an object is known, and which of its members speak about the value. What an example or a default says may
be the value itself.
"""

from __future__ import annotations

from collections.abc import Iterable

from outgate.redact.leaf import Found, Leaf

TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
ABOUT = frozenset({"type", "format", "title", "description", "pattern", "contentEncoding", "$comment"})


class Schemas:
    """Of one document."""

    def __init__(self, found: Iterable[Found]) -> None:
        self._at = {
            each.path[:-1] for each in found if each.name == "type" and type(each) is Leaf and each.text in TYPES
        }

    def describe(self, found: Found) -> bool:
        """Whether it is what a schema says about a value."""
        return found.name in ABOUT and found.path[:-1] in self._at
