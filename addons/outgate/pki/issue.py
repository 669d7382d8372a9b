"""Server and client certificates that are written to files: for tests, demonstrations and hops between gates.

Owns what is asked of an authority and how the pair lands on disk. The leafs of the connection path are `leaf`'s.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from outgate.pki import files, names, pem, profile
from outgate.pki.authority import CERTIFICATE_FILE, Authority
from outgate.pki.problem import CertificateProblem


class Kind(StrEnum):
    """What a certificate is for."""

    SERVER = "server"
    CLIENT = "client"


_PURPOSE = {Kind.SERVER: profile.SERVER, Kind.CLIENT: profile.CLIENT}
_RESERVED = CERTIFICATE_FILE.removesuffix(".crt")


@dataclass(frozen=True, slots=True)
class Issued:
    """PEM: the certificate followed by what is presented with it, and its key, which does not show in a repr."""

    certificate: bytes
    key: bytes = field(repr=False)


def issue(
    authority: Authority, kind: Kind, wanted: Sequence[str], days: int, *, clock: Callable[[], float] = time.time
) -> Issued:
    """A certificate with a P-256 key of its own for `wanted` (DNS names, addresses, URIs), within the authority's life.

    Raises ValueError for names or days no certificate can have, CertificateProblem for what the authority cannot sign.
    """
    alternatives = _alternatives(wanted)
    for name in alternatives:
        if not authority.constraints.permit(name):
            what = f"its name constraints do not permit {names.quote(str(name.value))}"
            raise CertificateProblem(authority.where, what, "ask for another, or make an authority that permits it")
    now = profile.moment(clock())
    if now >= authority.end:
        raise CertificateProblem(authority.where, "the authority has expired", "put a new one in its place")
    key = ec.generate_private_key(ec.SECP256R1())
    valid = profile.window(now, timedelta(days=days), authority.end)
    subject = _subject(alternatives[0], authority)
    draft = profile.end_entity(subject, alternatives, key.public_key(), _PURPOSE[kind], authority.certificate, valid)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Issued(pem.text(authority.sign(draft)) + authority.presented, secret)


def save_issued(issued: Issued, directory: Path, stem: str, *, overwrite: bool = False) -> tuple[Path, Path]:
    """Write `stem`.crt and `stem`.key (mode 0600); the paths, certificate first. Raises CertificateProblem."""
    if stem == _RESERVED:
        raise CertificateProblem(directory / f"{stem}.crt", "is the authority's own file", "ask for another first name")
    certificate, key = directory / f"{stem}.crt", directory / f"{stem}.key"
    files.make_directory(directory)
    if not overwrite:
        files.vacant(certificate, key)
    files.write(key, issued.key, files.KEY_MODE, overwrite=overwrite)
    files.write(certificate, issued.certificate, files.PUBLIC_MODE, overwrite=overwrite)
    return certificate, key


def stem(name: str) -> str:
    """A file name without suffix for a certificate's first name: the host, or the last part of a URI's path."""
    last = name.rstrip("/").rpartition("/")[2] if "://" in name else name.replace("*", "wildcard")
    return re.sub(r"[^A-Za-z0-9._-]", "-", last).lstrip(".-") or "certificate"


def _alternatives(wanted: Sequence[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = [names.alternative(text) for text in dict.fromkeys(wanted)]
    if not found:
        raise ValueError("a certificate needs a name; give a DNS name, an IP address or a URI")
    if sum(isinstance(name, x509.UniformResourceIdentifier) and name.value.startswith("spiffe:") for name in found) > 1:
        raise ValueError("a certificate holds one SPIFFE ID; issue one for each")
    return found


def _subject(first: x509.GeneralName, authority: Authority) -> x509.Name:
    """The first name as common name, for people to read, where it is a DNS name, fits and is within the constraints."""
    if isinstance(first, x509.DNSName) and len(first.value) <= 64:
        subject = profile.common_name(first.value)
        if authority.constraints.permit(x509.DirectoryName(subject)):
            return subject
    return x509.Name([])
