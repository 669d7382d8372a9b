"""Personal data that a name in a text tells, as in `assignments` secrets: `Plate number: ...`, `last_name=...`.

Owns which names are looked for in texts, and how far a name goes that stands there. What a name means is said by the
vocabulary, and whether the value can be that by `plausible`.
"""

from __future__ import annotations

import re

from outgate.redact.detect.assignments import ASSIGNS, BARE, NAME, QUOTED, SIGN, stands_for_nothing
from outgate.redact.detect.detector import Detector, Group, apart
from outgate.redact.detect.names import Names, classify
from outgate.redact.detect.plausible import is_told
from outgate.redact.detect.vocabulary import PEOPLE, PERSONAL

_STEMS = (
    "(?:first|last|middle|given|family|full|maiden|legal|customer|patient|holder|contact|recipient|guest)[ _-]?name"
    "|surname|forename|vorname|nachname|familienname|pr[eé]nom|nom de famille|apellidos?|nombre completo|cognome"
    "|nazwisko"
    "|(?:street|home|postal|mailing|billing|shipping|delivery|residential)[ _-]?addr(?:ess)?|street|anschrift"
    "|zip|plz|post(?:al)?[ _-]?code|phone|mobile|telefon|fax|passport|reisepass|pasaporte|licen[cs]e|plate|kennzeichen"
    "|insurance|mrn|medical[ _-]?record|patient[ _-]?id|tax[ _-]?(?:payer|id|file|n)|steuer|national[ _-]?id|ssn|iban"
    "|social[ _-]?security|account[ _-]?n|acct[ _-]?n|routing|card[ _-]?(?:n|holder)|birth|born|geburts|dob|imei"
)
_ENDS = r"(?:[ ]?(?i:no|nr|num|number|code|id))?"
_LINE = re.compile(r"[ \t>*-]*((?:[\w.-]+[ ]){0,4}[\w.-]*)")
_PEOPLE = Names((word, True) for word in PEOPLE)
_FARTHEST = 64


def _before(text: str, start: int) -> str:
    """How a name begins that ends at `start`."""
    begin = start
    while begin > max(0, start - _FARTHEST) and text[begin - 1] in NAME:
        begin -= 1
    return text[begin:start]


def _told(name: str, value: str) -> bool:
    meaning = classify(name) or ("name" if _PEOPLE.find(name) else "")
    value = value.strip()
    return meaning in PERSONAL and not stands_for_nothing(value) and is_told(meaning, value)


def _assigned(text: str, start: int, end: int) -> bool:
    found = ASSIGNS.search(text, start, end)
    if found is None or text[end : end + 1] in ("(", "[") or not apart(text, start, found.start()):
        return False
    value = text[found.end() : end].rstrip("\"'`\\")
    quoted = found[0].endswith(('"', "'", "`"))
    return (quoted or "=" in found[0]) and _told(_before(text, start) + text[start : found.start()], value)


def _lined(text: str, start: int, end: int) -> bool:
    """It is all of a line, or all behind its first blanks."""
    begin = text.rfind("\n", max(0, start - _FARTHEST), start) + 1
    head, _, value = text[start:end].partition(":")
    front = _LINE.fullmatch(text, begin, start) if begin or start <= _FARTHEST else None
    return front is not None and apart(text, start, end) and _told(front[1] + head, value)


DETECTORS = (
    Detector(
        "personal-assignment",
        Group.PII,
        rf"(?i:{_STEMS})[A-Za-z0-9_-]*{SIGN}(?:{QUOTED}|({BARE}))",
        'last_name="Doe"',
        hint=rf"(?i:{_STEMS})[A-Za-z0-9_-]*{SIGN}",
        around=_assigned,
        begun=True,
    ),
    Detector(
        "personal-line",
        Group.PII,
        rf"(?i:{_STEMS})[A-Za-z0-9_-]*{_ENDS}:[ \t]+([^\s\x00\"'][^\r\n\x00]*)",
        "Plate number: B-KL 4839",
        hint=rf"(?i:{_STEMS})[A-Za-z0-9_-]*{_ENDS}:[ \t]",
        around=_lined,
        begun=True,
    ),
)
