"""What a `content-type` says, as far as codecs have to know: the type itself and single parameters."""

from __future__ import annotations

import re

PARAMETER = re.compile(r';\s*+([\w!#$&^.+-]++)\s*+=\s*+(?:"((?:[^"\\]|\\.){0,1024}+)"|([^\s;"]++))', re.DOTALL)
ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def essence(media_type: str) -> str:
    """`type/subtype`, in lower case."""
    return media_type.partition(";")[0].strip().lower()


def parameters(media_type: str) -> dict[str, str]:
    """By their names in lower case; of several with one name the first holds."""
    made: dict[str, str] = {}
    for found in PARAMETER.finditer(media_type):
        value = found[3] if found[2] is None else ESCAPE.sub(r"\1", found[2])
        made.setdefault(found[1].lower(), value)
    return made


def in_utf8(media_type: str) -> str:
    """The same type, said to be in UTF-8."""
    kept = [each[0] for each in PARAMETER.finditer(media_type) if each[1].lower() != "charset"]
    return "".join([essence(media_type) or "text/plain", *kept, "; charset=utf-8"])
