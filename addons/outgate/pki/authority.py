"""The certificate authority that signs for workloads: made, saved, loaded, asked what it may sign.

Owns what an authority must be before anything is signed with it. Knows nothing of connections or caches.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from outgate.pki import files, names, pem, profile
from outgate.pki.chains import issued
from outgate.pki.constraints import Constraints, permitting
from outgate.pki.problem import CertificateProblem, Exists
from outgate.problems import Problem, Severity, Where

CERTIFICATE_FILE = "outgate-ca.crt"
KEY_FILE = "outgate-ca.key"
EXPIRY_NOTICE = timedelta(days=14)

_UNSAVED = Where("the new authority")

type AuthorityKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Authority:
    """A certificate that may sign, its key, and the issuers above it, nearest first.

    `warnings` are problems that do not stop it from signing.
    """

    certificate: x509.Certificate
    key: AuthorityKey = field(repr=False)
    chain: tuple[x509.Certificate, ...] = ()
    where: Where = _UNSAVED
    warnings: tuple[Problem, ...] = ()

    @cached_property
    def constraints(self) -> Constraints:
        """What this certificate and those above it say about names."""
        return Constraints.of((self.certificate, *self.chain))

    @property
    def constrained(self) -> bool:
        """Whether name constraints limit what may be signed."""
        return bool(self.constraints)

    @cached_property
    def end(self) -> datetime:
        """When the first certificate of the chain ends: nothing signed here is valid beyond."""
        return min(item.not_valid_after_utc for item in (self.certificate, *self.chain))

    @cached_property
    def presented(self) -> bytes:
        """PEM of what a server sends after its own certificate.

        Roots stay out: a client that does not hold the root gains nothing from being sent it.
        """
        return pem.text(*(item for item in (self.certificate, *self.chain) if item.issuer != item.subject))

    def may_sign(self, host: str) -> bool:
        """Whether a leaf for `host` would be a canonical name within the constraints."""
        try:
            return self.constraints.permit(names.host(host))
        except ValueError:
            return False

    def pair(self) -> tuple[bytes, bytes]:
        """PEM of the certificate with its issuers, and of the key."""
        secret = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return pem.text(self.certificate, *self.chain), secret

    def sign(self, draft: x509.CertificateBuilder) -> x509.Certificate:
        """Sign a draft as it is. What may be signed is the caller's question."""
        return draft.sign(self.key, hashes.SHA256())


def create_authority(
    common_name: str, days: int, permitted_dns: Sequence[str] = (), *, clock: Callable[[], float] = time.time
) -> Authority:
    """Make an EC P-256 authority valid for `days`, bound to `permitted_dns` and all below where any are given.

    Raises ValueError for a name or a number of days no certificate can have.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    valid = profile.window(profile.moment(clock()), timedelta(days=days))
    limits = permitting(permitted_dns) if permitted_dns else None
    draft = profile.authority(profile.common_name(common_name), key.public_key(), valid, limits)
    return Authority(draft.sign(key, hashes.SHA256()), key)


def load_authority(certificate: Path, key: Path, *, clock: Callable[[], float] = time.time) -> Authority:
    """Read an authority and judge it whole; issuers may follow it in its file. Raises CertificateProblem."""
    held = files.read(key)
    mode = files.mode_problem(held)
    if mode and mode.severity is Severity.ERROR:
        raise CertificateProblem(mode.where, mode.what, mode.hint)
    first, *chain = pem.certificates(files.read(certificate))
    private = _pair(first, certificate, held)
    now = profile.moment(clock())
    for item in (first, *chain):
        _judge(item, certificate, now)
    _judge_order(first, chain, certificate)
    authority = Authority(first, private, tuple(chain), Where(str(certificate)))
    usage = (_usage_notice(item, certificate) for item in (first, *chain))
    notes = (mode, files.directory_problem(key), _expiry_notice(authority, now), *usage)
    return replace(authority, warnings=tuple(note for note in notes if note))


def save_authority(authority: Authority, directory: Path, *, overwrite: bool = False) -> tuple[Path, Path]:
    """Write certificate and key (mode 0600) under their default names. Raises Exists, having written neither."""
    certificate, key = directory / CERTIFICATE_FILE, directory / KEY_FILE
    for path in (certificate, key):
        if os.path.lexists(path) and not overwrite:
            hint = "keep it, or replace it with --force; workloads must then trust the new one"
            raise Exists(path, "an authority exists already", hint)
    files.make_directory(directory)
    public, secret = authority.pair()
    files.write(key, secret, files.KEY_MODE, overwrite=overwrite)
    files.write(certificate, public, files.PUBLIC_MODE, overwrite=overwrite)
    return certificate, key


def _pair(certificate: x509.Certificate, path: Path, held: files.Held) -> AuthorityKey:
    private = pem.key(held)
    if not isinstance(private, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise CertificateProblem(held.path, "is neither an EC nor an RSA key", "use an EC P-256 key")
    if private.public_key() != certificate.public_key():
        raise CertificateProblem(held.path, f"does not belong to {path}", "put the pair together, or make a new one")
    return private


def _judge(certificate: x509.Certificate, path: Path, now: datetime) -> None:
    who = names.quote(certificate.subject.rfc4514_string())
    if now > certificate.not_valid_after_utc:
        when = f"{certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        raise CertificateProblem(path, f"{who} expired on {when}", "renew it, or run outgate certs init --force")
    if now < certificate.not_valid_before_utc:
        when = f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        raise CertificateProblem(path, f"{who} is not valid before {when}", "check this machine's clock")
    found = {type(extension.value): extension.value for extension in certificate.extensions}
    basic, usage = found.get(x509.BasicConstraints), found.get(x509.KeyUsage)
    if not isinstance(basic, x509.BasicConstraints) or not basic.ca:
        raise CertificateProblem(path, f"{who} is not a certificate authority", "name a file whose certificates are")
    if isinstance(usage, x509.KeyUsage) and not usage.key_cert_sign:
        raise CertificateProblem(path, f"{who} may not sign certificates", "reissue it with the key usage keyCertSign")


def _judge_order(first: x509.Certificate, chain: Sequence[x509.Certificate], path: Path) -> None:
    for number, (subject, issuer) in enumerate(zip((first, *chain), chain, strict=False), start=2):
        if not issued(issuer, subject):
            what = f"certificate {number} did not issue the one before it"
            raise CertificateProblem(path, what, "put the authority first and each issuer after what it issued")


def _expiry_notice(authority: Authority, now: datetime) -> Problem | None:
    left = authority.end - now
    if left > EXPIRY_NOTICE:
        return None
    hint = "make a new one and have workloads trust it before then"
    return Problem(authority.where, f"the authority expires in {left.days} days", hint, Severity.WARNING)


def _usage_notice(certificate: x509.Certificate, path: Path) -> Problem | None:
    if any(isinstance(extension.value, x509.KeyUsage) for extension in certificate.extensions):
        return None
    what = f"{names.quote(certificate.subject.rfc4514_string())} has no key usage, which Python 3.13 and later refuse"
    return Problem(Where(str(path)), what, "reissue it with the key usage keyCertSign", Severity.WARNING)
