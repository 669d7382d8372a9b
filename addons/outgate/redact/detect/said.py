"""Values that a word in a text tells: `my AFM is ...`, `Sozialversicherungsnummer: ...`, an answer to a question.

Owns what may stand between a word and what it tells. The word alone is looked for everywhere; all else of the pattern
only where one is.
"""

from __future__ import annotations

from outgate.redact.detect.detector import Check, Detector, Group, apart_as_answer, apart_as_number

ENDED = r"[^0-9A-Za-z\x00]"
"""Behind a word."""
_COUNTED = "(?i:(?:no|nr|number|num|id|code|nummer|n[uú]mero)[.]?)?"
_LINKS = (
    "is|was|are|as|to|on|the|this|that|my|your|our|their|his|her|an?|and|form|file|record|reads?|says|shows?|states?"
    "|given|entered|provided|listed|registered|updated|now|number|ends?|should|be|for|with|contact|customer|caller"
    "|reach|me|us|at|ist|lautet|est|es|er|är|jest"
)
_SIGNS = r"""[.:;,#=|>*"'`“”«»()\[\] \t\x{A0}-]"""
NEAR = rf"{_COUNTED}(?:{_SIGNS}{{0,3}}(?i:{_LINKS})\b){{0,6}}{_SIGNS}{{0,4}}"
"""Signs, and words that lead on to it."""
REPLY = r"(?:[^\x00\n?]{0,48}\?)?\r?\n[^\x00\n]{0,64}?"
"""In the line behind a question: `apart_as_answer`."""
_FAR = r"[^\x00\n]{0,48}?(?:\n[^\x00\n]{0,64}?)?"
"""Whatever is in the same line, and in the next."""


def said(
    name: str, words: str, pattern: str, example: str, check: Check | None = None, *, near: bool = False
) -> Detector:
    """`near`: for what any number can be, the word stands right in front of it."""
    hint = f"(?i:{words}){ENDED}"
    between = f"(?:{NEAR}|{REPLY})" if near else _FAR
    found = rf"{hint}{between}\b({pattern})"
    return Detector(name, Group.PII, found, example, hint, check, apart_as_answer if near else apart_as_number)
