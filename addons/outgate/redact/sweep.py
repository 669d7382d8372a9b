"""What was taken in one place is looked for everywhere else, as it is and in the encodings that it may have there.

Owns the encodings: percent signs, escapes of JSON and HTML, hexadecimal, and base64 in both alphabets, wherever in a
longer text it begins. What stands in the place of one is letters and digits, which are safe in all of them.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus

import re2

from outgate.redact.codecs.utf8 import encoded

MOST = 4096
"""Values; the longest are looked for."""
FEW = 48
"""Forms that are looked for one by one, which is faster than all at once."""
AT_ONCE, IN_A_SET = 1500, 4096
"""Forms in one pattern, and in one set of them."""
END = b"\0\0\0"
"""Of a text that is searched for many forms: whoever has found it has seen all of the text."""
MEMORY = 32 * 1024 * 1024
SHORTEST, BEGINNING = 6, 8
"""Bytes of a form, and those of it that are looked for first."""
LONG, REMEMBERED = 256, 4096
"""Characters of values whose forms are remembered, for most come again; and how many."""
SPARED, IN_JSON, IN_HTML = re.compile("[/ ]"), re.compile(r'["\\/\x00-\x1f\x7f]'), re.compile("[&<>\"']")
"""What some percent signs spare, and what JSON and HTML escape."""
URL_SAFE = bytes.maketrans(b"+/", b"-_")


class Sweep:
    """For some values, each with what stands for it."""

    def __init__(self, taken: Mapping[str, str]) -> None:
        forms: dict[bytes, tuple[bytes, bool]] = {}
        for text in sorted(taken, key=len, reverse=True)[:MOST]:
            made = taken[text].encode()
            for form, rigid in _known(text) if len(text) <= LONG else _forms(text):
                forms.setdefault(form, (made, rigid))
        self._forms = dict(sorted(forms.items(), key=lambda item: -len(item[0])))
        self._beginnings: list[_Literals] = []

    def over(self, pieces: Sequence[bytes], rigid: Container[int] = ()) -> dict[int, bytes]:
        """By its number, what becomes of each piece that has something in it. `rigid`: those that keep their length."""
        together = b"\0".join(pieces)
        if not self._forms or not together:
            return {}
        there = self._there(together)
        made: dict[int, bytes] = {}
        for pattern in (_pattern(there[at : at + AT_ONCE]) for at in range(0, len(there), AT_ONCE)):
            for number, piece in enumerate(pieces):
                before = made.get(number, piece)
                after = self._without(pattern, before, rigid=number in rigid)
                if after != before:
                    made[number] = after
        return made

    def _there(self, together: bytes) -> list[bytes]:
        """Which forms are there; of thousands that are, all that may be."""
        begun = list(self._forms) if len(self._forms) <= FEW else self._begun(together)
        if len(begun) > FEW:
            return [form for each in _sets(begun) for form in each.among(together + END)]
        return [form for form in begun if form in together]

    def _begun(self, together: bytes) -> list[bytes]:
        """Those whose first bytes are there: a set of these alone is made in a tenth of the time."""
        self._beginnings = self._beginnings or _sets(list(dict.fromkeys(form[:BEGINNING] for form in self._forms)))
        there = {found for each in self._beginnings for found in each.among(together + END)}
        return [form for form in self._forms if form[:BEGINNING] in there]

    def _without(self, pattern: Any, piece: bytes, *, rigid: bool) -> bytes:
        def instead(found: Any) -> bytes:
            made, same_length = self._forms[found[0]]
            return _cut(made, len(found[0])) if same_length or rigid else made

        return bytes(pattern.sub(instead, piece))


class _Literals:
    """Some forms, all looked for at once. RE2 tells nothing where its memory was not enough; then all may be there."""

    def __init__(self, forms: list[bytes]) -> None:
        options = _options()
        options.literal = True
        self._forms, self._set = forms, re2.Set.SearchSet(options)
        for form in (*forms, END):
            self._set.Add(form)
        self._set.Compile()

    def among(self, text: bytes) -> list[bytes]:
        """Those that are in a text which ends with `END`."""
        found = self._set.Match(text) or []
        known = len(self._forms) in found
        return [self._forms[number] for number in sorted(found)[:-1]] if known else self._forms


def _sets(forms: list[bytes]) -> list[_Literals]:
    return [_Literals(forms[at : at + IN_A_SET]) for at in range(0, len(forms), IN_A_SET)]


def _pattern(forms: Iterable[bytes]) -> Any:
    """The longest first."""
    return re2.compile(b"|".join(map(re2.escape, forms)), _options())


def _options() -> Any:
    options = re2.Options()
    options.max_mem, options.log_errors, options.encoding = MEMORY, False, re2.Options.Encoding.LATIN1
    return options


@lru_cache(REMEMBERED)
def _known(text: str) -> tuple[tuple[bytes, bool], ...]:
    return tuple(_forms(text))


def _forms(text: str) -> Iterator[tuple[bytes, bool]]:
    """Each with whether what stands for it has to have its length."""
    raw = encoded(text)
    plain = [raw, *(each.encode() for each in _escaped(text, raw))]
    for form in dict.fromkeys(plain):
        if len(form) >= SHORTEST:
            yield form, False
    for form in (raw.hex().encode(), raw.hex().upper().encode(), *_in_base64(raw)):
        if len(form) >= SHORTEST:
            yield form, True


def _escaped(text: str, raw: bytes) -> Iterator[str]:
    """As escapes write it, where there are some."""
    if text.isascii() and text.isalnum():
        return
    for form in {quote(raw, safe=""), *((quote(raw), quote_plus(raw)) if SPARED.search(text) else ())}:
        yield form
        yield _lower(form)
    if not text.isascii() or IN_JSON.search(text):
        yield json.dumps(text)[1:-1]
        yield json.dumps(text, ensure_ascii=False)[1:-1].encode("utf-8", "replace").decode()
        yield json.dumps(text)[1:-1].replace("/", "\\/")
    if not text.isascii() or IN_HTML.search(text):
        yield html.escape(text).encode("utf-8", "replace").decode()
        yield html.escape(text, quote=False).encode("utf-8", "replace").decode()
        yield html.escape(text).replace("&#x27;", "&#39;").encode("utf-8", "replace").decode()


def _lower(form: str) -> str:
    """With percent signs as some clients write them."""
    pieces = form.split("%")
    return "%".join([pieces[0], *(piece[:2].lower() + piece[2:] for piece in pieces[1:])])


def _in_base64(raw: bytes) -> Iterator[bytes]:
    """What is the same whatever stands before and after: at each of the three places where it may begin."""
    for before in range(3):
        said = base64.b64encode(b"\0" * before + raw)
        start = (0, 2, 3)[before]
        end = (before + len(raw)) * 8 // 6
        core = said[start:end]
        yield core
        yield core.translate(URL_SAFE)


def _cut(made: bytes, length: int) -> bytes:
    """Digits of hexadecimal, which are also base64."""
    digits = made.hex().encode()
    return (digits * (length // len(digits) + 1))[:length]
