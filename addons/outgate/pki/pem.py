"""PEM text: its blocks with their lines, and the certificates and keys in them. Pure: bytes in, values out.

The blocks are found here and not by `cryptography`, so that a problem can name the line, and so that no certificate is
taken from, and no key left in, text that two readers understand differently.
"""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.utils import CryptographyDeprecationWarning

from outgate.pki.files import Held
from outgate.pki.problem import Unreadable
from outgate.problems import Where

# Boundaries begin a line, and blanks may follow them, as OpenSSL has it.
_BLOCK = re.compile(rb"^-----BEGIN ([A-Z0-9 ]{1,40})-----[ \t]*\r?\n.*?^-----END \1-----", re.DOTALL | re.MULTILINE)
# A name of an unknown string type is a KeyError or a TypeError.
_BROKEN = (
    ValueError,
    LookupError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_ENCRYPTED = (b"ENCRYPTED PRIVATE KEY", b"Proc-Type: 4,ENCRYPTED")


@dataclass(frozen=True, slots=True)
class Block:
    """One PEM block: its label, its text with both boundary lines, and where it begins."""

    label: str
    text: bytes
    where: Where

    @property
    def is_certificate(self) -> bool:
        return self.label in {"CERTIFICATE", "X509 CERTIFICATE"}

    @property
    def is_key(self) -> bool:
        return self.label.endswith("PRIVATE KEY")


def blocks(held: Held) -> Iterator[Block]:
    """Every PEM block of a file, in order."""
    for match in _BLOCK.finditer(held.data):
        line = held.data.count(b"\n", 0, match.start()) + 1
        yield Block(match[1].decode(), match[0] + b"\n", Where(held.path, line, 1))


def certificates(held: Held) -> list[x509.Certificate]:
    """The certificates of a file, in order, at least one. Raises Unreadable."""
    found = [certificate(block) for block in blocks(held) if block.is_certificate]
    if not found:
        raise Unreadable(held.path, "holds no PEM certificate", "name a file with a CERTIFICATE block")
    return found


def readable(held: Held) -> list[x509.Certificate]:
    """The certificates of a trust store that is not ours to mend, without those that cannot be parsed."""
    found = []
    for block in blocks(held):
        if block.is_certificate:
            with contextlib.suppress(Unreadable):
                found.append(certificate(block))
    return found


def certificate(block: Block) -> x509.Certificate:
    """The certificate in a block, with its extensions known to parse. Raises Unreadable."""
    try:
        # Some public roots have serial numbers that the parser takes but warns about.
        with warnings.catch_warnings(action="ignore", category=CryptographyDeprecationWarning):
            parsed = x509.load_pem_x509_certificate(block.text)
            # These are parsed at first use; a broken one has to be found here, where it has a line.
            _ = parsed.extensions, parsed.public_key(), parsed.subject, parsed.issuer
    except _BROKEN as error:
        raise Unreadable(block.where, "holds a certificate that cannot be parsed", "replace it") from error
    return parsed


def key(held: Held) -> PrivateKeyTypes:
    """The one private key of a file. Raises Unreadable."""
    found = [block for block in blocks(held) if block.is_key]
    if len(found) != 1:
        raise Unreadable(held.path, f"holds {len(found)} private keys", "name a file with exactly one")
    return private_key(found[0])


def private_key(block: Block) -> PrivateKeyTypes:
    """The key in a block. Raises Unreadable, without the parser's words: they might quote the key."""
    if any(mark in block.text for mark in _ENCRYPTED):
        raise Unreadable(block.where, "holds an encrypted private key", "decrypt it with openssl pkey -in IN -out OUT")
    try:
        return load_pem_private_key(block.text, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Unreadable(block.where, "holds a private key that cannot be parsed", "replace it") from None


def text(*items: x509.Certificate) -> bytes:
    """Certificates, and by its type nothing else, as PEM."""
    return b"".join(item.public_bytes(Encoding.PEM) for item in items)


def key_type(public: PublicKeyTypes) -> str:
    """A key's kind as a person names it: `EC secp256r1`, `RSA 2048`, `ED25519`."""
    name = type(public).__name__.removeprefix("_").removesuffix("PublicKey").removeprefix("Elliptic").upper()
    if curve := getattr(public, "curve", None):
        return f"EC {curve.name}"
    size = getattr(public, "key_size", None)
    return f"{name} {size}" if size else name
