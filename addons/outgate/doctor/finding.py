"""What a check came to. Owns the three outcomes and how one is said; knows no check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """NOTE: nothing is wrong, but something that could be used here cannot, or nobody can tell from here."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. What is wrong always has a fix."""

    check: str
    outcome: Outcome
    what: str
    fix: str = ""


def ok(check: str, what: str) -> Finding:
    return Finding(check, Outcome.OK, what)


def note(check: str, what: str, fix: str = "") -> Finding:
    return Finding(check, Outcome.NOTE, what, fix)


def wrong(check: str, what: str, fix: str) -> Finding:
    return Finding(check, Outcome.WRONG, what, fix)
