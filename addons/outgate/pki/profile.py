"""What our certificates say: the extensions and the validity of an authority and of an end entity. Pure.

Python 3.13 verifies with VERIFY_X509_STRICT, which holds certificates to RFC 5280 where other clients do not: an
authority needs critical basic constraints, key usage and a subject key identifier, an end entity an authority key
identifier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

DAYS_LIMIT = 3650
# A workload's clock may be behind the one that signs.
_SKEW = timedelta(hours=1)

SERVER = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH


@dataclass(frozen=True, slots=True)
class Window:
    """When a certificate is valid. Whole seconds, UTC: a certificate holds nothing finer."""

    start: datetime
    end: datetime


def window(now: datetime, life: timedelta, latest: datetime | None = None) -> Window:
    """From an hour before `now` until `life` after it, but not beyond `latest`. Raises ValueError for an odd `life`."""
    if not timedelta() < life <= timedelta(days=DAYS_LIMIT):
        raise ValueError(f"{life.days} days is no life for a certificate; use 1 to {DAYS_LIMIT}")
    whole = now.replace(microsecond=0)
    return Window(whole - _SKEW, min(whole + life, latest) if latest else whole + life)


def moment(seconds: float) -> datetime:
    """Seconds since 1970, as a clock gives them, as a date."""
    return datetime.fromtimestamp(seconds, UTC)


def common_name(text: str) -> x509.Name:
    """A subject of one name. Raises ValueError unless it has 1 to 64 printable characters."""
    if not 1 <= len(text) <= 64 or not text.isprintable():
        raise ValueError(f"{text[:80]!a} is no common name; use 1 to 64 printable characters")
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def authority(
    subject: x509.Name, public: ec.EllipticCurvePublicKey, valid: Window, constraints: x509.NameConstraints | None
) -> x509.CertificateBuilder:
    """A self-signed authority for end entities. Constraints are critical: who cannot read them must refuse."""
    identifier = x509.SubjectKeyIdentifier.from_public_key(public)
    draft = (
        _draft(subject, subject, public, valid)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
    )
    return draft.add_extension(constraints, critical=True) if constraints else draft


def end_entity(
    subject: x509.Name,
    names: Sequence[x509.GeneralName],
    public: ec.EllipticCurvePublicKey,
    purpose: ObjectIdentifier,
    issuer: x509.Certificate,
    valid: Window,
) -> x509.CertificateBuilder:
    """A certificate for one purpose. With an empty subject the names are critical, as the standard asks."""
    return (
        _draft(subject, issuer.subject, public, valid)
        .add_extension(x509.SubjectAlternativeName(names), critical=not subject.rdns)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(issuer_identifier(issuer), critical=False)
    )


def issuer_identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """The identifier the issuer calls itself by; computed from its key only where it has none."""
    for extension in issuer.extensions:
        if isinstance(extension.value, x509.SubjectKeyIdentifier):
            return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(extension.value)
    public = issuer.public_key()
    # Any key an authority may hold can be identified; the type says so only for some.
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(public)  # type: ignore[arg-type]


def _draft(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, valid: Window
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=public,
        serial_number=x509.random_serial_number(),
        not_valid_before=valid.start,
        not_valid_after=valid.end,
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
