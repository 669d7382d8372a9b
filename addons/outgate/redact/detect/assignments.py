"""Secrets that a name in the text tells: `password=...`, `"api_key": "..."`, `--token ...`, parameters of a URL.

Owns their patterns and what has to stand around the value. For texts that no codec has taken apart: logs, settings,
command lines, what is malformed.
"""

from __future__ import annotations

import re
from string import ascii_letters, digits

from outgate.redact.detect.detector import UUID, Detector, Group, anywhere, apart
from outgate.redact.detect.names import Names, classify
from outgate.redact.detect.randomness import random
from outgate.redact.detect.vocabulary import SECRETS, SUSPICIOUS

_WORDS = (
    "pass?w(?:or)?d|passwort|passphrase|ps?wd|secret|token|credentials?|(?:api|app|access|auth|account"
    "|authentication|activation|private|secret|master"
    "|encryption|signing|subscription|license|session)[_ -]?key|session[_-]?id|contrase(?:n|ñ)a|mot de passe|senha"
    "|kennwort|(?:pass|pw)[0-9]?|mnemonic|(?:seed|recovery)[_ -]?phrase"
)
_TOLD = (
    "secret|token|passw(?:or)?d|credentials?|(?:api|app|access|auth|private|secret|license|service)[_ -]?key"
    "|key(?: is|:)"
)
_SUSPECTED = "key|auth|cred(?:ential)?s?|access|private|session|signature|webhook"
_SAYS = (
    "(?:password|passcode|passphrase|pin|pass|pw) (?:is|was|to|=)(?: now)?|passwort lautet|(?:passwort"
    "|kennwort) (?:ist|war)"
    "|mot de passe (?:est|:)|contrase(?:ñ|n)a (?:es|:)|senha (?:é|e|:)|password (?:è|e')|wachtwoord (?:is|:)"
    "|hasło (?:to|:)"
    "|heslo (?:je|:)|lösenord(?:et)? är|пароль|parola (?:este|è)|şifre(?:niz|m)?:?|adgangskode(?:n)? er|密码是"
    "|密码：|パスワードは"
)
"""What says a password in a sentence."""
_APART = r"""\s{0,2}(?:=>|[:|=-])?\s{1,2}[("'`|]{0,2}"""
BARE = r"""[^\s"'\\,;&<>(){}\[\]\x00]{4,}"""
QUOTED = r"""@?\\?"([^"\x00\n\\]{3,})|\\?'([^'\x00\n\\]{3,})|`([^`\x00\n\\]{3,})"""
_DRAWN = "[0-9A-Za-z+/_.~-]{19,}[0-9A-Za-z+/_-]={0,2}"
_QUOTE = r"""\\?["']?"""
_CREDENTIALS = r"""[^\s"'\\,\x00]{4,}"""
SIGN = r"""\\?["']?\]?[ \t]{0,24}\s{0,2}(?:=>|:=|[!=]==?|[:=])[ \t]{0,24}\s{0,2}"""
ASSIGNS = re.compile(rf"""{SIGN}@?\\?["'`]?""")
_CALLS = "define|[A-Za-z_.]*(?i:get|set|put|env|add|append|header|property)[A-Za-z_.]*"
"""Functions whose arguments are a name and its value."""
_WORDY = re.compile(r"[A-Za-z]?[a-z_. ]*|[A-Za-z]+(?:[_. ][A-Za-z]+)+|[A-Z]+")
_NUMBER = re.compile(r"[0-9.,%/]+")
_SHORT = frozenset({"pass", "pw"})
"""Names that mean something else beside a number."""
_IDENTIFIER = re.compile("[A-Za-z_.]*")
_MEMBER = re.compile(
    r"(?:[a-z]|settings|config|cfg|conf|self|this|os|env|args|opts|options|params|props|req|request|ctx|process|form)"
    r"\.[A-Za-z_.]+(?:\|\||\?\?)?"
)
"""Of an object in a program."""
NAME = frozenset(f"{ascii_letters}{digits}_.-")
_PLACEHOLDER = re.compile(
    r"[*.xX•#-]+|[$<{%\[(].*|(?:null|none|nil|undefined|true|false|string|required|optional|empty|hidden"
    r"|redacted|secret"
    r"|password|token|your.*|example|enter.*|n/a)",
    re.IGNORECASE,
)
_SIGNED = frozenset(
    (
        *("x-amz-signature", "x-amz-credential", "x-amz-security-token", "awsaccesskeyid", "key-pair-id", "signature"),
        *("x-goog-signature", "x-goog-credential", "googleaccessid", "sig", "hmac", "hdnea", "hdnts", "__token__"),
        *("key", "auth", "code", "ticket", "sid"),
    )
)
"""Parameters of URLs that are secrets there, whatever such a name means elsewhere."""
_PARAMETER = (
    "[?&][A-Za-z0-9_.-]*(?i:sig|token|key|auth|secret|credential|passw?(?:or)?d?|pwd|code|sess|sid|ticket|jwt|hmac|hdn"
    "|accessid)[A-Za-z0-9_.-]*="
)
UUID_ALONE = re.compile(UUID, re.IGNORECASE)
_SUSPICIOUS = Names((word, True) for word in SUSPICIOUS)
_BACK = 64
"""Characters in front of a match that may belong to the name."""


def stands_for_nothing(value: str) -> bool:
    """A placeholder: stars, a variable, a word that says what would stand there."""
    return _PLACEHOLDER.fullmatch(value) is not None


def _named(text: str, start: int, end: int) -> bool:
    """The name is that of a secret, and the value is one: in quotes, right behind `=`, or more than names of a program
    and words of a language are."""
    head, sign, value = _parted(text[start:end])
    name = _before(text, start) + head
    if classify(name) not in SECRETS or stands_for_nothing(value):
        return False
    if sign == "=" and _MEMBER.fullmatch(value):
        return False
    if name.lower() in _SHORT and _NUMBER.fullmatch(value):
        return False
    return sign == "=" or sign.endswith(('"', "'", "`")) or _IDENTIFIER.fullmatch(value.rstrip(".:!?")) is None


def _argument(text: str, start: int, end: int) -> bool:
    """The name is that of a secret, and the value is more than words."""
    _, name, value = (each.strip("\"'\\") for each in re.split(r"[(,]\s*", text[start:end], maxsplit=2))
    return classify(name) in SECRETS and not stands_for_nothing(value) and _WORDY.fullmatch(value) is None


def _default(text: str, start: int, end: int) -> bool:
    """The name is that of a secret, and the value is more than words."""
    head, _, value = text[start:end].partition(" ")
    value = value.split(None, 1)[1].strip("\"'`")
    name = _before(text, start) + head.rstrip("\"')]")
    return classify(name) in SECRETS and not stands_for_nothing(value) and _WORDY.fullmatch(value) is None


def _suspected(text: str, start: int, end: int) -> bool:
    """The name is that of what may be a secret."""
    name = _before(text, start) + _parted(text[start:end])[0]
    return bool(_SUSPICIOUS.find(name)) and not _is_public(text, start)


def _before(text: str, start: int) -> str:
    """How a name begins that ends at `start`."""
    begin = start
    while begin > max(0, start - _BACK) and text[begin - 1] in NAME:
        begin -= 1
    return text[begin:start]


def _drawn(value: str) -> bool:
    """By a machine, also where it is no secret unless something says so."""
    return random(value) or UUID_ALONE.fullmatch(value) is not None


def _is_public(text: str, start: int) -> bool:
    return text[max(0, start - 7) : start].lower().startswith("public")


def _not_public(text: str, start: int, end: int) -> bool:
    return apart(text, start, end) and not _is_public(text, start)


def _parted(match: str) -> tuple[str, str, str]:
    """Name, what assigns, and value."""
    found = ASSIGNS.search(match)
    return (match[: found.start()], found[0], match[found.end() :]) if found else (match, "", "")


def _element(text: str, start: int, end: int) -> bool:
    """Its name is that of a secret, and it ends as it begins."""
    name = text[start + 1 : end].partition(">")[0].split(None, 1)[0]
    return classify(name.rpartition(":")[2]) in SECRETS and text.startswith(f"{name}>", end)


def _parameter(text: str, start: int, end: int) -> bool:
    name, _, value = text[start + 1 : end].partition("=")
    secret = name.lower() in _SIGNED or classify(name) in SECRETS
    return secret and not stands_for_nothing(value)


DETECTORS = (
    Detector(
        "url-parameter",
        Group.SECRETS,
        rf"""{_PARAMETER}([^&#\s"'<>\\\x00]{{6,}})""",
        "https://a.example/b?token={w20}",
        hint=_PARAMETER,
        around=_parameter,
        longest=2200,
    ),
    Detector(
        "connection-password",
        Group.SECRETS,
        r"""(?i:;[ ]{0,2}(?:password|pwd)[ ]{0,2}=)[ ]{0,2}([^;"'\x00\r\n]+)""",
        "Server=db;Password={w16};",
        hint="(?i:;[ ]{0,2}(?:password|pwd)[ ]{0,2}=)",
        check=lambda value: not stands_for_nothing(value),
        around=anywhere,
    ),
    Detector(
        "assignment",
        Group.SECRETS,
        rf"(?i:{_WORDS})[A-Za-z0-9_-]*{SIGN}(?:{QUOTED}|({BARE}))",
        'password = "{w12}"',
        hint=rf"(?i:{_WORDS})[A-Za-z0-9_-]*{SIGN}",
        around=_named,
    ),
    Detector(
        "argument",
        Group.SECRETS,
        rf"""(?:{_CALLS})\([ ]?\\?["'][A-Za-z0-9_.-]*(?i:{_WORDS})[A-Za-z0-9_.-]*\\?["'],[ ]{{0,4}}(?:{QUOTED})""",
        "define('DB_PASSWORD', '{w12}1');",
        hint=rf"""(?i:{_WORDS})[A-Za-z0-9_.-]*\\?["'],""",
        around=_argument,
    ),
    Detector(
        "default",
        Group.SECRETS,
        rf"""(?i:{_WORDS})[A-Za-z0-9_]*["']?[\])]?[ ](?:or|\|\||\?\?|\?:)[ ](?:{QUOTED})""",
        "process.env.API_TOKEN || '{w12}1'",
        hint=rf"""(?i:{_WORDS})[A-Za-z0-9_]*["']?[\])]?[ ](?:or|\|\||\?\?|\?:)[ ]["'`]""",
        around=_default,
    ),
    Detector(
        "assigned-key",
        Group.SECRETS,
        rf"""(?i:{_SUSPECTED})[A-Za-z0-9_-]*{SIGN}@?\\?["'`]?({_DRAWN})""",
        "acme_key = {w32}",
        hint=rf"(?i:{_SUSPECTED})[A-Za-z0-9_-]*{SIGN}",
        check=random,
        around=_suspected,
    ),
    Detector(
        "block-value",
        Group.SECRETS,
        rf"(?i:{_WORDS})[A-Za-z0-9_-]*:[ ]{{1,2}}[|>][0-9+-]{{0,2}}[ \t]*\r?\n[ \t]+([^\s\x00]{{4,}})",
        "password: |\n  {w16}",
        hint=rf"(?i:{_WORDS})[A-Za-z0-9_-]*:[ ]{{1,2}}[|>]",
        check=lambda value: not stands_for_nothing(value),
    ),
    Detector(
        "element",
        Group.SECRETS,
        rf"<(?:[A-Za-z0-9_-]+:)?[A-Za-z0-9_-]*(?i:{_WORDS})[A-Za-z0-9_-]*(?:[ ][^<>\x00]*)?>([^<>\s\x00]{{4,}})</",
        "<password>{w16}</password>",
        hint=rf"<[A-Za-z0-9_:-]*(?i:{_WORDS})",
        check=lambda value: not stands_for_nothing(value),
        around=_element,
    ),
    Detector(
        "password-input",
        Group.SECRETS,
        r"""(?i:type=["']?password["']?[^<>\x00]{0,200}\bvalue=)["']([^"'<>\x00]{3,})""",
        '<input type="password" value="{w12}">',
        hint="(?i:type=[\"']?password)",
        check=lambda value: not stands_for_nothing(value),
        around=anywhere,
    ),
    Detector(
        "login-line",
        Group.SECRETS,
        r"(?i:\blogin[ \t]+[^\s\x00]+[ \t\r\n]+password[ \t]+)([^\s\x00]{4,})",
        "machine a.example login jane password {w12}",
        hint=r"(?i:\blogin[ \t])",
        check=lambda value: not stands_for_nothing(value),
    ),
    Detector(
        "sql-password",
        Group.SECRETS,
        r"(?i:\bidentified[ ](?:with[ ][^\s\x00]+[ ])?(?:by|as)[ ]|\bpassword[ ])"
        r"""(?:'([^'\x00\n]{4,})'|"([^"\s\x00]{4,})")""",
        "CREATE USER jane IDENTIFIED BY '{w12}'",
        hint=r"(?i:\bidentified[ ]|\bpassword[ ]['\"])",
        check=lambda value: not stands_for_nothing(value),
        around=anywhere,
    ),
    Detector(
        "sql-bare-password",
        Group.SECRETS,
        r"(?i:(?:create|alter)[ ]user[ ][^\x00\n;]*?[ ]identified[ ]by[ ])([^\s'\"`;,()\\\x00]{4,})",
        "CREATE USER jane IDENTIFIED BY {w12}1;",
        hint="(?i:(?:create|alter)[ ]user[ ])",
        check=lambda value: any(map(str.isdigit, value)) and not stands_for_nothing(value),
        longest=2048,
    ),
    Detector(
        "kubernetes-bearer",
        Group.SECRETS,
        r"base64url\.bearer\.authorization\.k8s\.io\.([A-Za-z0-9_-]{8,})",
        "base64url.bearer.authorization.k8s.io.{w24}",
    ),
    Detector(
        "option",
        Group.SECRETS,
        rf"--?[A-Za-z-]*(?i:{_WORDS})(?:[ ][\"']?|\"[, ]{{1,3}}\")({BARE})",
        "--token {w20}",
        check=lambda value: value[0] not in "-$<" and not value.isalpha(),
    ),
    Detector(
        "told-secret",
        Group.SECRETS,
        rf"(?i:{_TOLD})(?i:[ ](?:is|was|provided|used|id|value|key|token))?{_APART}({_DRAWN})",
        "invalid API key provided: {w32}",
        hint=rf"(?i:{_TOLD})(?i:[ ](?:is|was|provided|used|id|value|key|token))?{_APART}[0-9A-Za-z+/_.-]",
        check=_drawn,
        around=_not_public,
    ),
    Detector(
        "told-password",
        Group.SECRETS,
        rf"(?i:{_SAYS})[ :]+[\"'`]?({BARE})",
        "the password is {w12}1",
        hint=f"(?i:{_SAYS})[ :]",
        check=lambda value: any(character.isdigit() for character in value) and not stands_for_nothing(value),
    ),
    Detector(
        "login-told",
        Group.SECRETS,
        rf"(?i:\b(?:user|usr|login|username|benutzer|usuario|utente"
        rf"|identifiant)[ :=]{{1,3}}[^\s\x00]{{1,64}}[ ,;/]{{1,3}}"
        rf"(?:and |und |y |e |et )?(?:pw|pwd|pass|password|passwort|clave|mdp)[ :=]{{1,3}})({BARE})",
        "user jane pw {w12}1",
        hint=r"(?i:[ ,;/](?:pw|pwd|pass|password|passwort|clave|mdp)[ :=])",
        check=lambda value: not (value.isalpha() or stands_for_nothing(value)),
    ),
    Detector(
        "curl-user",
        Group.SECRETS,
        r"""\bcurl\b[^\x00\n]*[ ](?:-u|--user)[ =]{0,2}["']?([^\s:"'\x00]*:[^\s"'\x00]+)""",
        "curl -u jane:{w12} https://a.example",
        hint=r"\bcurl\b",
        check=lambda value: not stands_for_nothing(value.partition(":")[2]),
    ),
    Detector(
        "authorization-line",
        Group.SECRETS,
        rf"(?i:authorization){SIGN}\\?[\"'`]?(?:[A-Za-z-]+[ \t]+)?({_CREDENTIALS})",
        "Authorization: {b40}",
        check=lambda value: not (stands_for_nothing(value) or (value.isalpha() and len(value) < 16)),
    ),
    Detector(
        "cookie-line",
        Group.SECRETS,
        r"""(?i:cookie)\\?["']?:[ ]?\\?["']?([^\s"'\\=;,\x00]+=[^\r\n"'\\\x00]+)""",
        "Cookie: sid={w24}; theme=dark",
        longest=4096,
    ),
)
