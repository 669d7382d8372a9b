"""Trust bundles: the system's roots and our authority together, in the forms that programs read.

Whatever goes in is parsed as certificates and written from them, so no key can come out, whatever a file held.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12Certificate, serialize_java_truststore

from outgate.pki import files, names, pem, strict
from outgate.pki.problem import CertificateProblem

BUNDLE_FILE = "ca-bundle.pem"
AUTHORITY_FILE = "outgate-ca.pem"
TRUSTSTORE_FILE = "truststore.p12"
# The JDK will not read a store without a password. This one, its own default, keeps no secret: roots are public.
TRUSTSTORE_PASSWORD = "changeit"


def read_anchors(path: Path) -> list[x509.Certificate]:
    """The authorities of a PEM file. Raises CertificateProblem where one is none: trust in a leaf helps nobody."""
    found = pem.certificates(files.read(path))
    for certificate in found:
        if not strict.is_authority(certificate):
            who = names.quote(certificate.subject.rfc4514_string())
            raise CertificateProblem(
                path, f"{who} is not a certificate authority", "bundle the authority's certificate"
            )
    return found


def merge(ours: Sequence[x509.Certificate], system: Iterable[x509.Certificate]) -> list[x509.Certificate]:
    """Ours first, then the system's, each once.

    A certificate of the system with our subject is left out: it is an authority that ours has replaced, come back
    because the system's roots were themselves read from an earlier bundle.
    """
    replaced = {certificate.subject for certificate in ours}
    kept = (certificate for certificate in system if certificate.subject not in replaced)
    return list({certificate.fingerprint(hashes.SHA256()): certificate for certificate in (*ours, *kept)}.values())


def truststore(anchors: Sequence[x509.Certificate], password: str = TRUSTSTORE_PASSWORD) -> bytes:
    """A PKCS#12 store whose entries the JDK takes for trusted; our authority's alias begins with `outgate`."""
    entries = [PKCS12Certificate(anchor, _alias(anchor, number)) for number, anchor in enumerate(anchors)]
    return serialize_java_truststore(entries, BestAvailableEncryption(password.encode()))


def write_pem(directory: Path, ours: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate]) -> list[Path]:
    """Write the merged bundle, and our authority alone for programs that add. Raises CertificateProblem."""
    files.make_directory(directory)
    bundle, authority = directory / BUNDLE_FILE, directory / AUTHORITY_FILE
    files.write(bundle, pem.text(*anchors), files.PUBLIC_MODE, overwrite=True)
    files.write(authority, pem.text(*ours), files.PUBLIC_MODE, overwrite=True)
    return [bundle, authority]


def write_truststore(directory: Path, anchors: Sequence[x509.Certificate]) -> list[Path]:
    """Write the JDK's store. Raises CertificateProblem."""
    files.make_directory(directory)
    path = directory / TRUSTSTORE_FILE
    files.write(path, truststore(anchors), files.PUBLIC_MODE, overwrite=True)
    return [path]


def _alias(certificate: x509.Certificate, number: int) -> bytes:
    """Aliases must differ, and the JDK compares them without case."""
    print_ = certificate.fingerprint(hashes.SHA256()).hex()[:16]
    return f"{'outgate' if number == 0 else 'root'}-{print_}".encode()
