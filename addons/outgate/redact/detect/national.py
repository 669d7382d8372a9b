"""Numbers by which states know people, where form and check digits tell them. A table, and a check for each."""

from __future__ import annotations

from collections.abc import Sequence

from outgate.redact.detect.checksums import luhn, verhoeff, weighted
from outgate.redact.detect.detector import Check, Detector, Group, apart_as_number
from outgate.redact.detect.validators import digits, social_security

_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"
_FISCAL_ODD = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
_CURP = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
_HETU = "0123456789ABCDEFHJKLMNPRSTUVWXY"


def cpf(text: str) -> bool:
    """Brazil: two check digits."""
    number = digits(text)
    return len(set(number)) > 1 and all(
        weighted(number[:length], range(length + 1, 1, -1)) * 10 % 11 % 10 == int(number[length]) for length in (9, 10)
    )


def dni(text: str) -> bool:
    """Spain: a letter that is the number modulo 23. Foreigners have X, Y or Z for the first digit."""
    number = text.replace("-", "").replace(" ", "").upper()
    return _DNI[int(number[:-1].translate(str.maketrans("XYZ", "012"))) % 23] == number[-1]


def codice_fiscale(text: str) -> bool:
    """Italy: digits and letters count alike, odd places by a table."""
    places = [int(each) if each.isdigit() else ord(each) - ord("A") for each in text[:15]]
    total = sum(_FISCAL_ODD[value] if place % 2 == 0 else value for place, value in enumerate(places))
    return chr(ord("A") + total % 26) == text[15]


def nir(text: str) -> bool:
    """France: the key is 97 less the number modulo 97; Corsica counts as 19 and 18."""
    number = text.replace(" ", "").upper().replace("2A", "19").replace("2B", "18")
    return number.isdigit() and 97 - int(number[:13]) % 97 == int(number[13:])


def resident(text: str) -> bool:
    """China: ISO 7064, modulo 11."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return "10X98765432"[weighted(text[:17], weights) % 11] == text[17].upper()


def curp(text: str) -> bool:
    """Mexico."""
    total = sum(_CURP.index(each) * (18 - place) for place, each in enumerate(text[:17]))
    return (10 - total % 10) % 10 == int(text[17])


def hetu(text: str) -> bool:
    """Finland: the date and the number modulo 31."""
    return _HETU[int(text[:6] + text[7:10]) % 31] == text[10]


def aadhaar(text: str) -> bool:
    return verhoeff(digits(text))


def personnummer(text: str) -> bool:
    """Sweden: Luhn, without the century."""
    return luhn(digits(text)[-10:])


def social_insurance(text: str) -> bool:
    """Canada."""
    return luhn(digits(text))


def nhs(text: str) -> bool:
    """England: modulo 11."""
    return _modulo_11(digits(text), range(10, 1, -1))


def _modulo_11(number: str, weights: Sequence[int]) -> bool:
    return (11 - weighted(number[:-1], weights) % 11) % 11 == int(number[-1])


_NINO = (
    "(?:[ACEHJLMOPRSWXY][A-CEGHJ-NPRSTW-Z]|B[A-CEHJ-NPRSTW-Z]|G[ACEGHJ-NPRSTW-Z]|K[A-CEGHJ-MPRSTW-Z]"
    "|N[A-CEGHJLMPRSW-Z]|T[A-CEGHJ-MPRSTW-Z]|Z[A-CEGHJ-NPRSTW-Y]|QQ)"
)
"""How they begin: some letters never are there, nor are `BG`, `GB`, `KN`, `NK`, `NT`, `TN` and `ZZ`;
but `QQ` is, in examples."""
_MONTH, _DAY = "(?:0[1-9]|1[0-2])", "(?:0[1-9]|[12][0-9]|3[01])"


def _number(name: str, pattern: str, example: str, check: Check | None = None) -> Detector:
    return Detector(name, Group.PII, rf"\b(?:{pattern})", example, check=check, around=apart_as_number)


DETECTORS = (
    _number(
        "us-ssn",
        "[0-9]{3}-[0-9]{2}-[0-9]{4}|[0-9]{3} [0-9]{2} [0-9]{4}"
        "|(?i:ssn|social security(?: (?:number|no))?)[.:# ]{1,3}([0-9]{9})",
        "219-09-9999",
        check=social_security,
    ),
    _number(
        "uk-nino",
        rf"{_NINO}[ ]?[0-9]{{2}}[ ]?[0-9]{{2}}[ ]?[0-9]{{2}}[ ]?[A-D]",
        "AB 12 34 56 C",
    ),
    _number("uk-nhs-number", "[0-9]{3} [0-9]{3} [0-9]{4}", "943 476 5919", check=nhs),
    _number("br-cpf", r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", "529.982.247-25", check=cpf),
    _number("es-dni", f"(?:[0-9]{{8}}|[XYZ][0-9]{{7}})-?[{_DNI}]", "12345678Z", check=dni),
    _number(
        "it-codice-fiscale",
        "[A-Z]{6}[0-9]{2}[ABCDEHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z]",
        "RSSMRA85T10A562S",
        check=codice_fiscale,
    ),
    _number(
        "fr-nir",
        "[12] ?[0-9]{2} ?(?:0[1-9]|1[0-2]|[2-9][0-9]) ?(?:[0-9]{2}|2[AB]) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}",
        "1 85 05 78 006 084 91",
        check=nir,
    ),
    _number(
        "cn-resident-id",
        f"[1-9][0-9]{{5}}(?:19|20)[0-9]{{2}}{_MONTH}{_DAY}[0-9]{{3}}[0-9Xx]",
        "11010519491231002X",
        check=resident,
    ),
    _number(
        "in-aadhaar", "[2-9][0-9]{3} [0-9]{4} [0-9]{4}|[2-9][0-9]{3}-[0-9]{4}-[0-9]{4}", "2341 2341 2346", check=aadhaar
    ),
    _number(
        "mx-curp",
        f"[A-Z][AEIOUX][A-Z]{{2}}[0-9]{{2}}{_MONTH}{_DAY}[HM][A-Z]{{2}}[B-DF-HJ-NP-TV-Z]{{3}}[0-9A-Z][0-9]",
        "BOXW310820HNERXN09",
        check=curp,
    ),
    _number("fi-hetu", f"{_DAY}{_MONTH}[0-9]{{2}}[-+A-FU-Y][0-9]{{3}}[0-9A-Y]", "131052-308T", check=hetu),
    _number("se-personnummer", f"(?:19|20)?[0-9]{{2}}{_MONTH}{_DAY}[-+][0-9]{{4}}", "811228-9874", check=personnummer),
    _number("kr-resident-number", f"[0-9]{{2}}{_MONTH}{_DAY}-[1-4][0-9]{{6}}", "900101-1234567"),
    _number(
        "ca-sin",
        "(?i:sin|nas|social insurance(?: (?:number|no))?)[.:# ]{1,3}([0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{3})",
        "SIN 130 692 544",
        check=social_insurance,
    ),
)
