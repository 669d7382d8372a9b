"""Names and streets in texts, where a title, a card of contacts or the kind of street tells them."""

from __future__ import annotations

from outgate.redact.detect.detector import Detector, Group, apart

CAPITAL = r"A-Z\x{C0}-\x{DE}\x{100}-\x{17F}\x{391}-\x{3A9}\x{400}-\x{42F}\x{1E00}-\x{1EFF}"
SMALL = r"a-z\x{DF}-\x{17F}\x{3AC}-\x{3CE}\x{430}-\x{45F}\x{1E00}-\x{1EFF}"
PART = rf"[{CAPITAL}][{SMALL}'\x{{2019}}]+(?:-[{CAPITAL}{SMALL}][{SMALL}]+)?"
PARTICLE = "(?:van|von|de|der|den|del|della|di|da|dos|la|le|bin|al|el|zu|ter)"
NAMED = rf"{PART}(?:[ ](?:{PARTICLE}[ ]){{0,2}}(?:{PART}|[{CAPITAL}]\.)){{0,3}}"
_TITLES = "(?:Mr|Mrs|Ms|Mx|Prof)[.]?|Herrn?|Frau|Monsieur|Madame|Mme|Signora?|Señora?|Sra[.]|Dr[.]|Pan[ií]"
_STREETS = (
    "Street|Road|Avenue|Lane|Drive|Close|Court|Boulevard|Terrace|Crescent|Gardens|Square|Highway|Parkway|Circle|Grove"
    "|St|Rd|Ave|Ln|Blvd|Hwy|Pkwy|Cres|Ct"
)
_ROADS = "rue|avenue|boulevard|allée|chemin|impasse|quai|route"
_ENDING = "(?:stra(?:ß|ss)e|str[.]|gasse|allee|straat|laan|gatan|vägen|veien|gata)"
_VCARD = "BEGIN:VCARD"
_FARTHEST = 4096


def _of_a_card(text: str, start: int, _end: int) -> bool:
    """A line of a card of contacts."""
    line = start == 0 or text[start - 1] == "\n"
    return line and text.rfind(_VCARD, max(0, start - _FARTHEST), start) >= 0


DETECTORS = (
    Detector(
        "person-by-title",
        Group.PII,
        rf"(?:{_TITLES})[ ](?:(?:Dr|Prof)[.]?[ ])?({NAMED})",
        "Mrs. Jane Doe",
        hint=f"(?:{_TITLES})[ ][{CAPITAL}]",
        check=lambda name: len(name) > 2,
    ),
    Detector(
        "contact-line",
        Group.PII,
        r"(?:FN|N|NICKNAME|ADR|BDAY|LABEL)(?:;[^:\r\n\x00]*)?:([^\r\n\x00]*[^\r\n\x00; ][^\r\n\x00]*)",
        "BEGIN:VCARD\nFN:Jane Doe",
        hint=_VCARD,
        around=_of_a_card,
    ),
    Detector(
        "street-in-text",
        Group.PII,
        rf"[0-9]{{1,5}}[A-Za-z]?,?[ ](?:[NSEW][.]?[ ])?(?:{PART}[ ]){{1,3}}(?:{_STREETS})",
        "12 Example Street",
        hint=f"[ ](?:{_STREETS})[^A-Za-z0-9]",
        around=apart,
    ),
    Detector(
        "street-in-french",
        Group.PII,
        rf"[0-9]{{1,4}}(?:[ ]?(?:bis|ter))?,?[ ](?i:{_ROADS})[ ](?:(?:de|du|des|la|le|les)[ ]|d'|l'){{0,2}}{NAMED}",
        "12 rue de Rivoli",
        hint=f"[ ](?i:{_ROADS})[ ]",
        around=apart,
    ),
    Detector(
        "street-with-ending",
        Group.PII,
        rf"(?:{PART}[ -]){{0,3}}[{CAPITAL}][{SMALL}-]*[ ]?(?i:{_ENDING})[ ][0-9]{{1,4}}(?:[ ]?[a-z]\b)?",
        "Beispielstraße 12",
        hint=f"(?i:{_ENDING})[ ][0-9]",
        around=apart,
    ),
)
