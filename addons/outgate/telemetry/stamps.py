"""Times as Envoy writes them: its default, and `strftime` with fractions of a second.

Owns the grammar of such formats. Times are seconds since the epoch, written in UTC.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

type Write = Callable[[float], str]

PIECE = re.compile(r"%(s|[1-9]?f|.)|[^%]+|%$", re.DOTALL)
MILLISECONDS = tuple(f".{number:03}Z" for number in range(1000))
KNOWN = frozenset("aAbBcCdDeFgGhHIjmMnprRStTuUVwWxXyYzZ%")


def iso(seconds: float) -> str:
    """`2016-04-15T20:17:00.310Z`."""
    micros = round(seconds * 1_000_000)
    return _second(micros // 1_000_000) + MILLISECONDS[micros % 1_000_000 // 1000]


def milliseconds(seconds: float) -> str:
    """The same without a zone."""
    return iso(seconds)[:-1]


@lru_cache(64)
def _second(seconds: int) -> str:
    """Most events begin within a few of them."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]


def writer(form: str) -> Write:
    """Writes times in this format; the default where it is empty. Raises `ValueError`."""
    if not form:
        return iso
    pieces = [_piece(found) for found in PIECE.finditer(form)]
    return lambda seconds: _written(pieces, seconds)


def _written(pieces: list[Callable[[datetime, int], str]], seconds: float) -> str:
    # Whole microseconds: a number of seconds since 1970 is no more exact than that.
    micros = round(seconds * 1_000_000)
    moment = datetime.fromtimestamp(micros // 1_000_000, UTC)
    return "".join(piece(moment, micros) for piece in pieces)


def _piece(found: re.Match[str]) -> Callable[[datetime, int], str]:
    text, code = found[0], found[1]
    if code is None and text == "%":
        raise ValueError("ends in a percent sign that begins nothing; write %% for the sign itself")
    if code is None:
        return lambda moment, micros: text
    if code == "s":
        return lambda moment, micros: str(micros // 1_000_000)
    if code.endswith("f"):
        digits = int(code[:-1] or 9)
        return lambda moment, micros: f"{micros % 1_000_000:06}000"[:digits]
    if code not in KNOWN:
        raise ValueError(f"has {text}, which is no part of a time; write one of strftime's, %s, or %3f and its like")
    return lambda moment, micros: moment.strftime(text)
