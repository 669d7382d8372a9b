"""Certificate authorities and certificates for tests, as PEM files below one directory.

Owns key generation and extensions: elliptic curves throughout, and everything that strict verification asks for (key
usage, key identifiers). Knows nothing of the certificates that outgate itself makes.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFE = dt.timedelta(days=30)


@dataclass(frozen=True)
class Certified:
    """A certificate and its key, as files. `chain` is the certificate followed by its issuer's."""

    cert: Path
    key: Path
    chain: Path

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, in lower-case hex, as origins record it."""
        parsed = x509.load_pem_x509_certificate(self.cert.read_bytes())
        return hashlib.sha256(parsed.public_bytes(serialization.Encoding.DER)).hexdigest()


class Authority:
    """A CA that signs what it is asked to. Its own files are `cert` and `key`."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        subject = _subject(name)
        builder = _builder(subject, subject, self._key.public_key(), LIFE).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
        self._cert = builder.sign(self._key, hashes.SHA256())
        files = _write(folder, name, self._cert, self._key, self._cert)
        self.cert, self.key = files.cert, files.key

    def server(self, name: str, sans: Iterable[str], life: dt.timedelta = LIFE) -> Certified:
        """A server's certificate. `sans` are host names, wildcards, addresses or URIs; a `life` below 0 is expired."""
        return self._issue(name, sans, ExtendedKeyUsageOID.SERVER_AUTH, life)

    def client(self, name: str, sans: Iterable[str] = (), life: dt.timedelta = LIFE) -> Certified:
        """A client's certificate, with the name as its SAN if there is no other."""
        return self._issue(name, tuple(sans) or (name,), ExtendedKeyUsageOID.CLIENT_AUTH, life)

    def _issue(self, name: str, sans: Iterable[str], purpose: x509.ObjectIdentifier, life: dt.timedelta) -> Certified:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        cert = (
            _builder(_subject(name), self._cert.subject, key.public_key(), life)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.SubjectAlternativeName([_san(san) for san in sans]), critical=False)
            .add_extension(issuer, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return _write(self._folder, name, cert, key, self._cert)


def bundle(path: Path, *authorities: Authority) -> Path:
    """One file with the certificates of several authorities."""
    path.write_text("".join(authority.cert.read_text() for authority in authorities))
    return path


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, life: dt.timedelta
) -> x509.CertificateBuilder:
    """Valid from long enough ago that clocks need not agree, and that `life` may end in the past."""
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
        .not_valid_before(now - LIFE)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _san(text: str) -> x509.GeneralName:
    if "://" in text:
        return x509.UniformResourceIdentifier(text)
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _write(
    folder: Path, name: str, cert: x509.Certificate, key: ec.EllipticCurvePrivateKey, issuer: x509.Certificate
) -> Certified:
    """Keys are readable by all: tests run servers and gates under other uids, and the keys guard nothing."""
    stem = name.replace("*", "any").replace("/", "-")
    files = Certified(folder / f"{stem}.crt", folder / f"{stem}.key", folder / f"{stem}.chain.crt")
    pem = serialization.Encoding.PEM
    files.cert.write_bytes(cert.public_bytes(pem))
    files.chain.write_bytes(cert.public_bytes(pem) + (b"" if cert is issuer else issuer.public_bytes(pem)))
    files.key.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return files
