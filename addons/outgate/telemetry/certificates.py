"""What lines say of a certificate that the other side showed.

Owns the reading, once for each certificate. What cannot be parsed has nothing to say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509


@dataclass(frozen=True, slots=True)
class Shown:
    """Names of one kind are joined by commas. Times are seconds since the epoch."""

    subject: str
    issuer: str
    serial: str
    sha256: str
    sha1: str
    begins: float
    ends: float
    dns: str
    uri: str
    ip: str
    email: str


@lru_cache(maxsize=256)
def read(der: bytes) -> Shown | None:
    """A certificate; None for none."""
    if not der:
        return None
    from cryptography import x509  # who checks formats has no certificates, and need not wait for this

    try:
        return _read(x509.load_der_x509_certificate(der))
    except Exception:  # whatever a server presents: a line of the log is no reason to fail
        return None


def _read(certificate: x509.Certificate) -> Shown:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    names = _alternatives(certificate)
    return Shown(
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        serial=f"{certificate.serial_number:x}",
        sha256=certificate.fingerprint(hashes.SHA256()).hex(),
        sha1=certificate.fingerprint(hashes.SHA1()).hex(),
        begins=certificate.not_valid_before_utc.timestamp(),
        ends=certificate.not_valid_after_utc.timestamp(),
        dns=names(x509.DNSName),
        uri=names(x509.UniformResourceIdentifier),
        ip=names(x509.IPAddress),
        email=names(x509.RFC822Name),
    )


type Kind = type[x509.DNSName] | type[x509.UniformResourceIdentifier] | type[x509.IPAddress] | type[x509.RFC822Name]


def _alternatives(certificate: x509.Certificate) -> Callable[[Kind], str]:
    from cryptography import x509

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return lambda kind: ""
    return lambda kind: ",".join(map(str, found.get_values_for_type(kind)))
