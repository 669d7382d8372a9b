"""Fakes that no other value has, as far as there are enough of them.

Owns which value a fake was given to, for the lifetime of an export. What is given stays given, so that a value has the
same fake whenever it comes. Only short fakes are noted: of long ones no two are alike. When there is no more room,
values that come first may share one.
"""

from __future__ import annotations

from outgate.redact.replace.draws import Draws
from outgate.redact.replace.formats import Maker
from outgate.redact.replace.keys import Keys

LONG = 20
"""Characters of a fake that are never alike."""
MOST = 200_000
"""Fakes that are noted."""
TRIES = 64
"""Fakes that are looked at for one value, before one is shared."""


class Rolls:
    """The fakes of one export."""

    __slots__ = ("_keys", "_owners")

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._owners: dict[tuple[str, str], bytes] = {}

    def another(self, name: str, maker: Maker, value: str) -> str | None:
        """The fake of a value, in the form of the format. None: nothing in it could be another."""
        mine = self._keys.digest(name, value)[:8]
        shared = None
        for number in range(TRIES):
            fake = maker.make(value, Draws(self._keys.digest(f"{name} {number}" if number else name, value)))
            if fake == value:
                continue
            if len(fake) >= LONG or self._taken(name, fake, mine):
                return fake
            shared = shared or fake
        return shared

    def _taken(self, name: str, fake: str, mine: bytes) -> bool:
        """Whether the fake is this value's, or is so from now on."""
        key = name, fake
        full = len(self._owners) >= MOST
        return (self._owners.get(key, mine) if full else self._owners.setdefault(key, mine)) == mine
