"""Telephone numbers: country code, length and punctuation stay.

Fakes are numbers that nobody has where a country keeps some for films and books; else one more digit stays, by which
countries tell mobile numbers from others.
"""

from __future__ import annotations

import re

from outgate.redact.replace.draws import Draws
from outgate.redact.replace.formats import DIGITS, laid

WRITTEN = re.compile(r"\+?[0-9(][0-9 ().\-/]{5,24}[0-9]")
NOT_DIGITS = re.compile(r"[^0-9]")
AMERICAN = re.compile(r"(?:1[ .-]?)?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .-]?)[2-9][0-9]{2}[ .-]?[0-9]{4}")
"""As numbers of the United States and Canada are written at home."""
COUNTRY = re.compile(r"[17]|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[0-9]{3}")
FICTIONAL = {
    ("1", 10): ("A55501dd",),
    ("33", 9): ("19900dddd", "26191dddd", "35301dddd", "46571dddd", "53649dddd", "63998dddd"),
    ("44", 10): ("2079460ddd", "1632960ddd", "7700900ddd", "8081570ddd", "9098790ddd"),
    ("49", 10): ("3023125ddd", "6990009ddd", "4066969ddd", "2214710ddd", "8999998ddd"),
    ("61", 9): ("25550dddd", "35550dddd", "75550dddd", "85550dddd"),
}
"""By country code and length of the rest, numbers that are given to nobody. `A`: an American area; `d`: a digit."""


def read(text: str) -> str | None:
    """All digits; behind `+` where the country is told."""
    digits = NOT_DIGITS.sub("", text)
    if not WRITTEN.fullmatch(text) or not 7 <= len(digits) <= 15:
        return None
    if text.startswith("+"):
        return f"+{digits}"
    if digits.startswith("00") and len(digits) > 9:
        return f"+{digits[2:]}"
    return f"+1{digits[-10:]}" if AMERICAN.fullmatch(text) else digits


def make(value: str, draws: Draws) -> str:
    if not value.startswith("+"):
        kept = len(value) - len(value.lstrip("0")) + 1
        return value[:kept] + draws.text(DIGITS, len(value) - kept)
    code = _country(value[1:])
    national = value[1 + len(code) :]
    patterns = FICTIONAL.get((code, len(national)), (national[:1] + "d" * (len(national) - 1),))
    return f"+{code}" + "".join([_filled(each, draws) for each in patterns[draws.below(len(patterns))]])


def write(text: str, fake: str) -> str:
    digits = fake.removeprefix("+")
    if not text.startswith("+") and NOT_DIGITS.sub("", text).startswith("00"):
        digits = f"00{digits}"
    return laid(text, digits[-len(NOT_DIGITS.sub("", text)) :], DIGITS)


def certain(text: str) -> bool:
    """Whether it is hardly anything else: its country is told, or it is punctuated as Americans do."""
    return text.startswith("+") or (AMERICAN.fullmatch(text) is not None and not text.isdigit())


def _country(digits: str) -> str:
    found = COUNTRY.match(digits)
    return found[0] if found is not None else ""


def _filled(place: str, draws: Draws) -> str:
    if place == "A":
        return draws.text("23456789", 1) + draws.text("02345678", 1) + draws.text(DIGITS, 1)
    return draws.text(DIGITS, 1) if place == "d" else place
