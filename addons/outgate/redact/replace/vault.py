"""What replacements stand for, sealed: whoever has the operator's private key can read it, and nobody else.

Owns the form of a vault: a head, then one sealed record a token, then an end. Each file has a key of its own that is
forgotten when it is written, so that the gate cannot read what it has sealed. A file may end anywhere, as when a
process is killed; what is before that is read. Writes nothing itself.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from hashlib import sha256
from typing import BinaryIO, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAGIC = b"outgate-vault-1\n"
HEAD = struct.Struct("16s8s32s")
"""Magic, whose key opens it, public half of the file's own key."""
SIZE = struct.Struct(">I")
TOKEN = struct.Struct(">H")
MOST = 1024 * 1024
"""Bytes of a sealed record."""
NONCE = struct.Struct(">3xQ?")
"""Number of the record, and whether it is the last: none can be taken out, moved or put behind the end."""
MAKE = "make one with: openssl genpkey -algorithm X25519 -out vault.key; openssl pkey -in vault.key -pubout"


class VaultError(ValueError):
    """A key that is none, the wrong key, or a file that is not as it was written."""


class Kept(NamedTuple):
    """A token and what it stands for."""

    token: str
    original: str


def public_key(pem: bytes) -> X25519PublicKey:
    """The key to seal to. Raises `VaultError`."""
    try:
        key = serialization.load_pem_public_key(pem)
    except ValueError as error:
        raise VaultError(f"this is no public key in PEM; {MAKE}") from error
    if not isinstance(key, X25519PublicKey):
        raise VaultError(f"the key is no X25519 key; {MAKE}")
    return key


def private_key(pem: bytes, password: bytes | None = None) -> X25519PrivateKey:
    """The key to open with. Raises `VaultError`."""
    try:
        key = serialization.load_pem_private_key(pem, password)
    except TypeError as error:
        raise VaultError("the private key has a password, or has none; give it where there is one") from error
    except ValueError as error:
        raise VaultError("this is no private key in PEM, or the password is another") from error
    if not isinstance(key, X25519PrivateKey):
        raise VaultError(f"the key is no X25519 key; {MAKE}")
    return key


class Sealer:
    """Seals the records of one file, in their order. `head` comes first, `end` last."""

    __slots__ = ("_box", "_number", "head")

    def __init__(self, recipient: X25519PublicKey) -> None:
        own = X25519PrivateKey.generate()
        self.head = HEAD.pack(MAGIC, _named(recipient), own.public_key().public_bytes_raw())
        self._box = _box(own.exchange(recipient), self.head)
        self._number = 0

    def seal(self, kept: Kept) -> bytes:
        """A record to be appended. Raises `VaultError` where it is larger than any may be."""
        token, original = (text.encode("utf-8", "surrogatepass") for text in kept)
        if len(token) + len(original) > MOST // 2:
            raise VaultError(f"{len(original)} bytes behind one token are too many; at most {MOST // 2} are kept")
        return self._sealed(TOKEN.pack(len(token)) + token + original, last=False)

    def end(self) -> bytes:
        """What tells that nothing is missing."""
        return self._sealed(b"", last=True)

    def _sealed(self, content: bytes, *, last: bool) -> bytes:
        sealed = self._box.encrypt(NONCE.pack(self._number, last), content, None)
        self._number += 1
        return SIZE.pack(len(sealed)) + sealed


class Opened:
    """A vault that is read. `whole` once everything has been read up to its end; False: the writing broke off."""

    __slots__ = ("_box", "_file", "_number", "whole")

    def __init__(self, file: BinaryIO, private: X25519PrivateKey) -> None:
        """Raises `VaultError` where the file is no vault, or another key's."""
        head = file.read(HEAD.size)
        if len(head) < HEAD.size or not head.startswith(MAGIC):
            raise VaultError("this is no vault; name a file that outgate sealed")
        _, whose, public = HEAD.unpack(head)
        mine = _named(private.public_key())
        if whose != mine:
            raise VaultError(f"the vault is sealed for key {whose.hex()}, not for {mine.hex()}; give that private key")
        try:
            shared = private.exchange(X25519PublicKey.from_public_bytes(public))
        except ValueError as error:
            raise VaultError(_changed("the head")) from error
        self._box = _box(shared, head)
        self._file = file
        self._number = 0
        self.whole = False

    def __iter__(self) -> Iterator[Kept]:
        """Its records. Raises `VaultError` at the first that is not as it was written."""
        while (sealed := self._next()) is not None:
            content = self._content(sealed)
            if content is None:
                self._finish(sealed)
                return
            length = TOKEN.unpack_from(content)[0] + TOKEN.size
            yield Kept(_text(content[TOKEN.size : length]), _text(content[length:]))
            self._number += 1

    def _next(self) -> bytes | None:
        """The next sealed record; None where the file breaks off."""
        size = self._file.read(SIZE.size)
        if len(size) < SIZE.size:
            return None
        length = SIZE.unpack(size)[0]
        if length > MOST:
            raise VaultError(_changed(f"record {self._number}"))
        sealed = self._file.read(length)
        return sealed if len(sealed) == length else None

    def _content(self, sealed: bytes) -> bytes | None:
        try:
            return self._box.decrypt(NONCE.pack(self._number, False), sealed, None)
        except InvalidTag:
            return None

    def _finish(self, sealed: bytes) -> None:
        try:
            self._box.decrypt(NONCE.pack(self._number, True), sealed, None)
        except InvalidTag as error:
            raise VaultError(_changed(f"record {self._number}")) from error
        if self._file.read(1):
            raise VaultError(_changed("what is behind its end"))
        self.whole = True


def _named(key: X25519PublicKey) -> bytes:
    """What a key is called: the beginning of its digest."""
    return sha256(key.public_bytes_raw()).digest()[:8]


def _box(shared: bytes, head: bytes) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(HKDF(SHA256(), 32, salt=head, info=b"outgate vault").derive(shared))


def _changed(what: str) -> str:
    return f"{what} is not as it was written: the vault was changed or damaged; take another copy"


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")
