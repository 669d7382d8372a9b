"""Whether a value can be what its name says: `{"phone": "Telephone"}` is a label, `{"ssn": "is required"}` a text.

Owns the doubts about names of personal data. About secrets there are none: a password may be any text.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from outgate.redact.detect.accounts import bank
from outgate.redact.detect.hosts import public
from outgate.redact.detect.names import words
from outgate.redact.detect.no_names import is_firm, may_name
from outgate.redact.detect.vocabulary import CLASSES, PERSONAL

NUMBERED = frozenset(
    (
        *("phone", "card", "iban", "bank-account", "ssn", "national-id", "passport", "driver-licence", "vehicle"),
        *("tax-id", "health-id", "device-id"),
    )
)
"""Classes of what is made of digits, at least in part."""
IDENTIFIED = NUMBERED - {"phone", "card", "iban", "bank-account"}
"""Classes whose `id` is what they are."""
LABELLED = (*PERSONAL, "security-code")
LEAST_DIGITS = 4
LEAST = {"national-id": 3, "tax-id": 6, "health-id": 1, "device-id": LEAST_DIGITS}
"""Digits of what has a short name that means other things, too."""
AMBIGUOUS = frozenset(("swift", "routing", "bic", "aba"))
LONGEST_LABEL = 64
_NO_LABEL = re.compile("[0-9@]")
_ASKED = re.compile(r"(?:please |enter |type |your |the |confirm |new |invalid |missing |select )*", re.IGNORECASE)
_SPEAKS = re.compile(r"(?<![^\W\d_])[^\W\d_]{2,}[ '\u2019][^\W\d_]*[a-zß-ÿ]")
"""A word, and another one."""
_CODE = re.compile("[A-Z]{6}[A-Z2-9][A-Z0-9](?:[A-Z0-9]{3})?")
_MASKED = re.compile(
    r"[*•●]{3,}|.{0,6}(?:[*•●][ -]?){4,}.{0,4}|[xX]{4,}"
    r"|redacted|[\[<({]{1,2}(?:redacted|masked|hidden|filtered|removed|omitted|sensitive)[\]>)}]{1,2}",
    re.IGNORECASE,
)
_ANSWERS = frozenset(("yes", "no", "true", "false"))
_VERSION = re.compile(
    r"[~^][0-9]+(?:\.[0-9x*]+){0,3}(?:-[0-9A-Za-z.]+)?|[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(?:-[0-9A-Za-z.]+)?"
)
_SPELT = {
    meaning: frozenset(
        spelt for each in CLASSES[meaning] for one in ["".join(words(each))] for spelt in (one, f"{one}s")
    )
    for meaning in LABELLED
}


def is_masked(text: str) -> bool:
    """Somebody has taken it already."""
    return _MASKED.fullmatch(text) is not None


def is_version(text: str) -> bool:
    """Of a package whose name says that of something else: `"jsonwebtoken": "^9.0.2"`."""
    return _VERSION.fullmatch(text) is not None


def is_label(meaning: str, text: str) -> bool:
    """It is what things of that class are called, as forms have it."""
    if len(text) > LONGEST_LABEL or _NO_LABEL.search(text):
        return False
    return "".join(words(_ASKED.sub("", text, count=1))) in _SPELT.get(meaning, ())


def can_be(meaning: str, text: str) -> bool:
    if is_label(meaning, text):
        return False
    match meaning:
        case "client-address":
            return any(public(each.strip()) for each in text.split(","))
        case "email":
            return "@" in text or "%40" in text or _SPEAKS.search(text) is None
        case "name":
            return not is_firm(text)
        case "birth-date":
            return text.lower() not in _ANSWERS
        case "bank-account":
            return bank(text) if _CODE.fullmatch(text) else _counted(text) >= LEAST_DIGITS and "." not in text
        case _ if meaning in LEAST:
            return _counted(text) >= LEAST[meaning]
        case _:
            return meaning not in NUMBERED or _counted(text) >= LEAST_DIGITS or _SPEAKS.search(text) is None


def can_be_inside(name: str, meaning: str, text: str) -> bool:
    """Whether a value in an object of that name can be of its class: where the name has other meanings, it has to look
    like one."""
    if meaning == "geo":
        return _counted(text) > 0
    return can_be(meaning, text) if meaning in LEAST or name.lower() in AMBIGUOUS else True


def _counted(text: str) -> int:
    return sum(map(str.isdigit, text))


_PARTICLES = frozenset("van von de der den del della di da dos do la le bin al el zu ter y e".split())  # noqa: SIM905
_HAN = re.compile(r"[\u4e00-\u9fff]{2,4}|[\uac00-\ud7af]{2,5}")
_BETWEEN = str.maketrans("", "", "-.'\u2019")


def is_full_name(text: str) -> bool:
    """Of two to five words with capitals, none of which only firms and the like have."""
    if len(text) > LONGEST_LABEL or not can_be("name", text):
        return False
    parts = [part for part in text.split() if part not in _PARTICLES]
    if _HAN.fullmatch(text):
        return True
    return (
        2 <= len(parts) <= 5
        and may_name(text)
        and all(not part[0].islower() and part.translate(_BETWEEN).isalpha() for part in parts)
    )


_NO_NAME = re.compile(r"[0-9_=<>{}()\[\];/\\@#$]|\w[.]\w|[a-z][A-Z][a-z]+[A-Z]|[,;]$")
_DAY = re.compile(r"[0-9]{1,4}[-/. ][0-9A-Za-zÀ-ÿ]{1,9}[-/. ,]+[0-9]{2,4}|[A-Za-zÀ-ÿ]{3,9}\.? [0-9]{1,2},? [0-9]{4}")
_PLACE = re.compile(r"(?=.*[0-9])(?=.*[^\W\d_]{2}).* ")
_POSTAL = re.compile("(?=.*[0-9].*[0-9])[A-Z0-9][A-Z0-9 -]{2,8}[A-Z0-9]")
_SAYS = re.compile("[a-z]{3}")
_SYMBOLS = re.compile(r"[{}()\[\]<>=;$|]")


def is_told(meaning: str, written: str) -> bool:
    """It can be, where nothing but a text says the name: settings and programs have other things there."""
    text = unquote(written.replace("+", " ")) if "%" in written else written
    if _SYMBOLS.search(text) or not can_be(meaning, text):
        return False
    match meaning:
        case "name":
            alike = text.isupper() and " " not in text  # a placeholder
            return text[:1].isupper() and not alike and not _NO_NAME.search(text)
        case "address":
            return (_PLACE.match(text) or _POSTAL.fullmatch(text)) is not None
        case "birth-date":
            return _DAY.fullmatch(text) is not None
        case "email" | "iban" | "client-address":
            return False
        case "vehicle":
            return _counted(text) >= 2 and 4 <= len(text) <= 20 and text.upper() == text
        case _:
            return _counted(text) >= LEAST_DIGITS and _SAYS.search(text) is None and len(text) <= 40
