"""What stands in the place of a value, for every strategy.

Owns the classes that values are of, so that equal ones join wherever they were found: what can hardly be anything but
an e-mail address is one, whatever rule took it. Knows no body: what has a place, and what of it is taken, is told.
"""

from __future__ import annotations

import re
from base64 import b32encode
from unicodedata import normalize

from outgate.policy.redaction_model import Format, Replacement, Strategy
from outgate.redact.replace.draws import Draws
from outgate.redact.replace.formats import date, jwt
from outgate.redact.replace.formats.look import MAKERS, PUNCTUATED, certain, likely
from outgate.redact.replace.keys import Keys
from outgate.redact.replace.rolls import Rolls

TOKEN = re.compile(r"tok_(?P<class>[a-z0-9-]{1,32})_[a-z2-7]{16}")
"""What needs no escape in a URL, a header, JSON, XML or CSV."""
NOT_IN_CLASS = re.compile(r"[^a-z0-9]+")
LONGEST = 65536
"""Characters of a text that is worth another of the same format; a longer one becomes a token."""
YEAR = 365
"""Dates are moved back by at most as many days: an export looks as if it had been made earlier."""


class Replacer:
    """The replacements of one export. Threads may share it."""

    __slots__ = ("_keys", "_rolls")

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._rolls = Rolls(keys)

    def replace(self, replacement: Replacement, class_: str, text: str, subject: str = "") -> str | None:
        """The text for a value of a class, such as a detector's name; None: it is to go. An empty one stays empty.

        All dates of one `subject` are moved by the same number of days.
        """
        match replacement.strategy:
            case Strategy.REMOVE:
                return None
            case Strategy.KEEP:
                return text
            case Strategy.CONSTANT:
                return replacement.text
            case Strategy.MASK:
                return _masked(text, replacement.keep)
        if not text:
            return text
        if replacement.strategy is Strategy.HASH:
            return self._keys.digest(*class_of(class_, text)).hex()
        if replacement.strategy is Strategy.TOKEN or len(text) > LONGEST:
            return self.token(class_, text)
        return self._another(replacement.format, class_, text, subject)

    def token(self, class_: str, text: str) -> str:
        """`tok_CLASS_` and 80 bits."""
        of, value = class_of(class_, text)
        shown = NOT_IN_CLASS.sub("-", of.lower())[:32].strip("-") or "value"
        return f"tok_{shown}_{b32encode(self._keys.digest(of, value)[:10]).decode().lower()}"

    def _another(self, wanted: Format, class_: str, text: str, subject: str) -> str:
        """As wanted, as the class is called, as it surely or as it likely looks: the first that the text has."""
        name = wanted or (class_ if class_ in (*PUNCTUATED, Format.DATE) else "") or certain(text)
        # Eight digits in a row may be any number.
        if name == Format.DATE or not (name or text.isdigit()):
            moved = self._moved(text, subject, epoch=name == Format.DATE)
            if moved is not None:
                return moved
        if (token := jwt.rewritten(text, self._claims(subject), self._opaque)) not in (None, text):
            return token
        for look in (lambda _: name, certain, likely):  # each asked for only where those before make nothing
            made = self._made(look(text), text)
            if made is not None:
                return made
        return self.token(class_, text)

    def _made(self, name: str, text: str) -> str | None:
        maker = MAKERS.get(name)
        value = maker.read(text) if maker is not None else None
        fake = self._rolls.another(name, maker, value) if maker is not None and value is not None else None
        return maker.write(text, fake) if maker is not None and fake is not None else None

    def _moved(self, text: str, subject: str, *, epoch: bool) -> str | None:
        days = -1 - Draws(self._keys.digest("subject", subject)).below(YEAR)
        moved = date.shifted(text, days)
        return date.shifted_epoch(text, days) if moved is None and epoch else moved

    def _opaque(self, text: str) -> str:
        return self._made("base64", text) or self._made("letters", text) or ""

    def _claims(self, subject: str) -> jwt.Claim:
        """Strings that have a certain format get another of it, and others a token of their name's class."""

        def claim(name: str, value: str | int | float) -> str | int | float:
            if isinstance(value, str):
                sure = certain(value)
                return self._another(Format.EMPTY, name, value, subject) if sure else self.token(name, value)
            text = str(value)
            moved = self._moved(text, subject, epoch=True) if name in jwt.TIMES else None
            made = moved or self._made("number", text) or text
            return float(made) if isinstance(value, float) else int(made)

        return claim


def class_of(class_: str, text: str) -> tuple[str, str]:
    """The class that a text is of, and its canonical form: that of its format where it has one, however found. A token
    of another export is of the class that it says."""
    if (token := TOKEN.fullmatch(text)) is not None:
        return token["class"], text
    name = certain(text)
    for each in (name, class_ if class_ in PUNCTUATED else ""):
        if each in MAKERS and (value := MAKERS[each].read(text)) is not None:
            return each, value
    return name or class_, text if text.isascii() else normalize("NFC", text)


def _masked(text: str, keep: int) -> str:
    """Stars for all but the end, and for that too where it is more than half."""
    kept = keep if 0 < 2 * keep <= len(text) else 0
    return "*" * (len(text) - kept) + text[len(text) - kept :]
