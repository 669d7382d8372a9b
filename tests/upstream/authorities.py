"""A test PKI: authorities that issue whatever a test needs, well made or not, as files."""

import datetime
import hashlib
import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as files."""

    certificate: str
    key: str
    der: bytes = field(repr=False)
    pin: str = ""

    @property
    def serial(self) -> int:
        return x509.load_der_x509_certificate(self.der).serial_number


def subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


class Authority:
    """One CA in a directory. `usage` False leaves key usage out, as many home-made CAs do."""

    def __init__(self, directory: Path, name: str, *, usage: bool = True, parent: "Authority | None" = None) -> None:
        self.directory, self.name = directory, name
        self.private = ec.generate_private_key(ec.SECP256R1())
        issuer, signer = (parent.name, parent.private) if parent else (name, self.private)
        builder = self._builder(subject(name), subject(issuer), self.private, -1, 365)
        builder = builder.add_extension(x509.BasicConstraints(True, None), critical=True)
        if usage:
            builder = builder.add_extension(_usage(authority=True), critical=True)
        builder = builder.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(self.private.public_key()), critical=False
        )
        self.cert = builder.sign(signer, hashes.SHA256())
        self.path = str(directory / f"{name}.pem")
        Path(self.path).write_bytes(self.pem)

    @property
    def pem(self) -> bytes:
        return self.cert.public_bytes(serialization.Encoding.PEM)

    def issue(
        self,
        name: str,
        *,
        dns: tuple[str, ...] = (),
        uris: tuple[str, ...] = (),
        ips: tuple[str, ...] = (),
        days: int = 30,
        private: ec.EllipticCurvePrivateKey | None = None,
        with_issuer: bool = False,
    ) -> Pair:
        """A leaf in `name`.pem and `name`.key. Negative `days`: expired so many days ago."""
        private = private or ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(subject(name), self.cert.subject, private, min(-1, days - 1), days)
        names: list[x509.GeneralName] = [x509.DNSName(value) for value in dns]
        names += [x509.UniformResourceIdentifier(value) for value in uris]
        names += [x509.IPAddress(ipaddress.ip_address(value)) for value in ips]
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.private.public_key()), critical=False
        )
        cert = builder.sign(self.private, hashes.SHA256())
        certificate, key = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        tail = self.pem if with_issuer else b""
        certificate.write_bytes(cert.public_bytes(serialization.Encoding.PEM) + tail)
        key.write_bytes(key_pem(private))
        der = cert.public_bytes(serialization.Encoding.DER)
        return Pair(str(certificate), str(key), der, pin_of(private))

    def revoke(self, *pairs: Pair, days: int = 7) -> str:
        """A CRL with these certificates on it, as a file. Negative `days`: out of date."""
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.cert.subject)
        builder = builder.last_update(now - 10 * DAY).next_update(now + days * DAY)
        for pair in pairs:
            revoked = x509.RevokedCertificateBuilder().serial_number(pair.serial).revocation_date(now - DAY).build()
            builder = builder.add_revoked_certificate(revoked)
        path = self.directory / f"{self.name}.crl"
        path.write_bytes(builder.sign(self.private, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return str(path)

    def _builder(self, name, issuer, private, begin: int, end: int) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(private.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        return builder.not_valid_before(now + begin * DAY).not_valid_after(now + end * DAY)


def key_pem(private: ec.EllipticCurvePrivateKey, password: bytes | None = None) -> bytes:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def pin_of(private: ec.EllipticCurvePrivateKey) -> str:
    spki = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(spki).hexdigest()


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
