"""Base64: length, padding and alphabet stay, and strict decoders take it.

A text without any of `+/-_` gets none either: which of the two alphabets it has is not told.
"""

from __future__ import annotations

import re
from string import ascii_lowercase, ascii_uppercase

from outgate.redact.replace.draws import Draws
from outgate.redact.replace.formats import DIGITS

PLAIN = ascii_uppercase + ascii_lowercase + DIGITS
WRITTEN = re.compile(r"(?P<value>[A-Za-z0-9+/]+|[A-Za-z0-9_-]+)(?P<padding>={0,2})")
LEAST = 20
"""Characters below which a text may be a name."""
UNUSED = {2: 16, 3: 4}
"""By how many characters the last group has: what the value of the last one is a multiple of."""


def read(text: str) -> str | None:
    found = WRITTEN.fullmatch(text)
    if found is None or len(found["value"]) % 4 == 1:
        return None
    if found["padding"] and len(text) % 4:
        return None
    return found["value"].replace("+", "-").replace("/", "_")


def make(value: str, draws: Draws) -> str:
    alphabet = PLAIN + ("-_" if "-" in value or "_" in value else "")
    last = alphabet[:: UNUSED.get(len(value) % 4, 1)]
    return draws.text(alphabet, len(value) - 1) + draws.text(last, 1)


def write(text: str, fake: str) -> str:
    padding = "=" * text.count("=")
    made = fake.replace("-", "+").replace("_", "/") if "+" in text or "/" in text else fake
    return made + padding


def certain(text: str) -> bool:
    """Whether it is hardly anything else: long, with capitals, small letters and digits in it."""
    if len(text) < LEAST or read(text) is None:
        return False
    return all(any(test(each) for each in text) for test in (str.isupper, str.islower, str.isdigit))
