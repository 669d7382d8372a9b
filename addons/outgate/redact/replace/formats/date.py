"""Dates and times: moved by whole days, in the notation that they have.

Only what can be read in one way is one: `03/04/2026` is not. Seconds since the epoch are dates to those who say so.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
CLOCK = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,12})?)?"
ISO = re.compile(
    r"(?P<year>[0-9]{4})(?P<first>[-/.]?)(?P<month>[0-9]{2})(?P<second>[-/.]?)(?P<day>[0-9]{2})"
    rf"(?P<rest>(?:[Tt ]{CLOCK}|T[0-9]{{4,6}}(?:\.[0-9]{{1,12}})?)?(?: ?(?:Z|z|UTC|GMT|[+-][0-9]{{2}}:?[0-9]{{2}}))?)"
)
"""ISO 8601 in its long and short forms, and what people write in the same order."""
GERMAN = re.compile(rf"(?P<day>[0-9]{{2}})\.(?P<month>[0-9]{{2}})\.(?P<year>[0-9]{{4}})(?P<rest>(?:,? {CLOCK})?)")
MAIL = re.compile(
    rf"(?:(?P<weekday>{'|'.join(DAYS)})(?P<comma>,? ))?"
    rf"(?P<day>[0-9]{{1,2}})(?P<first>[ -])(?P<month>{'|'.join(MONTHS)})(?P<second>[ -])(?P<year>[0-9]{{4}})"
    rf"(?P<rest> {CLOCK}(?: (?:[A-Z]{{1,4}}|[+-][0-9]{{4}}))?)"
)
"""RFC 5322, and cookies'."""
EPOCH = re.compile(r"(?P<seconds>[0-9]{9,10})(?P<rest>[0-9]{3}|[0-9]{6}|[0-9]{9}|)(?P<fraction>\.[0-9]+|)")
DAY = 24 * 60 * 60


def shifted(text: str, days: int) -> str | None:
    """The date that many days later; None where it is none, or would be none."""
    for pattern, write in ((ISO, _iso), (GERMAN, _german), (MAIL, _mail)):
        if (found := pattern.fullmatch(text)) is not None and (day := _day(found)) is not None:
            try:
                return write(found, day + timedelta(days))
            except OverflowError:
                return None
    return None


def shifted_epoch(text: str, days: int) -> str | None:
    """The same of seconds, milliseconds, microseconds or nanoseconds since 1970, as long as it stays as long."""
    found = EPOCH.fullmatch(text)
    if found is None:
        return None
    seconds = str(int(found["seconds"]) + days * DAY)
    return f"{seconds}{found['rest']}{found['fraction']}" if len(seconds) == len(found["seconds"]) else None


def _day(found: re.Match[str]) -> date | None:
    parts = found.groupdict()
    if parts.get("first") != parts.get("second"):
        return None
    month = parts["month"]
    try:
        number = MONTHS.index(month) + 1 if month in MONTHS else int(month)
        return date(int(parts["year"]), number, int(parts["day"]))
    except ValueError:
        return None


def _iso(found: re.Match[str], day: date) -> str:
    return f"{day.year:04}{found['first']}{day.month:02}{found['second']}{day.day:02}{found['rest']}"


def _german(found: re.Match[str], day: date) -> str:
    return f"{day.day:02}.{day.month:02}.{day.year:04}{found['rest']}"


def _mail(found: re.Match[str], day: date) -> str:
    weekday = f"{DAYS[day.weekday()]}{found['comma']}" if found["weekday"] else ""
    number = f"{day.day:0{len(found['day'])}}"
    return f"{weekday}{number}{found['first']}{MONTHS[day.month - 1]}{found['second']}{day.year:04}{found['rest']}"
