"""Which objects are about somebody: those with a surname, a mail address or a date of birth in them.

Owns what makes an object one, and which names in it are then somebody's: `name`, `username`.
"""

from __future__ import annotations

from collections.abc import Iterable

from outgate.redact.detect.names import classify
from outgate.redact.detect.plausible import is_full_name
from outgate.redact.leaf import Found, Kind, Leaf, Path, object_of

TELLING = frozenset(("name", "email", "phone", "birth-date", "national-id", "ssn", "passport", "health-id", "tax-id"))
"""Classes of what people have."""
NAMES = frozenset(
    ("name", "nm", "nome", "nombre", "nom", "naam", "namn", "navn", "nume", "ime", "imie", "jmeno", "nev", "nimi")
)
PARTS = frozenset(("given", "family", "first", "last"))
USERS = frozenset(
    (
        *("username", "user_name", "nickname", "screen_name", "screenname", "preferred_username"),
        *("display_name", "displayname"),
    )
)
ALONE = NAMES | PARTS | USERS
PERSON = "person name"
"""What such a value is called."""


class Persons:
    """Of one document."""

    def __init__(self, found: Iterable[Found]) -> None:
        self._told: dict[Path, set[str]] = {}
        for each in found:
            if not isinstance(each, Leaf) or each.kind is not Kind.STRING:
                continue  # whoever does not look at all has not seen it
            for at, step in enumerate(each.path):
                if type(step) is str and (meaning := classify(step)) in TELLING:
                    self._told.setdefault(each.path[:at], set()).add(meaning)

    def have(self, found: Leaf) -> bool:
        """Whether it is what a person is called. Beside a surname any name is; beside what firms have, too, one in
        full."""
        name = found.name.lower()
        if name not in ALONE or not (told := self._told.get(object_of(found.path))):
            return False
        return name in USERS or name in PARTS or "name" in told or is_full_name(found.text)
