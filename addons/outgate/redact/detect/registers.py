"""Numbers in registers of population, social insurance and tax: told by a word near them, or by form and check digits.

A table. What is told by its form alone is like nothing else, or its date and check digits make others rare.
"""

from __future__ import annotations

from outgate.redact.detect import national_checks, register_checks
from outgate.redact.detect.detector import Check, Detector, Group, apart_from_groups
from outgate.redact.detect.said import said

_MONTH, _DAY = "(?:0[1-9]|1[0-2])", "(?:0[1-9]|[12][0-9]|3[01])"
_YEAR = "[0-9]{2}"


def _formed(name: str, pattern: str, example: str, check: Check | None = None) -> Detector:
    return Detector(name, Group.PII, rf"\b(?:{pattern})", example, check=check, around=apart_from_groups)


FORMED = (
    _formed(
        "no-national-id",
        "[0-7][0-9][01][0-9]{8}",
        "15108695088",
        register_checks.norwegian,
    ),
    _formed("dk-is-national-id", "[0-9]{6}-[0-9]{4}", "211062-5629", register_checks.nordic),
    _formed(
        "cz-sk-birth-number",
        "[0-9]{6}/[0-9]{4}",
        "710319/2745",
        register_checks.czech,
    ),
    _formed("at-insurance-number", "[0-9]{4}[ ][0-9]{6}", "1237 010180", register_checks.austrian),
    _formed("ie-pps-number", "[0-9]{7}[A-W][ABHW]", "1234567FA", register_checks.irish),
    _formed(
        "ru-insurance-number",
        "[0-9]{3}-[0-9]{3}-[0-9]{3}[ -][0-9]{2}",
        "112-233-445 95",
        register_checks.russian_insurance,
    ),
    _formed("ar-tax-number", "(?:2[0347]|3[034])-[0-9]{8}-[0-9]", "20-05536168-2", register_checks.argentine),
    _formed("cl-national-id", r"[0-9]{1,2}\.[0-9]{3}\.[0-9]{3}-[0-9Kk]", "12.531.909-2", register_checks.chilean),
    _formed(
        "mx-tax-number",
        "[A-ZÑ&]{4}[0-9]{6}[A-Z0-9]{2}[0-9A]",
        "GODE561231GR8",
        register_checks.mexican_tax,
    ),
    _formed("pk-national-id", "[1-7][0-9]{4}-[0-9]{7}-[0-9]", "35202-1234567-1"),
    _formed("my-national-id", "[0-9]{6}-[0-9]{2}-[0-9]{4}", "850923-14-5678", register_checks.malaysian),
    _formed(
        "th-national-id",
        "[1-8]-[0-9]{4}-[0-9]{5}-[0-9]{2}-[0-9]",
        "1-2345-45678-78-1",
        register_checks.thai,
    ),
    _formed("ae-national-id", "784-(?:19|20)[0-9]{2}-[0-9]{7}-[0-9]", "784-1985-1234567-1"),
    _formed(
        "au-business-number",
        "[1-9][0-9][ ][0-9]{3}[ ][0-9]{3}[ ][0-9]{3}",
        "51 824 753 556",
        register_checks.australian_business,
    ),
    _formed("gh-national-id", "GHA-[0-9]{9}-[0-9]", "GHA-123456789-1"),
)
TOLD = (
    said(
        "ee-lt-national-id",
        "isikukood|asmens kodas|personal code",
        "[1-6][0-9]{10}",
        "isikukood 36805280109",
        register_checks.baltic,
    ),
    said(
        "lv-national-id",
        "personas kods",
        f"{_DAY}{_MONTH}{_YEAR}-?[0-9]{{5}}",
        "personas kods 161175-19997",
        register_checks.latvian,
    ),
    said(
        "cz-sk-birth-number-told",
        "rodn[eé] [cč][ií]slo|r[.]č[.]",
        "[0-9]{6}/?[0-9]{3,4}",
        "rodné číslo: 7103192745",
        register_checks.czech,
    ),
    said("ro-national-id", "cnp|cod numeric personal", "[1-9][0-9]{12}", "CNP 1630615123457", register_checks.romanian),
    said("bg-national-id", "egn|егн", "[0-9]{10}", "EGN 7523169263", register_checks.bulgarian),
    said("hr-national-id", "oib", "[0-9]{11}", "OIB: 69435151530", national_checks.tax_id),
    said(
        "yu-national-id",
        "jmbg|emšo|emso|јмбг|embg|ембг",
        "[0-9]{13}",
        "EMŠO 0101006500006",
        register_checks.yugoslav,
    ),
    said("gr-tax-number", r"afm|\x{3B1}φμ", "[0-9]{9}", "AFM: 094259216", register_checks.greek_tax),
    said("gr-insurance-number", "amka|αμκα", "[0-9]{11}", "AMKA 01013099997", register_checks.luhn_number),
    said(
        "hu-insurance-number",
        "taj(?:[ -]?sz[aá]m)?",
        "[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{3}",
        "TAJ szám: 111 111 127",
        register_checks.hungarian,
    ),
    said(
        "hu-tax-number",
        "ad[oó]azonos[ií]t[oó](?: jel)?|ad[oó]sz[aá]m",
        "8[0-9]{9}",
        "adóazonosító 8071592153",
        register_checks.hungarian_tax,
    ),
    said(
        "pl-tax-number",
        "nip",
        "[0-9]{3}-?[0-9]{3}-?[0-9]{2}-?[0-9]{2}|[0-9]{3}-[0-9]{2}-[0-9]{2}-[0-9]{3}",
        "NIP 856-734-62-15",
        register_checks.polish_tax,
    ),
    said(
        "at-insurance-number-told",
        "svnr|sv-?n(?:umme)?r|sozialversicherungsn(?:umme)?r",
        "[0-9]{4}[ -]?[0-9]{6}",
        "SVNR 1237010180",
        register_checks.austrian,
    ),
    said(
        "ru-insurance-number-told",
        "snils|снилс",
        "[0-9]{3}-?[0-9]{3}-?[0-9]{3}[ -]?[0-9]{2}",
        "СНИЛС 11223344595",
        register_checks.russian_insurance,
    ),
    said("ru-tax-number", "inn|инн", "[0-9]{12}", "ИНН 500100732259", register_checks.russian_tax),
    said(
        "ua-tax-number",
        "rnokpp|рнокпп|іпн|ипн|ідентифікаційний код",
        "[0-9]{10}",
        "РНОКПП: 1759013776",
        register_checks.ukrainian,
    ),
    said("kz-national-id", "iin|иин|жсн", "[0-9]{12}", "ИИН 801010300103", register_checks.kazakh),
    said(
        "ar-tax-number-told",
        "cui[tl]",
        "(?:2[0347]|3[034])[ -]?[0-9]{8}[ -]?[0-9]",
        "CUIL 20055361682",
        register_checks.argentine,
    ),
    said(
        "cl-national-id-told",
        "ru[tn]",
        "[0-9]{7,8}-?[0-9Kk]",
        "RUT 12531909-2",
        register_checks.chilean,
    ),
    said(
        "mx-tax-number-told",
        "rfc|registro federal",
        "[A-ZÑ&]{3,4}-?[0-9]{6}-?[A-Z0-9]{2}[0-9A]",
        "RFC: GODE-561231-GR8",
        lambda value: register_checks.mexican_tax(value.replace("-", "")),
    ),
    said(
        "uy-national-id",
        "c[eé]dula|c[.]?i[.]?",
        r"[0-9][.]?[0-9]{3}[.]?[0-9]{3}-?[0-9]",
        "cédula 1.234.567-2",
        register_checks.uruguayan,
    ),
    said(
        "co-national-id",
        "cc|c[.]c[.]|cédula de ciudadanía",
        r"[0-9]{1,3}(?:\.[0-9]{3}){2,3}",
        "CC 1.032.483.366",
        near=True,
    ),
    said("pe-tax-number", "ruc", "[12][0-9]{10}", "RUC 20512333797", register_checks.peruvian_tax),
    said(
        "co-tax-number",
        "nit",
        r"[0-9]{3}[.]?[0-9]{3}[.]?[0-9]{3}-?[0-9]",
        "NIT 213.123.432-1",
        register_checks.colombian_tax,
    ),
    said(
        "ec-do-national-id",
        "c[eé]dula",
        "[0-9]{10}|[0-9]{3}-?[0-9]{7}-?[0-9]",
        "cédula 001-1391870-0",
        register_checks.luhn_number,
    ),
    said(
        "nz-tax-number",
        "ird",
        "[0-9]{2,3}[ -]?[0-9]{3}[ -]?[0-9]{3}",
        "IRD number 49-091-850",
        register_checks.new_zealand,
    ),
    said(
        "au-business-number-told",
        "abn|australian business",
        "[1-9][0-9]{10}",
        "ABN 51824753556",
        register_checks.australian_business,
    ),
    said(
        "th-national-id-told",
        "thai (?:national )?id|บัตรประชาชน|เลขประจำตัวประชาชน",
        "[1-8][ -]?[0-9]{4}[ -]?[0-9]{5}[ -]?[0-9]{2}[ -]?[0-9]",
        "Thai ID 1234545678781",
        register_checks.thai,
    ),
    said(
        "jp-national-id",
        "my ?number|マイナンバー|個人番号|individual number",
        "[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}",
        "マイナンバー: 6285 4720 1867",
        register_checks.japanese,
    ),
    said(
        "sa-national-id",
        "iqama|saudi id|هوية|إقامة",
        "[12][0-9]{9}",
        "Iqama number: 1000000008",
        register_checks.luhn_number,
    ),
    said(
        "il-national-id",
        "teudat zehut|israeli id|תעודת זהות|ת[.]?ז[.]?",
        "[0-9]{9}",
        "teudat zehut 123456782",
        register_checks.luhn_number,
    ),
    said(
        "it-tax-number",
        "partita iva|p[.]? ?iva",
        "[0-9]{11}",
        "partita IVA 07643520567",
        register_checks.luhn_number,
    ),
    said("my-national-id-told", "mykad|nric|ic", rf"{_YEAR}{_MONTH}{_DAY}[0-9]{{6}}", "MyKad 850923145678", near=True),
    said(
        "ae-national-id-told",
        "emirates id",
        "784[ -]?[0-9]{4}[ -]?[0-9]{7}[ -]?[0-9]",
        "Emirates ID 784198512345671",
        near=True,
    ),
    said(
        "id-national-id", "nik|ktp", rf"[1-9][0-9]{{5}}[0-7][0-9]{_MONTH}[0-9]{{6}}", "NIK: 3174012207580004", near=True
    ),
    said("vn-national-id", "cccd|căn cước(?: công dân)?", "0[0-9]{11}", "CCCD 001085012345", near=True),
    said("ng-national-id", "nin|bvn", "[0-9]{11}", "NIN: 12345678901", near=True),
    said("pk-national-id-told", "cnic|nadra", "[1-7][0-9]{12}", "CNIC 3520212345671", near=True),
    said(
        "eg-national-id",
        "egyptian id|الرقم القومي",
        rf"[23]{_YEAR}{_MONTH}{_DAY}[0-9]{{7}}",
        "Egyptian ID 28501011234567",
        near=True,
    ),
    said("lk-national-id", "nic", "[0-9]{9}[VvXx]|(?:19|20)[0-9]{10}", "NIC 853400937V", near=True),
    said(
        "dk-national-id",
        "cpr(?:-?n(?:umme)?r)?|personnummer",
        rf"{_DAY}{_MONTH}{_YEAR}[ -]?[0-9]{{4}}",
        "CPR-nummer 211062-1234",
        near=True,
    ),
    said(
        "eu-vat-number",
        "vat(?: ?(?:id|reg))?|ust-?id(?:-?nr)?|uid|tva|btw|iva|mwst",
        "(?:AT ?U|BE ?[01]|BG|CHE-?|CY|CZ|DE|DK|EE|EL|ES|FI|FR|GB|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK|XI)"
        " ?[0-9A-Z][0-9A-Z .]{6,13}[0-9A-Z]",
        "VAT: DE123456789",
        near=True,
    ),
)
DETECTORS = (*FORMED, *TOLD)
