"""Secrets in lines that some program reads, where the place in the line says what is one: `.pgpass`, names of data
sources, members of a key, the words of a wallet.

Owns their patterns. Knows no names but those that the program itself has.
"""

from __future__ import annotations

from outgate.redact.detect.assignments import SIGN, stands_for_nothing
from outgate.redact.detect.detector import Detector, Group

_SEED_WORD = r"[a-z]{3,8}\b"
_SEED = "|".join(f"{_SEED_WORD}(?:[ ,]{{1,2}}{_SEED_WORD}){{{count - 1}}}" for count in (24, 21, 18, 15, 12))
_SAYS_SEED = (
    r"(?i:mnemonic|(?:seed|recovery|backup|secret)[ _-]?(?:phrase|words))[A-Za-z0-9_-]*"
    rf"(?:{SIGN}|[ ]is[ :])\\?[\"']?"
)
_NEARBY = 4096
"""Characters that a key has at most in front of a member and behind it."""


def _of_a_key(text: str, start: int, end: int) -> bool:
    """A JSON Web Key says nearby what type it has."""
    return '"kty' in text[max(0, start - _NEARBY) : end + _NEARBY].replace("\\", "")


DETECTORS = (
    Detector(
        "seed-phrase",
        Group.SECRETS,
        f"{_SAYS_SEED}({_SEED})",
        "mnemonic is " + "abandon " * 11 + "about",
        hint=f"{_SAYS_SEED}{_SEED_WORD}[ ,]",
    ),
    Detector(
        "driver-password",
        Group.SECRETS,
        r"""[^\s:@/"'<>\\\x00]+:([^\s"'<>\\\x00]+)@(?:tcp|unix|udp)[46]?\(""",
        "app:{w16}@tcp(db.internal:3306)/shop",
        hint=r"@(?:tcp|unix|udp)[46]?\(",
    ),
    Detector(
        "pgpass-line",
        Group.SECRETS,
        r"(?:[0-9A-Za-z_.-]+|\*):(?:[0-9]?[56]43[0-9]|\*):[^\s:\x00]+:[^\s:\x00]+:([^\s:\"'\x00]{3,})",
        "db.internal:5432:shop:app:{w16}",
        hint=r":(?:[0-9]?[56]43[0-9]|\*):",
        check=lambda value: not stands_for_nothing(value),
    ),
    Detector(
        "key-member",
        Group.SECRETS,
        r"""\\?"(?:d|p|q|dp|dq|qi|k)\\?"[ ]?:[ ]?\\?"([0-9A-Za-z_-]{16,})""",
        '{"kty":"oct","k":"{b43}"}',
        hint=r"""\\?"(?:d|p|q|dp|dq|qi|k)\\?"[ ]?:""",
        around=_of_a_key,
        longest=4096,
    ),
)
