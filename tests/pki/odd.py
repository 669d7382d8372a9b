"""Certificates that outgate itself would not make, for the tests beside this file."""

import datetime
import os
import ssl
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
DAY = datetime.timedelta(days=1)
USAGE = dict.fromkeys(
    (
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "encipher_only",
        "decipher_only",
    ),
    False,
)
SIGNS = x509.KeyUsage(digital_signature=False, key_cert_sign=True, crl_sign=True, **USAGE)
SIGNS_NOT = x509.KeyUsage(digital_signature=True, key_cert_sign=False, crl_sign=False, **USAGE)
AUTHORITY = x509.BasicConstraints(ca=True, path_length=None)
Extensions = Iterable[tuple[x509.ExtensionType, bool]]


def name(text: str) -> x509.Name:
    """A subject of one common name, or of nothing."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)] if text else [])


def certificate(
    subject: str,
    key,
    extensions: Extensions,
    issuer: x509.Certificate | None = None,
    signer=None,
    start: datetime.datetime = NOW - DAY,
    end: datetime.datetime = NOW + 90 * DAY,
) -> x509.Certificate:
    """A certificate with exactly `extensions`, each with whether it is critical; self-signed without an issuer."""
    draft = x509.CertificateBuilder(
        subject_name=name(subject),
        issuer_name=issuer.subject if issuer else name(subject),
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=start,
        not_valid_after=end,
    )
    for extension, critical in extensions:
        draft = draft.add_extension(extension, critical)
    signer = signer or key
    return draft.sign(signer, None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def authority(subject: str, key, issuer=None, signer=None, **dates) -> x509.Certificate:
    """An authority without fault, self-signed without an issuer."""
    extensions = [(AUTHORITY, True), (SIGNS, True), (identifier(key), False), (issued_by(signer or key), False)]
    return certificate(subject, key, extensions, issuer, signer, **dates)


def leaf(host: str, key, issuer: x509.Certificate, signer, **dates) -> x509.Certificate:
    """An end entity without fault."""
    extensions = [(x509.SubjectAlternativeName([x509.DNSName(host)]), True), (issued_by(signer), False)]
    return certificate("", key, extensions, issuer, signer, **dates)


def identifier(key) -> x509.SubjectKeyIdentifier:
    return x509.SubjectKeyIdentifier.from_public_key(key.public_key())


def issued_by(key) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(item.public_bytes(Encoding.PEM) for item in certificates)


def key_pem(key, password: str = "") -> bytes:
    lock = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)


def put(path: Path, data: bytes, mode: int = 0o600) -> Path:
    """Write a file with exactly `mode`."""
    path.write_bytes(data)
    path.chmod(mode)
    return path


def server(chain: bytes, key) -> ssl.SSLContext:
    """A server that presents `chain` (PEM)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    descriptor = os.memfd_create("test")
    try:
        os.write(descriptor, key_pem(key) + chain)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
    return context
