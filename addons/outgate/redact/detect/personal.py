"""Personal data that tells itself: mail addresses, cards, accounts, telephones, devices, streets."""

from __future__ import annotations

import re

from outgate.redact.detect import validators
from outgate.redact.detect.detector import (
    NO_UUID,
    Beside,
    Check,
    Detector,
    Group,
    apart,
    apart_as_answer,
    apart_as_number,
    apart_from_groups,
    whole,
)
from outgate.redact.detect.names import Names
from outgate.redact.detect.plausible import is_label
from outgate.redact.detect.said import ENDED, NEAR, REPLY, said
from outgate.redact.detect.validators import ACCOUNTS
from outgate.redact.detect.vocabulary import PEOPLE

_NO_USER = frozenset(" \t\r\n/?#\"'<>,;")
"""Characters that a user in a URL does not have."""
_UNIT = re.compile(r"@[^.@]+\.(?:service|socket|timer|mount|target|slice|scope)\Z")
_DAY = re.compile("(?:19|20)[0-9]{2}[-/.][01]?[0-9][-/.][0-3]?[0-9]|[0-3]?[0-9][-/.][01]?[0-9][-/.](?:19|20)[0-9]{2}")
_PEOPLE = Names((word, True) for word in PEOPLE)
_FARTHEST = 300
"""Characters of a URL in front of what is asked about."""
_LETTERS = r"A-Za-z\x{C0}-\x{24F}\x{370}-\x{DFF}\x{1E00}-\x{1FFF}"
"""Of alphabets. Where there are no spaces between words a mail address stands right behind what is not of it."""
_SIGNS = r"\x{3040}-\x{9FFF}\x{AC00}-\x{D7AF}"
_STREET = r"[A-Za-z\x{80}-\x{10FFFF}'.-]+"
_PLACE = (
    rf"[0-9]{{1,5}}[A-Za-z]?,?[ ]{_STREET}(?:[ ,][^\x00]*)?"
    rf"|[A-Za-z\x{{80}}-\x{{10FFFF}}]{_STREET}(?:[ ]{_STREET})*,?[ ][0-9]{{1,5}}(?:[^0-9\x00][^\x00]*)?"
)
_GAP = r"[ \x{A0}.-]?"
_CARD_GAP = r"(?:[ \t\x{A0}]{1,2}|[._/·-]|\r?\n)"
_CALL = (
    "(?i:t[eé]l(?:e(?:fono?|phone|fon)|efon|éfono)?|phone|mobile?|cell(?:ulare?)?|celular|handy|fax|whatsapp|call|sms"
    "|rufnummer|电话|手机|電話)"
)

_SUFFIX = r"-[A-Z]{1,3}\b"
"""Of a number of parts."""
_AREA = "0[1-9][0-9]{1,3}(?:[ ][0-9]{2}|[/-][0-9]{3})"
_NATIONAL = (
    "0[1-9](?:[ ][0-9]{2}){4}|0[1-9](?:[.][0-9]{2}){4}",  # France
    "1[3-9][0-9][ -][0-9]{4}[ -][0-9]{4}",  # China, mobile
    "[6-9][0-9]{4}[ ][0-9]{5}",  # India, mobile
    "[1-9][0-9][ ]9?[0-9]{4}-[0-9]{4}",  # Brazil
    "0[ ][1-9][0-9]{2}[ ][0-9]{3}[ ][0-9]{2}[ ]?[0-9]{2}",  # Turkey
    "0[1-9][0-9]{2,4}[ ]/[ ][0-9]{2,4}(?:[ ][0-9]{2,4}){1,3}",  # Germany
)
"""Written as they are at home, where that is like nothing else."""
_BRACKETS = "[(](?:0[1-9][0-9]{0,3}|[1-9][0-9])[)]"
_MONTH = r"[A-Za-z\x{C0}-\x{52F}]{3,9}"
_YEAR = "(?:19|20)[0-9]{2}"
_DATE = (
    rf"{_YEAR}[-/.][0-9]{{1,2}}[-/.][0-9]{{1,2}}|[0-9]{{1,2}}[-/.][0-9]{{1,2}}[-/.](?:{_YEAR}|[0-9]{{2}})"
    rf"|[0-9]{{1,2}}(?:st|nd|rd|th|\.)?[ ]{_MONTH}[ ,]{{1,2}}{_YEAR}|{_MONTH}[ ][0-9]{{1,2}},?[ ]{_YEAR}"
)
_BORN = (
    "(?i:dob|(?:date|day)[ _-]?of[ _-]?birth|birth[ _-]?(?:date|day)|born(?:[ _-]?on)?|geboren(?: am)?|geb[.]"
    "|geburts(?:datum|tag)|n[ée]e? le|date de naissance|fecha de nacimiento|data di nascita|geboortedatum"
    f"|data urodzenia|дата рождения){ENDED}"
)
_COUNTRY = "(?:[A-Z]{3}|D<<)"
_NUMBERED = r"(?i:[ ]?(?:no|nr|number|num|id|#))?[.:#=]?[ ]{0,2}(?i:(?:is|ist|es|est)[: ]{1,2})?"


def personal(
    name: str, pattern: str, example: str, hint: str = "", check: Check | None = None, beside: Beside = Beside.ANYTHING
) -> Detector:
    return Detector(name, Group.PII, pattern, example, hint, check, apart_as_number, beside)


def _no_user_of_a_url(text: str, start: int, end: int) -> bool:
    """`https://user@host` and `git@host:path` are no mail addresses."""
    if text[start:end].startswith("git@") and text[end : end + 1] == ":":
        return False
    before = text[max(0, start - _FARTHEST) : start]
    _, scheme, user = before.rpartition("://")
    return apart(text, start, end) and not (scheme and _NO_USER.isdisjoint(user))


def _mail(text: str) -> bool:
    """`getty@tty1.service` is a unit of an init system."""
    return validators.email(text) and _UNIT.search(text) is None


def _to_call(text: str) -> bool:
    """A day is no telephone number."""
    return validators.telephone(text) and _DAY.match(text) is None


def _no_part(text: str) -> bool:
    return not text[-1].isalpha()


def _no_sum(text: str, start: int, end: int) -> bool:
    """`30+20221128` is no telephone number."""
    before = text[max(0, start - 1) : start]
    return apart_as_number(text, start, end) and not (before.isascii() and before.isalnum())


def _accounts() -> str:
    """Every country's accounts, in groups of four or in one."""
    lengths: dict[int, list[str]] = {}
    for country, length in ACCOUNTS.items():
        lengths.setdefault(length, []).append(country)
    forms = (
        f"(?:{'|'.join(countries)})[0-9]{{2}}(?:{_GAP}[0-9A-Z]){{{length - 4}}}"
        for length, countries in lengths.items()
    )
    return rf"\b(?:{'|'.join(forms)})"


DETECTORS = (
    Detector(
        "email",
        Group.PII,
        rf"(?:[0-9_{_LETTERS}][0-9{_LETTERS}._%+'-]*|\"[^\"@\x00\r\n]{{1,64}}\")@(?:[0-9{_LETTERS}{_SIGNS}][0-9{_LETTERS}{_SIGNS}-]*\.)+"
        rf"(?:[{_LETTERS}]{{2,24}}|xn--[0-9a-z-]+)",
        "jane.doe@example.com",
        hint=r"[^\s]@[^\s]",
        check=_mail,
        around=_no_user_of_a_url,
    ),
    personal(
        "card",
        rf"\b(?:[2-9][0-9]{{13,18}}|(?:1800|2131)[0-9]{{11}}|[2-9][0-9]{{3}}(?:{_CARD_GAP}[0-9]{{4}}){{3}}|3[0-9]{{3}}{_CARD_GAP}[0-9]{{6}}{_CARD_GAP}[0-9]{{4,5}})",
        "4111 1111 1111 1111",
        check=validators.card,
    ),
    personal(
        "card-by-word",
        rf"(?i:card|cc|pan){_NUMBERED}([0-9]{{12,19}})",
        "card number 630412345674",
        check=validators.payable,
    ),
    personal(
        "iban",
        _accounts(),
        "DE89 3704 0044 0532 0130 00",
        hint=r"\b[A-Z]{2}[0-9]{2}[ .-]?[0-9A-Z]{4}",
        check=validators.iban,
    ),
    Detector(
        "phone",
        Group.PII,
        r"\+[1-9][0-9]{0,2}(?:[ ./()-]{0,2}[0-9]{1,5}){2,7}(?:x[0-9]{2,5})?",
        "+49 30 901820",
        hint=r"\+[1-9][0-9 ./()-]{6}",
        check=validators.international,
        around=_no_sum,
    ),
    Detector(
        "phone-abroad",
        Group.PII,
        r"\b00[ ]?[1-9][0-9]{0,2}[ /()-]{1,2}[0-9]{1,5}(?:[ ./()-]{0,2}[0-9]{1,5}){1,6}",
        "0049 30 901820",
        check=validators.international,
        around=apart_from_groups,
    ),
    personal(
        "phone-north-america",
        r"(?:\b(?:001|1)[ .-])?(?:\([2-9][0-9]{2}\)[ ]?[2-9][0-9]{2}[ .-]|\b[2-9][0-9]{2}[.-][2-9][0-9]{2}[.-])[0-9]{4}"
        rf"(?:[ ]?(?:x|ext[.]?)[ ]?[0-9]{{2,5}}|{_SUFFIX})?",
        "(415) 555-2671",
        check=_no_part,
    ),
    Detector(
        "phone-national",
        Group.PII,
        rf"\b(?:{'|'.join(_NATIONAL)})",
        "01 23 45 67 89",
        around=apart_from_groups,
    ),
    Detector(
        "phone-by-word",
        Group.PII,
        rf"{_CALL}{ENDED}(?:{NEAR}|{REPLY})(\(?\+?[0-9][0-9 ()./-]{{6,20}}[0-9])",
        "Tel.: 030 901820",
        hint=f"{_CALL}{ENDED}",
        check=_to_call,
        around=apart_as_answer,
    ),
    Detector(
        "phone-by-name",
        Group.PII,
        r"\(?\+?[0-9][0-9 ()./-]{5,20}[0-9]",
        "030 901820",
        check=validators.telephone,
        around=whole,
        beside=Beside.CALLED,
    ),
    Detector(
        "phone-with-area",
        Group.PII,
        rf"{_AREA}(?:[0-9]{{3,6}}|[0-9]{{0,2}}(?:[ -][0-9]{{2,4}}){{1,2}})(?:{_SUFFIX})?",
        "020 7946 0958",
        hint=rf"{_AREA}(?:[0-9]{{3,6}}|[0-9]{{0,2}}(?:[ -][0-9]{{2,4}}){{1,2}})(?:{_SUFFIX})?(?:{NO_UUID})",
        check=lambda text: validators.national(text) and _no_part(text),
        around=apart_from_groups,
        begun=True,
    ),
    Detector(
        "phone-in-brackets",
        Group.PII,
        rf"{_BRACKETS}[ -]?[0-9]{{3,4}}(?:[ -]?[0-9]{{2,4}}){{1,2}}",
        "(030) 901820",
        hint=_BRACKETS,
        check=validators.national,
        around=apart_from_groups,
    ),
    personal(
        "imei",
        r"(?i:imei)[^0-9\x00\n]{0,12}([0-9]{2}[ -]?[0-9]{6}[ -]?[0-9]{6}[ -]?[0-9])",
        "IMEI 490154203237518",
        check=validators.imei,
    ),
    personal("birth-date", rf"{_BORN}{NEAR}\b({_DATE})", "date of birth: 1985-05-17", hint=_BORN),
    personal(
        "passport",
        rf"(?i:passe?port|reisepass|personalausweis|pasaporte|passaporto){_NUMBERED}"
        "([A-Z0-9]{1,3}[0-9][A-Z0-9]{4,7})",
        "passport no. C01X00T47",
    ),
    personal(
        "driver-licence",
        rf"(?i:driv(?:er'?s?|ing) licen[cs]e|dl){_NUMBERED}([A-Z]{{0,5}}[0-9]{{3}}[A-Z0-9-]{{2,13}})",
        "driver's license D1234567",
    ),
    personal(
        "passport-lines",
        rf"[A-Z0-9<]{{9}}[0-9<]{_COUNTRY}[0-9]{{7}}[MFX<][0-9]{{7}}[A-Z0-9<]{{2,16}}|[PIACV][A-Z<]{_COUNTRY}[A-Z<]{{20,39}}",
        "C01X00T478D<<6408125F2702283<<<<<<<<<<<<<<<4",
        hint=f"[0-9<]{_COUNTRY}[0-9]{{7}}[MFX<][0-9]{{7}}|[PIACV][A-Z<]{_COUNTRY}[A-Z<]{{20}}",
        check=lambda text: "<<" in text or text[-1:].isdigit(),
    ),
    said("medical-record", "mrn|medical record", "[0-9]{5,10}", "MRN: 93176575", near=True),
    personal("esim-id", r"\b89049[0-9]{27}", "89049032061125191787375294855769"),
    personal("imei-in-groups", r"\b[0-9]{2}-[0-9]{6}-[0-9]{6}-[0-9]", "49-015420-323751-8", check=validators.imei),
    Detector(
        "person-name",
        Group.PII,
        rf"[{_LETTERS}{_SIGNS}][{_LETTERS}{_SIGNS} .,'\x{{2019}}-]{{1,80}}",
        "Jane Q. Doe",
        check=lambda text: validators.person(text) and not (is_label("name", text) or _PEOPLE.find(text)),
        around=whole,
        beside=Beside.PEOPLE,
    ),
    Detector(
        "street-address",
        Group.PII,
        _PLACE,
        "12 Example Street, Springfield",
        around=whole,
        beside=Beside.PLACES,
    ),
)
