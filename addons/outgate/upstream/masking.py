"""Injected values, masked where they come back.

Owns the forms in which a value may echo, and masking across the cuts of a stream. A mask is as long as what it hides,
so lengths that were announced stay true. Sees plain bytes only: compressed ones have to be decoded first, or not asked
for.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from outgate.upstream.secret import Secret

SHORTEST = 8
"""Bytes; what is shorter is a word rather than a credential, and masking it would garble what was never injected."""
URL_SAFE = bytes.maketrans(b"+/", b"-_")


class Mask:
    """Masks some secrets, in plain and in the encodings that echo services and error pages use."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        forms = {form for secret in secrets for form in forms_of(secret.reveal())}
        self._forms = tuple(sorted(forms, key=lambda form: (-len(form), form)))
        self._longest = len(self._forms[0]) if self._forms else 0
        self._pattern = re.compile(b"|".join(map(re.escape, self._forms))) if self._forms else None
        self._first = frozenset(form[0] for form in self._forms)

    def __bool__(self) -> bool:
        return self._pattern is not None

    def mask(self, data: bytes) -> bytes:
        """The same number of bytes, secrets as asterisks."""
        return data if self._pattern is None else self._pattern.sub(lambda found: b"*" * len(found[0]), data)

    def settled(self, data: bytes) -> int:
        """How many bytes are masked the same whatever follows: the rest may be part of a secret, or of a longer one."""
        at = 0
        for found in self._pattern.finditer(data) if self._pattern is not None else ():
            begins = self._begins(data, at)
            if begins <= found.start():
                return begins
            at = found.end()
        return self._begins(data, at)

    def _begins(self, data: bytes, at: int) -> int:
        """Where, from `at` on, the data's end could be the beginning of a secret; its length where nowhere."""
        for start in range(max(at, len(data) - self._longest + 1), len(data)):
            end = data[start:]
            if data[start] in self._first and any(
                len(form) > len(end) and form.startswith(end) for form in self._forms
            ):
                return start
        return len(data)


class MaskedStream:
    """Masks a body that comes in pieces. Holds back only what may be part of a secret."""

    def __init__(self, mask: Mask) -> None:
        self._mask, self._held = mask, b""

    def feed(self, data: bytes) -> bytes:
        """What can be passed on after this piece."""
        whole = self._held + data
        settled = self._mask.settled(whole)
        self._held = whole[settled:]
        return self._mask.mask(whole[:settled])

    def finish(self) -> bytes:
        """What was held back, at the end."""
        rest, self._held = self._mask.mask(self._held), b""
        return rest


def forms_of(value: bytes) -> set[bytes]:
    """Every form of a value, and of each long enough word of it: `Bearer x` echoes as `x` too.

    Of `Basic x`, an origin knows user and password too, and may tell of either.
    """
    words = {value, *value.split(), *_login(value)}
    return {form for word in words if len(word) >= SHORTEST for form in _encoded(word)}


def _login(value: bytes) -> set[bytes]:
    """What stands in `Basic x`, whole and without the user's name, which is no secret."""
    scheme, _, encoded = value.strip().partition(b" ")
    if scheme.lower() != b"basic":
        return set()
    try:
        login = base64.b64decode(encoded.strip(), validate=True)
    except ValueError:
        return set()
    return {login, login.partition(b":")[2]}


def _encoded(word: bytes) -> set[bytes]:
    text = word.decode("latin-1")
    forms = {word, *_base64(word), word.hex().encode(), word.hex().upper().encode()}
    for quoted in (quote(word, safe=""), quote(word), quote_plus(word)):
        forms |= {quoted.encode(), re.sub(r"%..", lambda found: found[0].lower(), quoted).encode()}
    spelt = [json.dumps(text), json.dumps(text).replace("/", "\\/")]
    forms |= {form[1:-1].encode() for form in spelt}
    return forms | {html.escape(text).encode("latin-1"), html.escape(text, quote=False).encode("latin-1")}


def _base64(word: bytes) -> set[bytes]:
    """What base64 makes of a word wherever it stands in what is encoded: at each of three offsets, without the
    characters that its neighbours take part in."""
    forms = set()
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + word).rstrip(b"=")
        begin = (0, 2, 3)[offset]
        end = len(encoded) - (1 if (offset + len(word)) % 3 else 0)
        for form in (encoded[begin:], encoded[begin:end]):
            forms |= {form, form.translate(URL_SAFE)}
    return forms
