"""What a certificate or a key file says, as data to print. Pure; judges nothing."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from outgate.pki import pem, strict
from outgate.pki.files import Held
from outgate.problems import Where

_KINDS: dict[type[x509.GeneralName], str] = {
    x509.DNSName: "DNS",
    x509.IPAddress: "IP",
    x509.UniformResourceIdentifier: "URI",
    x509.RFC822Name: "email",
}


@dataclass(frozen=True, slots=True)
class CertificateFact:
    """One certificate. `fingerprint` is SHA-256 in hexadecimal; `days_left` are whole days, negative after the end.

    `key` is the file of the private key that goes with it, `key_matches` whether it really does; None where unknown.
    """

    where: Where
    subject: str
    names: tuple[str, ...]
    issuer: str
    not_before: datetime
    not_after: datetime
    days_left: int
    is_ca: bool
    key_type: str
    fingerprint: str
    permitted: tuple[str, ...]
    excluded: tuple[str, ...]
    key: str | None = None
    key_matches: bool | None = None


@dataclass(frozen=True, slots=True)
class KeyFact:
    """One private key. `mode` is the file's, octal; `certificate` the file it is for, `matches` whether it fits."""

    where: Where
    key_type: str
    mode: str | None
    certificate: str | None = None
    matches: bool | None = None


def of_certificate(
    certificate: x509.Certificate, where: Where, now: datetime, key: str | None = None, matches: bool | None = None
) -> CertificateFact:
    """The facts of one certificate at the moment `now`."""
    constraints = [e.value for e in certificate.extensions if isinstance(e.value, x509.NameConstraints)]
    return CertificateFact(
        where=where,
        subject=shown(certificate.subject.rfc4514_string()),
        names=tuple(_alternatives(certificate)),
        issuer=shown(certificate.issuer.rfc4514_string()),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        days_left=(certificate.not_valid_after_utc - now).days,
        is_ca=strict.is_authority(certificate),
        key_type=pem.key_type(certificate.public_key()),
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        permitted=tuple(_listed(c.permitted_subtrees for c in constraints)),
        excluded=tuple(_listed(c.excluded_subtrees for c in constraints)),
        key=key,
        key_matches=matches,
    )


def of_key(
    public: PublicKeyTypes, where: Where, held: Held, certificate: str | None = None, matches: bool | None = None
) -> KeyFact:
    """The facts of one private key, of which only the public half is needed."""
    mode = f"{stat.S_IMODE(held.status.st_mode):04o}" if held.status else None
    return KeyFact(where, pem.key_type(public), mode, certificate, matches)


def shown(text: str) -> str:
    """Text from a certificate, with what would move a terminal's cursor escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _alternatives(certificate: x509.Certificate) -> Iterator[str]:
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            yield from (_general(name) for name in extension.value)


def _listed(subtrees: Iterable[list[x509.GeneralName] | None]) -> Iterator[str]:
    return (_general(name) for group in subtrees for name in group or ())


def _general(name: x509.GeneralName) -> str:
    if isinstance(name, x509.DirectoryName):
        return shown(f"directory:{name.value.rfc4514_string()}")
    kind = _KINDS.get(type(name))
    return shown(f"{kind}:{name.value}") if kind else type(name).__name__
