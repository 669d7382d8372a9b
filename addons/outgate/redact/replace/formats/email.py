"""E-mail addresses: another mailbox in a domain that nobody can have."""

from __future__ import annotations

import re

from outgate.redact.replace.draws import Draws

WRITTEN = re.compile(r"[^\s@<>\"(),:;\\\[\]]{1,64}@[^\s@<>\"(),:;\\\[\]/?#]{1,250}\.[^\s@<>\"(),:;\\\[\]/?#.]{2,63}")
LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
DOMAINS = ("example.com", "example.org", "example.net")


def read(text: str) -> str | None:
    return text.lower() if WRITTEN.fullmatch(text) else None


def make(value: str, draws: Draws) -> str:
    return f"u_{draws.text(LETTERS, 10)}@{DOMAINS[draws.below(len(DOMAINS))]}"


def write(text: str, fake: str) -> str:
    return fake
