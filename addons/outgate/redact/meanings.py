"""What a value is, by the names on the way to it: a name in a customer is a customer's, a type of routing is no bank's.

Owns which names say too little by themselves, and which values under a name of personal data are none. Knows no rules.
"""

from __future__ import annotations

from functools import lru_cache

from outgate.redact.detect.names import classify
from outgate.redact.detect.plausible import IDENTIFIED, can_be, can_be_inside, is_masked, is_version
from outgate.redact.detect.randomness import random
from outgate.redact.detect.vocabulary import PERSONAL, SECRETS
from outgate.redact.leaf import Path

COORDINATES = frozenset(("lat", "lng", "lon", "long", "latitude", "longitude"))
GENERAL = COORDINATES | {
    *("name", "nm", "nome", "nombre", "nom", "naam", "namn", "navn", "given", "family", "first", "middle", "last"),
    *("number", "no", "numero", "date", "id", "line", "line1", "line2", "line_1", "line_2", "firstline", "secondline"),
    *("display", "ip"),
}
"""Names that say what they mean together with that of what they are in."""
PACKAGES = frozenset(("token", "session", "passport"))
"""What packages are called after that a document lists with their versions."""
TYPED = frozenset(("password", "security-code"))
LONGEST = max(map(len, GENERAL))


def together(name: str, path: Path) -> str:
    """The name with that of what it is in, where both together say what is somebody's; else empty."""
    if len(name) > LONGEST or name.lower() not in GENERAL:
        return ""
    steps = [step for step in path if type(step) is str]
    around = steps[-2] if len(steps) > 1 else ""
    if not around or (name.lower() == "id" and is_personal(around)):  # what has an address has an id of its own
        return ""
    return said if is_personal(said := f"{around} {name}") else ""


@lru_cache(8192)
def is_personal(name: str) -> bool:
    return classify(name) in PERSONAL


def is_other(name: str, text: str) -> bool:
    """It cannot be what its name says."""
    meaning = classify(name)
    return is_masked(text) or (meaning in PACKAGES and is_version(text)) or not can_be(meaning, text)


def is_foreign(path: Path, name: str, text: str) -> bool:
    """It is in an object whose name may mean something else, and does not look like what it means by itself; or it is
    about that object: its type, when it was created. So for all that it is in."""
    doubts = [
        not can_be_inside(step, meaning, text) or _is_about(step, meaning, name, text)
        for step in path[:-1]
        if type(step) is str and (meaning := classify(step))
    ]
    return is_masked(text) or (bool(doubts) and all(doubts))


def _is_about(around: str, meaning: str, name: str, text: str) -> bool:
    """As of a token its scope; of what people type nothing is. What is drawn is a secret all the same, and under an
    `id` or a `name` may be what somebody has or is called."""
    if meaning in TYPED or classify(f"{around} {name}"):
        return False
    if meaning in SECRETS:
        return not random(text)
    return name.lower() not in ("name", "month", "year", "day") and (name.lower() != "id" or meaning not in IDENTIFIED)
