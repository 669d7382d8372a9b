"""Names and streets in texts, where a title, a card of contacts or the kind of street tells them."""

from __future__ import annotations

from outgate.redact.detect.detector import Detector, Group, anywhere, apart
from outgate.redact.detect.no_names import may_name

CAPITAL = r"A-Z\x{C0}-\x{DE}\x{100}-\x{17F}\x{391}-\x{3A9}\x{400}-\x{42F}\x{1E00}-\x{1EFF}"
SMALL = r"a-z\x{DF}-\x{17F}\x{3AC}-\x{3CE}\x{430}-\x{45F}\x{1E00}-\x{1EFF}"
PART = rf"[{CAPITAL}][{SMALL}'\x{{2019}}]+(?:-[{CAPITAL}{SMALL}][{SMALL}]+)?"
PARTICLE = "(?:van|von|de|der|den|del|della|di|da|dos|la|le|bin|al|el|zu|ter)"
NAMED = rf"{PART}(?:[ ](?:{PARTICLE}[ ]){{0,2}}(?:{PART}|[{CAPITAL}]\.)){{0,3}}"
_TITLES = "(?:Mr|Mrs|Ms|Mx|Prof)[.]?|Herrn?|Frau|Monsieur|Madame|Mme|Signora?|Señora?|Sra[.]|Dr[.]|Pan[ií]"
_STREETS = (
    "Street|Road|Avenue|Lane|Drive|Close|Court|Boulevard|Terrace|Crescent|Gardens|Square|Highway|Parkway|Circle|Grove"
    "|Mews|Parade|Row|Way|Walk|Rise|Alley|Quay|Embankment|Wharf|Esplanade|Crossing|Trail|Loop|Pike"
    "|St|Rd|Ave|Ln|Blvd|Hwy|Pkwy|Cres|Ct"
)
_ROADS = "rue|avenue|boulevard|allée|chemin|impasse|quai|route"
_ENDING = (
    "(?:stra(?:ß|ss)e|str[.]|gasse|allee|straat|laan|gracht|kade|plein|singel|steeg|dijk|weg"
    "|platz|ring|damm|ufer|gatan|vägen|veien|gata)"
)
_KINDS = (
    "Calle|C/|Avda[.]?|Avenida|Av[.]|Paseo|Plaza|Camino|Carrera|Rua|Travessa|Praça|Alameda|Estrada|Via|Viale"
    "|Piazza|Corso"
    "|Largo|Vicolo|[Uu]l[.]|[Uu]lica|[Aa]l[.]|[Oo]s[.]|[Вв]ул[.]|[Уу]л[.]|[Уу]лица|[Пп]росп[.]|[Пп]р-т|[Пп]роспект"
    "|[Пп]ер[.]|[Бб]ул[.]|Strada|[Ss]tr[.]|Bd[.]|Bulevardul|Οδός|Jl[.]|Jalan"
)
"""Of streets, in front of their names."""
_COUNTED = r"(?:,?[ ](?:[Nn][º°.o]{0,2}[ ]?|nr[.]?[ ]?|д[.][ ]?|буд[.][ ]?)?)"
_CROSSED = "Carrera|Cra|Cr|Kr|Calle|Cll|Cl|Avenida|Av|Transversal|Tv|Diagonal|Dg"
_BEHIND = "utca|útja?|tér|körút|sétány|köz|sokak|sok[.]|cad[.]|caddesi|sokağı|tänav|iela|gatvė|g[.]|katu|tie|kuja"
"""Kinds of streets behind their names."""
_HAN = r"\x{4E00}-\x{9FFF}"
_LANE = "[路街道巷弄村里段][0-9一二三四五六七八九十百]{1,6}[号號弄]"
_KANA = r"\x{3005}\x{3040}-\x{30FF}"
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
    Detector(
        "street-by-kind",
        Group.PII,
        rf"(?:{_KINDS})[ ]?(?:(?:{PARTICLE}|do|das|e|y|dei|degli|delle|dello|los|las)[ ])*{PART}"
        rf"(?:[ -](?:(?:{PARTICLE}|do|das|e|y|dei|degli|los|las)[ ])*{PART}){{0,4}}{_COUNTED}[0-9]{{1,5}}"
        r"(?:[ ]?[a-zA-Zа-я]\b|/[0-9]{1,4})?(?:,[ ]?(?:кв|apt|lok|m|piso|int)[.]?[ ]?[0-9]{1,4})?",
        "Calle de Alcalá 12",
        hint=rf"(?:{_KINDS})[ ]?[{CAPITAL}{SMALL}]",
        around=apart,
    ),
    Detector(
        "street-at",
        Group.PII,
        rf"(?:Am|Im|Zum|Zur|An de[rmn]|Auf de[rmn]|In de[rmn]|Unter den|Hinter de[rmn])[ ]{PART}(?:[ ]{PART})?"
        r"[ ][0-9]{1,4}(?:[ ]?[a-z]\b)?",
        "Am Mühlgraben 12",
        hint=r"(?:Am|Im|Zum|Zur|de[rmn]|Unter den)[ ][^\s\x00]+[ ](?:[^\s\x00]+[ ])?[0-9]",
        check=may_name,
        around=apart,
    ),
    Detector(
        "street-by-numbers",
        Group.PII,
        rf"(?:{_CROSSED})[.]?[ ][0-9]{{1,3}}[A-Z]{{0,2}}(?:[ ](?:Sur|Norte|Este|Oeste|Bis))?[ ](?:#|N[o°º][.]?)[ ]?"
        "[0-9]{1,3}[A-Z]{0,2}[ ]?-[ ]?[0-9]{1,3}(?:[ ](?:apto|apt|int|casa|of)[.]?[ ]?[0-9A-Z]{1,5})?",
        "Carrera 15 # 88-21",
        hint=rf"(?:{_CROSSED})[.]?[ ][0-9]",
    ),
    Detector(
        "street-by-kind-behind",
        Group.PII,
        rf"(?:{PART}[ ]){{1,3}}(?:{_BEHIND})[ ][0-9]{{1,4}}(?:[/-][0-9A-Za-z]{{1,4}}|[ ]?[a-zA-Z]\b)?",
        "Kossuth utca 12",
        hint=rf"[ ](?:{_BEHIND})[ ][0-9]",
        around=apart,
    ),
    Detector(
        "address-in-chinese",
        Group.PII,
        rf"(?:[{_HAN}]{{2,7}}[省市区區县縣州盟]){{0,4}}[{_HAN}0-9]{{1,24}}{_LANE}"
        rf"(?:[0-9A-Za-z一二三四五六七八九十号號楼樓幢栋棟单元單层層室座之-]{{0,24}})",
        "上海市徐汇区漕溪北路88号1203室",
        hint=_LANE,
        around=anywhere,
    ),
    Detector(
        "address-in-japanese",
        Group.PII,
        rf"(?:〒?[0-9]{{3}}-[0-9]{{4}}[ ]?)?[{_HAN}]{{1,4}}[都道府県][{_HAN}{_KANA}]{{1,16}}[市区町村郡]"
        rf"[{_HAN}{_KANA}]{{0,16}}[0-9]{{1,4}}(?:(?:丁目|番地?|-|の)[0-9]{{1,4}}){{0,3}}(?:号|番地?)?",
        "東京都渋谷区神南1-2-3",
        hint=rf"[都道府県][{_HAN}{_KANA}]{{1,16}}[市区町村郡]",
        around=anywhere,
    ),
)
