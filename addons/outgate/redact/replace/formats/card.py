"""Numbers of payment cards: length, network and separators stay, and the Luhn check holds.

Fakes begin as the test numbers of a network do.
"""

from __future__ import annotations

import re

from outgate.redact.replace.draws import Draws
from outgate.redact.replace.formats import DIGITS, laid

WRITTEN = re.compile(r"[0-9](?:[ -]?[0-9]){11,18}")
BETWEEN = re.compile(r"[ -]")
NETWORKS = (
    ("34", "371449"),
    ("37", "378282"),
    ("35", "353011"),
    ("36", "362272"),
    ("38", "385200"),
    ("3", "305693"),
    ("4", "411111"),
    ("5", "555555"),
    ("62", "620000"),
    ("6", "601111"),
    ("22", "222300"),
    ("23", "222300"),
    ("24", "222300"),
    ("25", "222300"),
    ("26", "222300"),
    ("27", "222300"),
)
"""How numbers of a network begin, and how its test numbers do."""


def read(text: str) -> str | None:
    if not WRITTEN.fullmatch(text):
        return None
    digits = BETWEEN.sub("", text)
    return digits if checksum(digits[:-1]) == digits[-1] else None


def make(value: str, draws: Draws) -> str:
    begin = network(value) or value[0]
    body = begin + draws.text(DIGITS, len(value) - 1 - len(begin))
    return body + checksum(body)


def write(text: str, fake: str) -> str:
    return laid(text, fake, DIGITS)


def network(digits: str) -> str:
    """How test numbers of the network begin; empty where no network has such numbers."""
    return next((test for prefix, test in NETWORKS if digits.startswith(prefix)), "")


def checksum(digits: str) -> str:
    """The digit that Luhn's check wants behind these."""
    doubled = [2 * int(each) for each in digits[-1::-2]]
    total = sum(map(int, digits[-2::-2])) + sum(each - 9 if each > 9 else each for each in doubled)
    return str(-total % 10)
