"""What a pattern cannot say: whether what looks like a card, an account, a token or a key can be one.

Owns a check for each such kind, text to yes or no. None of them raises, and each takes time that is linear in its text.
"""

from __future__ import annotations

import re
from base64 import b64decode, urlsafe_b64decode
from ipaddress import ip_address

import orjson

from outgate.redact.detect.checksums import base58check, luhn, mod97

_NOT_DIGITS = re.compile(r"[^0-9]")
_NOT_ALPHANUMERIC = re.compile(r"[^0-9A-Za-z]")

_NOT_HEXADECIMAL = re.compile(r"[g-zG-Z]")

ISSUERS: tuple[tuple[re.Pattern[str], tuple[int, ...]], ...] = tuple(
    (re.compile(begin), lengths)
    for begin, lengths in (
        (r"4", (16, 19)),  # Visa
        (r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", (16,)),  # Mastercard
        (r"3[47]", (15,)),  # American Express
        (r"6011|622|64[4-9]|65", (16, 19)),  # Discover
        (r"35", (16,)),  # JCB
        (r"1800|2131", (15,)),  # JCB, before
        (r"30[0-59]|36|3[89]", (14,)),  # Diners Club
        (r"62|81", (16, 19)),  # UnionPay
        (r"50(?:18|20|38)|5[678]|6304|6390|67", (16, 19)),  # Maestro
        (r"220[0-4]", (16,)),  # Mir
        (r"5019", (16,)),  # Dankort
        (r"60|508|82|353|356", (16,)),  # RuPay
        (r"5041|506[67]|5090|6277|636[23]", (16,)),  # Elo
        (r"506[01]|507[89]", (16, 18, 19)),  # Verve
        (r"9792", (16,)),  # Troy
    )
)
"""How the numbers of payment cards begin, and how many digits they have."""

_LENGTHS = """
15 NO; 16 BE; 18 DK FI FK FO GL NL SD; 19 MK SI; 20 AT BA EE KZ LT LU MN XK; 21 CH HR LI LV;
22 BG BH CR DE GB GE IE ME RS VA; 23 AE GI IL IQ OM SO TL; 24 AD CZ ES MD PK RO SA SE SK TN VG; 25 LY PT ST;
26 IS TR; 27 BI DJ FR GR IT MC MR SM; 28 AL AZ BY CY DO GT HN HU LB NI PL SV; 29 BR EG PS QA UA; 30 JO KW MU YE;
31 MT SC; 32 LC; 33 RU
"""
ACCOUNTS = {country: int(length) for length, *countries in map(str.split, _LENGTHS.split(";")) for country in countries}
"""How long an IBAN is, by country."""

_CALLING = re.compile(
    "[17]|2[07]|21[12368]|2[2346][0-9]|25[0-8]|29[01789]|3[0-469]|3[57][0-9]|38[0-35-79]|4[013-9]|42[013]|5[1-8]"
    "|5[09][0-9]|6[0-6]|67[02-9]|68[0-9]|69[0-2]|8[1246]|80[08]|85[02356]|87[08]|88[0-368]|9[0-58]|96[0-8]|97[0-79]"
    "|99[2-68]"
)
"""Codes of countries."""
_NORTH_AMERICAN = re.compile(r"1[2-9][0-9]{2}[2-9][0-9]{6}")
_IMAGES = ("png", "jpg", "jpeg", "gif", "svg", "webp", "avif", "ico")
_SOURCES = ("css", "js", "mjs", "cjs", "jsx", "ts", "tsx", "json", "html", "htm", "xml", "yaml", "yml", "txt")
_FILES = frozenset((*_IMAGES, *_SOURCES))
"""What stands behind a dot and is no domain: `logo@2x.png`."""


def digits(text: str) -> str:
    return _NOT_DIGITS.sub("", text)


def card(text: str) -> bool:
    number = digits(text)
    known = any(len(number) in lengths and begin.match(number) for begin, lengths in ISSUERS)
    return known and luhn(number) and len(set(number)) > 1


def payable(text: str) -> bool:
    """The number of a card, whoever issued it."""
    number = digits(text)
    return luhn(number) and len(set(number)) > 1


def iban(text: str) -> bool:
    account = _NOT_ALPHANUMERIC.sub("", text).upper()
    return len(account) == ACCOUNTS.get(account[:2]) and mod97(account)


def imei(text: str) -> bool:
    number = digits(text)
    return len(number) == 15 and luhn(number)


def international(text: str) -> bool:
    """A telephone number with the code of a country."""
    number = digits(text).removeprefix("00")
    if number.startswith("1"):
        return _NORTH_AMERICAN.fullmatch(number) is not None
    return 8 <= len(number) <= 15 and _CALLING.match(number) is not None


def national(text: str) -> bool:
    """A telephone number as it is written at home: as many digits as one has."""
    return 9 <= len(digits(text)) <= 12


def telephone(text: str) -> bool:
    """As many digits as a number to call has, and not all the same."""
    number = digits(text)
    return 7 <= len(number) <= 15 and len(set(number)) > 1


def email(text: str) -> bool:
    local, _, domain = text.rpartition("@")
    labels = domain.split(".")
    return ".." not in local and labels[-1].lower() not in _FILES and all(len(label) <= 63 for label in labels)


def person(text: str) -> bool:
    """A name in full: of several words, or of one that begins as names do. Dots inside of words are a module's."""
    inside = re.search(r"[^\W\d_]{2}[.][^\W\d_]", text) is not None
    return not inside and (" " in text or text[:1].isupper() or not text.isascii())


def social_security(text: str) -> bool:
    """US: areas, groups and serial numbers that were never given out are none."""
    number = digits(text)
    area = number[:3]
    return area not in ("000", "666") and area < "900" and number[3:5] != "00" and number[5:] != "0000"


def address(text: str) -> bool:
    """Of a machine."""
    try:
        ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return False
    return True


def json_web_token(text: str) -> bool:
    """Its header is an object that names an algorithm."""
    header = text.partition(".")[0]
    try:
        said = orjson.loads(urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except ValueError:
        return False
    return isinstance(said, dict) and not {"alg", "enc", "typ"}.isdisjoint(said)


def basic_credentials(text: str) -> bool:
    """Base64 of a user, a colon and a password."""
    try:
        said = b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        return False
    return b":" in said and said.isascii()


def grouped_seed(text: str) -> bool:
    """Base32 in groups of four, as the seed of one-time passwords is shown: letters and digits, and not hexadecimal."""
    groups = text.split(" ")
    mixed = [group for group in groups if not group.isalpha() and not group.isdigit()]
    return len(mixed) >= 2 and 3 * len(mixed) >= len(groups) and _NOT_HEXADECIMAL.search(text) is not None


def wallet(text: str) -> bool:
    """An address in Base58Check: a version and the hash of a key."""
    return len(base58check(text)) == 21


def wallet_key(text: str) -> bool:
    """A private key in Base58Check: of one address, or an extended one."""
    return len(base58check(text)) in (33, 34, 78)
