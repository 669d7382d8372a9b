"""What banks and cards have beside their long numbers: codes of banks, numbers of accounts, stripes of cards."""

from __future__ import annotations

from outgate.redact.detect.detector import Detector, Group, apart
from outgate.redact.detect.said import said
from outgate.redact.detect.validators import ACCOUNTS, digits, payable

_OTHERS = """
AR AU BD BM BO CA CL CN CO EC GH HK ID IN JM JP KE KH KR LK MA MM MX MY NG NP NZ PA PE PH PY RU SG TH TW TZ UG US UY VE
VN ZA
"""
_UPI = (
    "ok(?:hdfcbank|axis|sbi|icici)|ybl|ibl|axl|apl|yapl|rapl|paytm|upi|[a-z]*hdfcbank|hdfcbankjd|icici|sbi|axisbank|kotak|pnb"
    "|barodampay|idfcbank|indus|federal|pockets|jupiteraxis|fam|airtel|postbank|naviaxis|pt(?:hdfc|axis|sbi|yes)|waicici"
    "|freecharge|kotak811|cnrb|unionbank|idbi|rbl|yesbank|dbs"
)
"""What comes behind the sign in India's payment addresses."""
COUNTRIES = frozenset((*ACCOUNTS, *_OTHERS.split()))
"""Whose banks have codes of SWIFT."""


def bank(text: str) -> bool:
    """A code of SWIFT: ISO 9362."""
    return text[4:6] in COUNTRIES


def striped(text: str) -> bool:
    """The second track of a card: its number, and when it ends."""
    number, _, rest = text.strip(";?").partition("=")
    return payable(number) and "01" <= rest[2:4] <= "12"


def several(text: str) -> bool:
    """Not one digit for all."""
    return len(set(digits(text))) > 1


DETECTORS = (
    Detector(
        "card-track",
        Group.PII,
        r"%?[Bb][0-9][0-9 ]{11,22}\^[^\^\x00\r\n?]{2,26}\^[0-9]{4}[^\x00\r\n?\"'<>]{0,64}\??",
        "%B4111111111111111^DOE/JANE^27101010000?",
        hint=r"\^[A-Za-z]",
    ),
    Detector(
        "card-track-2",
        Group.PII,
        r";?[0-9]{12,19}=[0-9]{7,24}\??",
        ";4111111111111111=27101010000?",
        hint="=[0-9]{7}",
        check=striped,
        around=apart,
    ),
    said(
        "security-code",
        "cv[vc]2?|cvn2?|cvv/cvc|csc|cid code|card (?:security|verification) (?:code|number|value)|security code",
        "[0-9]{3,4}",
        "cvv: 416",
        near=True,
    ),
    said(
        "uk-sort-code",
        "sort[ -]?code",
        "[0-9]{2}[ -][0-9]{2}[ -][0-9]{2}|[0-9]{6}",
        "sort code 40-47-84",
        near=True,
    ),
    said(
        "bank-account",
        "acc(?:oun)?t[.]?[ _-]?(?:no|nr|num|number|#)|(?:bank|checking|savings|giro) acc(?:oun)?t|konto-?(?:nummer|nr)"
        "|n[uú]mero de cuenta|num[eé]ro de compte|rekeningnummer|clabe",
        "[0-9](?:[ -]?[0-9]){5,17}",
        "account number 70872490",
        several,
        near=True,
    ),
    said("account-told", "account", "[0-9]{8,10}", "to account 70872490", several, near=True),
    said("bsb", "bsb", "[0-9]{3}[ -]?[0-9]{3}", "BSB 062-948", near=True),
    Detector(
        "upi-address",
        Group.PII,
        rf"[0-9A-Za-z][0-9A-Za-z._-]{{1,63}}@(?:{_UPI})",
        "jane.doe@okaxis",
        hint=rf"@(?:{_UPI})[^0-9A-Za-z.-]",
        around=apart,
    ),
    said(
        "bank-code",
        "bic|swift(?:[ /-]?(?:code|bic))?",
        "[A-Z]{6}[A-Z2-9][A-Z0-9](?:[A-Z0-9]{3})?",
        "BIC: COBADEFFXXX",
        bank,
        near=True,
    ),
)
