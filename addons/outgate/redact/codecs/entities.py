"""Escapes of XML: how a text is read that has some, and how any text is written where it stands.

Owns that no text ends what it is in. What XML cannot hold at all becomes a question mark.
"""

from __future__ import annotations

import re

from outgate.redact.codecs.utf8 import encoded
from outgate.redact.leaf import Unreadable

REFERENCE = re.compile(r"&(?:#x([0-9a-fA-F]{1,6}+);|#([0-9]{1,7}+);|(lt|gt|amp|quot|apos);|)")
NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}
IMPOSSIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udc7f\udd00-\udfff]")
ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
QUOTED = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}
)


def text(raw: str) -> str:
    """Raises `Unreadable` for an entity that XML does not have."""
    return REFERENCE.sub(_character, raw) if "&" in raw else raw


def _character(found: re.Match[str]) -> str:
    if found[3]:
        return NAMED[found[3]]
    code = int(found[1], 16) if found[1] else int(found[2] or "-1")
    if not 0 < code <= 0x10FFFF or IMPOSSIBLE.match(chr(code)):
        raise Unreadable("an entity that XML does not have")
    return chr(code)


def _possible(text: str) -> str:
    return IMPOSSIBLE.sub("?", text)


def escaped(text: str) -> bytes:
    return encoded(_possible(text).translate(ESCAPES))


def in_quotes(text: str) -> bytes:
    """With the quotes."""
    return encoded(f'"{_possible(text).translate(QUOTED)}"')


def in_cdata(text: str) -> bytes:
    """With its beginning and end."""
    return encoded(f"<![CDATA[{_possible(text).replace(']]>', ']]]]><![CDATA[>')}]]>")


def in_comment(text: str) -> bytes:
    made = _possible(text).replace("--", "- -").replace("--", "- -")
    return encoded(f"{made} " if made.endswith("-") else made)


def in_instruction(text: str) -> bytes:
    return encoded(_possible(text).replace("?>", "? >"))
