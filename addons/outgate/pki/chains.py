"""Which certificate issued which. Pure."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm


def issued(issuer: x509.Certificate, subject: x509.Certificate) -> bool:
    """Whether `issuer`'s name and key are on `subject`."""
    if issuer.subject != subject.issuer:
        return False
    try:
        subject.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def is_root(certificate: x509.Certificate) -> bool:
    """Whether a chain may end here: the certificate names itself as its issuer."""
    return certificate.issuer == certificate.subject
