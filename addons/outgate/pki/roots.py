"""The trust store of the system. Owns where it lies; knows nothing of our authority."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from cryptography import x509

from outgate.pki import files, pem
from outgate.pki.problem import Unreadable

_PLACES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine, Arch
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora, Red Hat
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # BSD, macOS, Alpine
)


def system_roots() -> list[x509.Certificate]:
    """What this system's programs trust: SSL_CERT_FILE, else OpenSSL's file, else a usual place. Raises Unreadable."""
    paths = (os.environ.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().openssl_cafile, *_PLACES)
    for path in paths:
        if path and os.path.isfile(path) and (found := read_roots(Path(path))):
            return found
    raise Unreadable("the system's trust store", "was not found", "install ca-certificates, or use --roots FILE")


def read_roots(path: Path) -> list[x509.Certificate]:
    """The certificates of a PEM file that can be parsed, perhaps none. Raises Unreadable."""
    return pem.readable(files.read(path))
