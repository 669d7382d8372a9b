"""Hexadecimal digits: their number, what stands between and before them, and whether they are capitals stay."""

from __future__ import annotations

import re

from outgate.redact.replace.draws import Draws

HEX = "0123456789abcdef"
WRITTEN = re.compile(r"(?P<before>0x|)(?P<value>[0-9a-f]+(?:[: -][0-9a-f]+)*)", re.IGNORECASE | re.ASCII)
BETWEEN = re.compile(r"[: -]")
LEAST = 12
"""Digits below which a text may be a word or a number."""


def read(text: str) -> str | None:
    found = WRITTEN.fullmatch(text)
    return BETWEEN.sub("", found["value"]).lower() if found is not None else None


def make(value: str, draws: Draws) -> str:
    return draws.text(HEX, len(value))


def write(text: str, fake: str) -> str:
    found = WRITTEN.fullmatch(text)
    if found is None:
        return fake
    following = iter(fake.upper() if found["value"].isupper() else fake)
    return found["before"] + "".join([each if each in ": -" else next(following) for each in found["value"]])


def certain(text: str) -> bool:
    """Whether it is hardly anything else."""
    value = read(text)
    return value is not None and len(value) >= LEAST and not value.isdigit() and not value.isalpha()
