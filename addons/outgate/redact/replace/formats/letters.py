"""Any text: letters become letters of the same case, digits digits, and everything else stays."""

from __future__ import annotations

from string import ascii_lowercase, ascii_uppercase

from outgate.redact.replace.draws import Draws
from outgate.redact.replace.formats import DIGITS


def read(text: str) -> str | None:
    return text


def make(value: str, draws: Draws) -> str:
    return "".join([_another(each, draws) for each in value])


def write(text: str, fake: str) -> str:
    return fake


def _another(character: str, draws: Draws) -> str:
    if character.isupper():
        return draws.text(ascii_uppercase, 1)
    if character.isalpha():
        return draws.text(ascii_lowercase, 1)
    return draws.text(DIGITS, 1) if character.isnumeric() else character
