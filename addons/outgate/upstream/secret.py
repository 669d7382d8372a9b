"""A value that must never be seen: it prints as `[redacted]`.

Owns the type, and the one way to the bytes inside. Knows nothing of where secrets come from.
"""

from __future__ import annotations

from typing import NoReturn

SHOWN = "[redacted]"


class Secret:
    """Bytes that are printed, formatted, logged and compared without being shown. `reveal` is the only way in."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        return self._value

    def __repr__(self) -> str:
        return SHOWN

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(SHOWN, spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is never serialised; reveal it where it is used")
