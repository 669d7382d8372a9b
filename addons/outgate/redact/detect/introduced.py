"""Names of people in texts: full ones, and those that greetings, letters and words for people lead on to.

Owns the words that lead on to a name. What people are called is in `given_names`, what they are not in `no_names`.
"""

from __future__ import annotations

from outgate.redact.detect.detector import Beside, Detector, Group, apart, whole
from outgate.redact.detect.given_names import GIVEN
from outgate.redact.detect.no_names import may_name
from outgate.redact.detect.people import CAPITAL, NAMED, PART, PARTICLE

_PHRASES = (
    "my (?:full )?name is|my name's|mein name ist|ich hei(?:ß|ss)e|je m'appelle|mon nom est|me llamo|mi nombre es"
    "|mi chiamo|il mio nome (?:è|e')|(?:o )?meu nome (?:é|e)|me chamo|chamo-me|mijn naam is|ik heet|mitt namn är"
    "|mit navn er|mitt navn er|jag heter|jeg hedder|jeg heter|nimeni on|nazywam się|mam na imię|jmenuji se|volám sa"
    "|mă numesc|меня зовут|мене звати|με λένε|patient(?:in|e)? name|name of (?:the )?(?:patient|insured|applicant)"
)
_CLOSINGS = (
    "(?:kind|best|warm|warmest|many)(?: regards| wishes)|regards|yours(?: sincerely| faithfully| truly)?|sincerely"
    "|faithfully|respectfully|cheers|(?:many )?thanks|thank you|best|mit (?:freundlichen|besten) grü(?:ß|ss)en|lg|mfg"
    "|(?:freundliche|viele|beste|liebe|herzliche) grü(?:ß|ss)e|cordialement|bien à vous|sincères salutations|merci"
    "|atentamente|saludos(?: cordiales)?|un (?:cordial )?saludo|gracias|(?:cordiali |distinti )?saluti|grazie"
    "|atenciosamente|cumprimentos|obrigad[oa]|abraços|met vriendelijke groet(?:en)?|groet(?:en|jes)?|mvh|hilsen"
    "|(?:med )?vänliga hälsningar|med venlig hilsen|vennlig hilsen|ystävällisin terveisin|z poważaniem|pozdrawiam"
    "|s pozdravem|üdvözlettel|saygılarımla|с уважением|з повагою|με εκτίμηση"
)
_GREETINGS = (
    "Dear|Hi|Hello|Hey|Hallo|Liebe[rs]?|Guten (?:Tag|Morgen)|Moin|Ch(?:er|ère)|Bonjour|Bonsoir|Salut|Estimad[oa]"
    "|Querid[oa]|Hola|Car[oa]|Gentile|Ciao|Prezad[oa]|Olá|Oi|Beste|Geachte|Hej|Hei|Kära|Kære|Drog[ia]|Cześć"
    "|Dobrý den|Kedves|Dragă|Merhaba|Sayın|Уважаем(?:ый|ая)|Здравствуйте|Привет|Добрый день"
    "|Good (?:morning|afternoon|evening)"
)
_RELATED = (
    "husband|wife|spouse|partner|son|daughter|mother|father|brother|sister|mum|mom|dad|colleague|neighbou?r|boss|friend"
    "|cousin|aunt|uncle|nephew|niece|grandmother|grandfather|client|patient|tenant|landlord|assistant|supervisor|lawyer"
    "|doctor|nurse|teacher|student|employee|coworker|fiancée?|girlfriend|boyfriend|child|caregiver"
)
_ACTING = (
    "(?:spoke|speak|met|talked|chatted) with|on behalf of|signed by|payable to|patient|applicant|claimant|defendant"
    "|plaintiff|policyholder|passenger|signatory|(?:bill|billed|ship|shipped|sold|deliver) to|attn|titular|titulaire"
    "|(?:konto|karten)inhaber(?:in)?|intestatario|caller"
)
_ENDS = r"[ \t]*(?:[\r\n,|]|\x00|\z)"


def _named(text: str) -> bool:
    return len(text) > 2 and may_name(text)


def _in_full(text: str) -> bool:
    return " " in text and may_name(text)


def _led(name: str, words: str, between: str, example: str, after: str = "", *, full: bool = False) -> Detector:
    """A name is told by words in front of it. `full`: where it has several words itself."""
    begins = f"{words}{between}"
    check = _in_full if full else _named
    return Detector(name, Group.PII, f"{begins}({NAMED}){after}", example, f"{begins}[{CAPITAL}]", check, apart)


def _in_full_of(origin: str, names: list[str]) -> Detector:
    begins = f"(?:{'|'.join(names)})"
    found = rf"(?:[ -]{PART}|[ ][{CAPITAL}]\.)?(?:[ ]{PARTICLE}){{0,2}}(?:[ ]{PART}){{1,2}}"
    return Detector(
        f"full-name-{origin}",
        Group.PII,
        begins + found,
        f"{names[-1]} Doe",
        hint=f"{begins}[ -]",
        check=may_name,
        around=apart,
    )


DETECTORS = (
    *(_in_full_of(*each) for each in GIVEN.items()),
    _led("introduced-name", f"(?i:{_PHRASES})", "[ ,:]{1,2}", "my name is Jory Doe"),
    _led(
        "signed-name",
        rf"[\n.,!?][ \t]*(?i:{_CLOSINGS})",
        r"[ ]?[,.!]?[ ]?(?:\r?\n[ \t]*){1,2}[-–]?[ ]?",
        "Thanks.\nRegards,\nJory Doe,",
        _ENDS,
    ),
    _led(
        "signed-in-line",
        rf"[\n.!?][ \t]*(?i:{_CLOSINGS})",
        ",[ ]",
        "Sorry. Groeten, Jory Doe,",
        _ENDS,
        full=True,
    ),
    _led("greeted-name", rf"\b(?:{_GREETINGS})", ",?[ ]", "Dear Jane,", r"[ ]?[,.!:\n\r\x00]"),
    _led(
        "related-name",
        f"(?i:(?:my|our|his|her|their)[ ](?:{_RELATED}))",
        ",?[ ]",
        "my client Jory Doe",
        full=True,
    ),
    _led("acting-name", rf"\b(?i:{_ACTING})", "[ :]{1,3}", "spoke with Jory Doe", full=True),
    Detector(
        "name-in-a-role",
        Group.PII,
        NAMED,
        "Jory Doe",
        check=_in_full,
        around=whole,
        beside=Beside.ROLES,
    ),
)
