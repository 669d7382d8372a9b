"""Numbers by which states know people and firms: where form and check digits tell them, or a word in front. A table."""

from __future__ import annotations

from outgate.redact.detect import national_checks as checks
from outgate.redact.detect.detector import NO_UUID, Around, Check, Detector, Group, apart_as_number, apart_from_groups
from outgate.redact.detect.said import said
from outgate.redact.detect.validators import social_security

_NINO = (
    "(?:[ACEHJLMOPRSWXY][A-CEGHJ-NPRSTW-Z]|B[A-CEHJ-NPRSTW-Z]|G[ACEGHJ-NPRSTW-Z]|K[A-CEGHJ-MPRSTW-Z]"
    "|N[A-CEGHJLMPRSW-Z]|T[A-CEGHJ-MPRSTW-Z]|Z[A-CEGHJ-NPRSTW-Y]|QQ)"
)
"""How they begin: some letters never are there, nor are `BG`, `GB`, `KN`, `NK`, `NT`, `TN` and `ZZ`;
but `QQ` is, in examples."""
_MONTH, _DAY = "(?:0[1-9]|1[0-2])", "(?:0[1-9]|[12][0-9]|3[01])"


_AADHAAR = "[2-9][0-9]{3} [0-9]{4} [0-9]{4}|[2-9][0-9]{3}-[0-9]{4}-[0-9]{4}"
_MBI = "[AC-HJKMNP-RT-Y]"
"""Letters of Medicare's numbers: none that looks like a digit."""


def _number(
    name: str, pattern: str, example: str, check: Check | None = None, around: Around = apart_as_number
) -> Detector:
    return Detector(name, Group.PII, rf"\b(?:{pattern})", example, check=check, around=around)


def _called(name: str, words: str, pattern: str, example: str, check: Check | None = None) -> Detector:
    """One that only a word in front of it tells from any other number: right in front, where it has no check digits."""
    return said(name, words, pattern, example, check, near=check is None)


DETECTORS = (
    _number(
        "us-ssn",
        "[0-9]{3}-[0-9]{2}-[0-9]{4}|[0-9]{3} [0-9]{2} [0-9]{4}"
        "|(?i:ssn|social security(?: (?:number|no))?)[.:# ]{1,3}([0-9]{9})",
        "219-09-9999",
        check=social_security,
        around=apart_from_groups,
    ),
    _number(
        "uk-nino",
        rf"{_NINO}[ ]?[0-9]{{2}}[ ]?[0-9]{{2}}[ ]?[0-9]{{2}}[ ]?[A-D]",
        "AB 12 34 56 C",
    ),
    _number(
        "uk-nhs-number",
        "[0-9]{3} [0-9]{3} [0-9]{4}|[0-9]{3}-[0-9]{3}-[0-9]{4}",
        "943 476 5919",
        check=checks.nhs,
        around=apart_from_groups,
    ),
    _number(
        "uk-driving-licence",
        f"[A-Z][A-Z9]{{4}}[0-9][0156][0-9]{_DAY}[0-9][A-Z9]{{2}}[A-Z0-9][A-Z]{{2}}",
        "MORGA657054SM9IJ",
    ),
    _number("br-cpf", r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", "529.982.247-25", check=checks.cpf),
    _number("es-dni", f"(?:[0-9]{{8}}|[XYZ][0-9]{{7}})-?[{checks.DNI}]", "12345678Z", check=checks.dni),
    _number(
        "it-codice-fiscale",
        "[A-Z]{6}[0-9]{2}[ABCDEHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z]",
        "RSSMRA85T10A562S",
        check=checks.codice_fiscale,
    ),
    _number(
        "fr-nir",
        "[12] ?[0-9]{2} ?(?:0[1-9]|1[0-2]|[2-9][0-9]) ?(?:[0-9]{2}|2[AB]) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}",
        "1 85 05 78 006 084 91",
        check=checks.nir,
    ),
    _number(
        "cn-resident-id",
        f"[1-9][0-9]{{5}}(?:19|20)[0-9]{{2}}{_MONTH}{_DAY}[0-9]{{3}}[0-9Xx]",
        "11010519491231002X",
        check=checks.resident,
    ),
    Detector(
        "in-aadhaar",
        Group.PII,
        _AADHAAR,
        "2341 2341 2346",
        hint=f"(?:{_AADHAAR})(?:{NO_UUID})",
        check=checks.aadhaar,
        around=apart_from_groups,
        begun=True,
    ),
    _number(
        "mx-curp",
        f"[A-Z][AEIOUX][A-Z]{{2}}[0-9]{{2}}{_MONTH}{_DAY}[HM][A-Z]{{2}}[B-DF-HJ-NP-TV-Z]{{3}}[0-9A-Z][0-9]",
        "BOXW310820HNERXN09",
        check=checks.curp,
    ),
    _number("fi-hetu", f"{_DAY}{_MONTH}[0-9]{{2}}[-+A-FU-Y][0-9]{{3}}[0-9A-Y]", "131052-308T", check=checks.hetu),
    _number(
        "se-personnummer", f"(?:19|20)?[0-9]{{2}}{_MONTH}{_DAY}[-+][0-9]{{4}}", "811228-9874", check=checks.personnummer
    ),
    _number("kr-resident-number", f"[0-9]{{2}}{_MONTH}{_DAY}-[1-8][0-9]{{6}}", "900101-1234567"),
    _called(
        "ca-sin",
        "sin|nas|social insurance",
        "[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{3}",
        "SIN 130 692 544",
        check=checks.social_insurance,
    ),
    _number("us-itin", "9[0-9]{2}-(?:5[0-9]|6[0-5]|7[0-9]|8[0-8]|9[0-24-9])-[0-9]{4}", "912-70-1234"),
    _number(
        "us-medicare-number",
        f"[1-9]{_MBI}[AC-HJKMNP-RT-Y0-9][0-9]-?{_MBI}[AC-HJKMNP-RT-Y0-9][0-9]-?{_MBI}{{2}}[0-9]{{2}}",
        "1EG4-TE5-MK73",
    ),
    _number("br-cnpj", r"[0-9]{2}\.[0-9]{3}\.[0-9]{3}/[0-9]{4}-[0-9]{2}", "11.222.333/0001-81", check=checks.cnpj),
    _number("in-pan", "[A-Z]{3}[ABCFGHJLPT][A-Z][0-9]{4}[A-Z]", "ABCPE1234F"),
    _number("in-gst-number", "[0-3][0-9][A-Z]{3}[ABCFGHJLPT][A-Z][0-9]{4}[A-Z][1-9A-Z]Z[0-9A-Z]", "27ABCPE1234F1Z5"),
    _number(
        "de-insurance-number",
        f"[0-9]{{2}}{_DAY}{_MONTH}[0-9]{{2}}[A-Z][0-9]{{3}}",
        "15070649C103",
        check=checks.insured,
    ),
    _number(
        "be-national-number",
        rf"[0-9]{{2}}\.{_MONTH}\.{_DAY}-[0-9]{{3}}[.-][0-9]{{2}}",
        "85.07.30-033.28",
        check=checks.belgian,
    ),
    _number("ch-ahv-number", r"756\.[0-9]{4}\.[0-9]{4}\.[0-9]{2}", "756.9217.0769.85", check=checks.swiss),
    _number("sg-nric", "[STFGM][0-9]{7}[A-Z]", "S1234567D", check=checks.singaporean),
    _number("hk-identity-card", r"[A-Z]{1,2}[0-9]{6}\([0-9A]\)", "A123456(3)", check=checks.hong_kong),
    _number("tw-national-id", "[A-Z][1289][0-9]{8}", "A123456789", check=checks.taiwanese),
    _number(
        "za-identity-number",
        f"[0-9]{{2}}{_MONTH}{_DAY}[0-9]{{4}}[01][89][0-9]",
        "8001015009087",
        check=checks.south_african,
    ),
    _number("vehicle", "[A-HJ-NPR-Z0-9]{8}[0-9X][A-HJ-NPR-Z0-9]{3}[0-9]{5}", "1HGCM82633A004352", check=checks.vehicle),
    _called("us-ein", "ein|employer id(?:entification)?|federal tax id", "[0-9]{2}-[0-9]{7}", "EIN 12-3456789"),
    _called("us-routing-number", "aba|rtn|routing", "[0-9]{9}", "routing number 021000021", check=checks.routing),
    _called(
        "au-tax-file-number", "tfn|tax file", "[0-9]{3} ?[0-9]{3} ?[0-9]{3}", "TFN 123 456 782", check=checks.tax_file
    ),
    _called("au-medicare-number", "medicare", "[2-6][0-9]{3} ?[0-9]{5} ?[0-9]", "Medicare 2123 45670 1"),
    _called("nl-bsn", "bsn|burgerservicenummer", "[0-9]{9}", "BSN 111222333", check=checks.citizen_service),
    _called(
        "tr-national-id", "t[.]?c[.]?(?: kimlik)?|kimlik", "[1-9][0-9]{10}", "TC Kimlik No: 10000000146", checks.turkish
    ),
    _called("in-voter-id", "voter(?: id)?|epic", "[A-Z]{3}[0-9]{7}", "voter ID KSD1287349"),
    _called(
        "tax-id",
        "tin|tax ?(?:payer)?(?: ?id(?:entification)?)?",
        "[0-9]{3}-[0-9]{3}-[0-9]{3}(?:-[0-9]{3,5})?|[0-9]{2}-[0-9]{7}|[0-9]{9}|[0-9]{12}",
        "TIN 123-456-789-000",
    ),
    _called(
        "national-id",
        "(?:national|citizen|resident|personal) id(?:entity|entification)?|identity card|id card|personnummer|pnr",
        "[A-Z]{0,3}[0-9][A-Z0-9-]{6,17}",
        "national ID number: AB1234567C",
        lambda value: sum(map(str.isdigit, value)) >= 6,
    ),
    _called("pl-pesel", "pesel", "[0-9]{11}", "PESEL 44051401359", check=checks.pesel),
    _called("ie-pps", "ppsn?", "[0-9]{7}[A-W][A-I]?", "PPS 1234567T"),
    _called("pt-nif", "nif|contribuinte", "[0-9]{3} ?[0-9]{3} ?[0-9]{3}", "NIF 123456789", check=checks.nif),
    _called(
        "de-tax-id",
        "steuer-?id(?:entifikationsnummer)?|id-?nr|steuerliche identifikationsnummer",
        "[1-9][0-9] ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}",
        "Steuer-ID 86095742719",
        check=checks.tax_id,
    ),
)
