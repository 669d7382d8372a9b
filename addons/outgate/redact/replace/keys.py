"""What replacements are made with: one key an export, and the digests of values under it.

Owns the derivation. A digest tells nothing to whoever has no key, so that short values cannot be tried one after the
other; and no two exports have the same key, so that nothing in one leads to the other. Knows no format and no file.
"""

from __future__ import annotations

import hmac
from functools import lru_cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

LEAST = 16
"""Bytes of a master key."""
REMEMBERED = 65536
"""Digests that are kept."""
SHORT = 256
"""Characters of a value whose digest is kept."""


class Keys:
    """The key of one export. `policy` is the digest of the redaction that was in force."""

    __slots__ = ("_keyed", "_remembered", "export")

    def __init__(self, master: bytes, export: str, policy: str) -> None:
        if len(master) < LEAST:
            raise ValueError(f"a master key of {len(master)} bytes can be guessed; use at least {LEAST} random ones")
        self.export = export
        key = HKDF(SHA256(), 32, salt=None, info=_joined("outgate export", export, policy)).derive(master)
        self._keyed = hmac.new(key, digestmod="sha256")
        self._remembered = lru_cache(REMEMBERED)(self._digest)

    def __repr__(self) -> str:
        return f"Keys(export={self.export!r})"

    def digest(self, class_: str, value: str) -> bytes:
        """32 bytes: the same for the same value of the same class."""
        return (self._remembered if len(value) <= SHORT else self._digest)(class_, value)

    def _digest(self, class_: str, value: str) -> bytes:
        keyed = self._keyed.copy()
        keyed.update(_joined(class_, value))
        return keyed.digest()


def _joined(*texts: str) -> bytes:
    """Texts as bytes that no other texts come to."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    return b"".join(b"%d:%b" % (len(each), each) for each in encoded)
