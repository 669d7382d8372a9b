"""Request paths: the form that rules compare, and whether a path could be read in two ways.

Owns normalisation (the four ways of Istio's `pathNormalization`) and ambiguity. The gate forwards the path as it was
sent, so what a server could read differently from a rule is refused where path rules exist. Knows no rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable

NORMALIZATIONS = ("BASE", "NONE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES")

ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
ENCODED_SLASH = re.compile(r"%2f|%5c|\\", re.IGNORECASE)
SLASHES = re.compile(r"/{2,}")
END = re.compile(r"[?#]")

_DOTS = r"(?:\.|%2e){1,2}"
_AMBIGUITIES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), what)
    for pattern, what in (
        (r"[\x00-\x20\x7f]", "a control byte or a space"),
        (r"[^\x00-\x7f]", "bytes outside ASCII"),
        (r"#", "a fragment"),
        (r"\\", "a backslash"),
        (r"//", "an empty segment"),
        (rf"(?:^|/){_DOTS}(?:;[^/]*)?(?:/|$)", "a dot segment"),
        (r"%2f", "an encoded slash"),
        (r"%5c", "an encoded backslash"),
        (r"%2e", "an encoded dot"),
        (r"%(?:[01][0-9a-f]|7f)", "an encoded control byte"),
        (r"%25[0-9a-f]{2}", "an encoding of an encoding"),
        (r"%(?![0-9a-f]{2})", "a percent sign that encodes nothing"),
    )
)


def bare(path: str) -> str:
    """The path without query and fragment."""
    return path if "?" not in path and "#" not in path else END.split(path, maxsplit=1)[0]


def normalise(path: str, how: str) -> str:
    """The path, without query and fragment, in the form that rules compare. `how` is one of `NORMALIZATIONS`."""
    return _WAYS[how](bare(path))


def ambiguous(path: str) -> str:
    """What makes a path readable in two ways, in words; empty where nothing does. The query is not looked at."""
    text = path.partition("?")[0]
    return next((what for pattern, what in _AMBIGUITIES if pattern.search(text)), "")


def _base(path: str) -> str:
    text = path.replace("\\", "/")
    return _without_dots(ESCAPE.sub(_unescape, text) if "%" in text else text)


def _merged(path: str) -> str:
    return SLASHES.sub("/", _base(path))


def _decoded(path: str) -> str:
    return _merged(ENCODED_SLASH.sub("/", path))


def _unescape(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if character in UNRESERVED else match[0]


def _without_dots(path: str) -> str:
    """RFC 3986, section 5.2.4, for a path that starts with a slash; any other path is left alone."""
    if not path.startswith("/") or "." not in path:
        return path
    kept: list[str] = []
    segments = path[1:].split("/")
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


_WAYS: dict[str, Callable[[str], str]] = {
    "BASE": _base,
    "NONE": str,
    "MERGE_SLASHES": _merged,
    "DECODE_AND_MERGE_SLASHES": _decoded,
}
